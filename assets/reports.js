// The chapter that a checker's report names is a link, also in an output that comes later.
document.addEventListener("DOMContentLoaded", () => {
  const article = document.querySelector(".bd-article");
  const link = (part) => {
    for (const name of part.querySelectorAll?.("span[data-chapter]") ?? []) {
      const page = `${name.dataset.chapter}.html`;
      if (location.pathname.endsWith(`/${page}`)) continue; // the reader is there
      const made = document.createElement("a");
      made.href = page;
      made.textContent = name.textContent;
      name.replaceWith(made);
    }
  };
  if (!article) return;
  link(article);
  const linkNew = (changes) => changes.forEach(({ addedNodes }) => addedNodes.forEach(link));
  new MutationObserver(linkNew).observe(article, { childList: true, subtree: true });
});
