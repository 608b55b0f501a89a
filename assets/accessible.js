// What the theme leaves out for people who use a keyboard or a screen reader.
document.addEventListener("DOMContentLoaded", () => {
  // A button is called what it shows: the search field and folds have their own words.
  for (const named of document.querySelectorAll(".search-button-field, summary[aria-label]")) {
    named.removeAttribute("aria-label");
  }
  for (const fold of document.querySelectorAll("summary:has(> .toctree-toggle)")) {
    fold.setAttribute("aria-label", `Pages of ${fold.closest("li").querySelector("a").textContent}`);
  }
  for (const fold of document.querySelectorAll("button.toggle-button")) {
    const name = () => fold.setAttribute("aria-label", fold.dataset.toggleHint ?? "");
    name();
    new MutationObserver(name).observe(fold, { attributeFilter: ["data-toggle-hint"] });
  }

  // The title of a solution links to the exercise above it; a press on it must open the solution.
  for (const link of document.querySelectorAll(".dropdown.admonition > .admonition-title a")) {
    link.replaceWith(...link.childNodes);
  }

  // The logo stands outside every landmark of the page.
  const logo = document.querySelector(".sidebar-primary-item a.logo")?.parentElement;
  logo?.setAttribute("role", "navigation");
  logo?.setAttribute("aria-label", "Title page");

  // The bibliography's roles are no longer in the standard, and its list has no items.
  for (const entry of document.querySelectorAll(".citation-list, .citation-list [role]")) {
    entry.removeAttribute("role");
  }
});

addEventListener("load", () => {
  // On a phone a wide figure keeps its letters legible and scrolls.
  for (const figure of document.querySelectorAll(".bd-article .cell_output figure")) {
    figure.classList.toggle("wide", figure.querySelector("img")?.getAttribute("width") > 700);
  }

  // What scrolls can be reached and moved by keyboard. That changes with the width of the page, and when
  // a fold opens or a cell shows something new, which changes its height. The theme measures 300 ms after a change,
  // when its sidebars still move, and what folds hide counts as narrow: so the last word comes later.
  const scrolling = ".bd-article :is(.katex-display, pre, figure.wide), .pst-scrollable-table-container";
  const output = ".bd-article .cell_output pre";
  const columns = /\S {2,}\S.*\n.*\S {2,}\S/; // one below the other: such lines scroll, others wrap
  const scrolls = (box) =>
    box.scrollWidth > box.clientWidth || (box.matches(output) && box.scrollHeight > box.clientHeight);
  const reach = () => {
    for (const box of document.querySelectorAll(output)) box.classList.toggle("columns", columns.test(box.textContent));
    const wide = [...document.querySelectorAll(scrolling)].filter(scrolls); // measured first: a change costs a layout
    for (const box of wide) box.tabIndex = 0;
  };
  let waiting;
  const later = () => {
    clearTimeout(waiting);
    waiting = setTimeout(reach, 400);
  };
  reach();
  const article = document.querySelector(".bd-article");
  if (!article) return;
  new ResizeObserver(later).observe(article);
  new MutationObserver(later).observe(article, { childList: true, subtree: true }); // a box that stays as tall
});
