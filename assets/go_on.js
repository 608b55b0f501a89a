// The first page leads back to the section that was read last. The browser keeps its address for this site alone.
(() => {
  const site = new URL("../", document.currentScript.src).pathname;
  const key = `batch norm book ${site} read last`;
  const stored = () => {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch {
      return null; // nothing is kept here, or something else
    }
  };

  /** The section whose heading stands last above the middle of the window. */
  function sectionInSight(article) {
    const above = [...article.querySelectorAll("section[id]")].filter(
      (section) => section.getBoundingClientRect().top < innerHeight / 2,
    );
    return above.at(-1) ?? article.querySelector("section[id]");
  }

  /** Whether it is an address of this site: a path that begins with two strokes is none. */
  const isOurs = (path) => typeof path === "string" && path.startsWith(site) && !path.startsWith("//");

  const words = (heading) => {
    const copy = heading.cloneNode(true);
    copy.querySelectorAll(".headerlink").forEach((link) => link.remove());
    return copy.textContent.trim();
  };

  addEventListener("DOMContentLoaded", () => {
    const article = document.querySelector(".bd-article");
    const place = article?.querySelector(".go-on");
    const last = place && stored();
    if (isOurs(last?.path) && last.chapter) {
      const link = document.createElement("a");
      link.href = last.path;
      link.textContent = last.section ? `${last.chapter}: ${last.section}` : last.chapter;
      place.append("Go on where you left: ", link);
      place.hidden = false;
    }
    const title = article?.querySelector("h1:has(.section-number)"); // a chapter, no appendix
    if (!title) return;
    addEventListener("pagehide", () => {
      const section = sectionInSight(article);
      const heading = section.querySelector(":scope > :is(h2, h3)");
      const left = {
        path: location.pathname + (heading ? `#${section.id}` : ""),
        chapter: words(title),
        section: heading ? words(heading) : "",
      };
      try {
        localStorage.setItem(key, JSON.stringify(left));
      } catch {
        // Full or refused: the first page says nothing.
      }
    });
  });
})();
