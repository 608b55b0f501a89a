// On paper every fold is open and the theme is light. Afterwards both are as before.
let restore = () => {};

addEventListener("beforeprint", () => {
  const theme = document.documentElement.dataset.theme;
  const closed = [...document.querySelectorAll("details:not([open])")];
  document.documentElement.dataset.theme = "light";
  for (const fold of closed) fold.open = true;
  restore = () => {
    document.documentElement.dataset.theme = theme;
    for (const fold of closed) fold.open = false;
  };
});
addEventListener("afterprint", () => restore());

// The download menu offers paper, too.
document.addEventListener("DOMContentLoaded", () => {
  const button = document.querySelector(".btn-download-pdf-button");
  button?.addEventListener("click", () => print());
});
