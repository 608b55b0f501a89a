// Modules and Python do not load from a file: address. There the page stays as it is printed.
(() => {
  const here = document.currentScript.src;
  const start = () => {
    if (location.protocol === "file:") {
      document.querySelectorAll(".needs-server").forEach((bar) => bar.remove());
      return;
    }
    const bar = document.querySelector(".run-bar");
    import(new URL("live/live.js", here)).catch(() => {}); // the computed figures stay
    if (bar?.dataset.files !== undefined) import(new URL("run/page.js", here)).catch(() => sayMissing(bar));
    if (bar) import(new URL("run/marks.js", here)).catch(() => {});
  };
  const sayMissing = (bar) => bar.prepend("This page cannot run: its scripts could not be loaded. Load it anew. ");
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", start);
  else start();
})();
