// Modules and Python do not load from a file: address. There the page stays as it is printed.
(() => {
  const here = document.currentScript.src;
  const start = () => {
    if (location.protocol === "file:") {
      document.querySelectorAll(".needs-server").forEach((bar) => bar.remove());
      return;
    }
    import(new URL("live/live.js", here));
    if (document.querySelector(".run-bar[data-files]")) import(new URL("run/page.js", here));
    if (document.querySelector(".run-bar")) import(new URL("run/marks.js", here));
  };
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", start);
  else start();
})();
