// A citation, the number of a formula or a figure, a term and a name of the package show what they point to,
// before one goes there.
// The target is copied from its page, and that page is fetched when somebody first points at such a link.
// A finger follows the link, as ever: it has no way to point without pressing.
(() => {
  const LINKS = ["term-", "fig-", "equation-", "bnlib."].map((start) => `a.internal[href*="#${start}"]`);
  const POINTS = `:is(${LINKS}, a.internal[href*="bibliography.html#"]):not(.headerlink)`;
  const OPEN_AFTER = 200; // milliseconds: a mouse on its way elsewhere opens nothing
  const CLOSE_AFTER = 300; // time to reach the card
  const GAP = 8; // pixels between the link and its card, and to the edge of the window

  const article = document.querySelector(".bd-article");
  if (!article || !("popover" in HTMLElement.prototype)) return;
  const card = document.createElement("div");
  card.className = "hover-card";
  card.id = "hover-card";
  card.role = "tooltip";
  card.popover = "manual";
  article.append(card);

  const pages = new Map();
  let shown = null; // the link whose card is open
  let wanted = null; // the link whose card is on its way
  let timer;

  async function pageOf({ origin, pathname }) {
    if (pathname === location.pathname) return document;
    const address = origin + pathname;
    if (!pages.has(address)) {
      const text = fetch(address).then((answer) => (answer.ok ? answer.text() : Promise.reject(answer.status)));
      pages.set(address, text.then((html) => new DOMParser().parseFromString(html, "text/html")));
      text.catch(() => pages.delete(address)); // the next time there may be a connection
    }
    return pages.get(address);
  }

  /** A term and what it means, without its last paragraph, which leads to where it is taught. */
  function definition(term) {
    const part = document.createElement("div");
    const name = document.createElement("strong");
    name.textContent = term.firstChild.textContent;
    const sentences = [...term.nextElementSibling.children].slice(0, -1);
    part.append(name, ...sentences.map((sentence) => document.importNode(sentence, true)));
    return part;
  }

  /** A function or class as it is called, and its first sentence. */
  function signature(entry) {
    const part = document.createElement("div");
    const call = document.createElement("code");
    call.textContent = entry.textContent.replace(/\s*#?\s*$/, "").trim();
    part.append(call);
    const first = entry.nextElementSibling?.querySelector(":scope > p");
    if (first) part.append(document.importNode(first, true));
    return part;
  }

  /** A copy of what a link points to, without what can be followed, focused or pointed to itself. */
  function copy(target, address) {
    const part = target.matches("dt.sig")
      ? signature(target)
      : target.matches("dt")
        ? definition(target)
        : document.importNode(target, true);
    for (const surplus of part.querySelectorAll(".headerlink, .backrefs, .label")) surplus.remove();
    for (const link of part.querySelectorAll("a")) link.replaceWith(...link.childNodes);
    part.removeAttribute("role"); // of the bibliography, no longer in the standard
    part.classList.remove("wide"); // a figure that scrolls on a phone fits into a card
    for (const element of [part, ...part.querySelectorAll("[id], [tabindex]")]) {
      element.removeAttribute("id");
      element.removeAttribute("tabindex");
    }
    for (const image of part.querySelectorAll("img")) {
      image.src = new URL(image.getAttribute("src"), address);
      image.loading = "eager";
    }
    return part;
  }

  function place() {
    const link = shown.getClientRects()[0]; // a link may be broken over two lines
    if (!link) return close();
    const { offsetWidth: width, offsetHeight: height } = card;
    const below = link.bottom + GAP;
    const fits = below + height <= innerHeight - GAP || link.top - GAP < height;
    card.style.left = `${Math.max(GAP, Math.min(link.left, document.documentElement.clientWidth - width - GAP))}px`;
    card.style.top = `${fits ? below : link.top - GAP - height}px`;
  }

  async function open(link) {
    clearTimeout(timer);
    if (link === shown) return;
    wanted = link;
    let part;
    try {
      const page = await pageOf(link);
      const target = page.getElementById(decodeURIComponent(link.hash.slice(1)));
      part = target && copy(target, link.href);
    } catch {
      return; // no connection, or a file: address: the link is still a link
    }
    if (link !== wanted || !part) return;
    close();
    card.replaceChildren(part);
    shown = link;
    link.removeAttribute("title"); // the browser's own card for a citation, with the same words
    card.showPopover();
    // A sentence is read out with its link. A formula and a figure are for the eye; the link leads to them.
    if (!part.matches("figure, .math")) link.setAttribute("aria-describedby", card.id);
    place();
    for (const image of card.querySelectorAll("img")) image.addEventListener("load", () => shown && place());
  }

  function close() {
    clearTimeout(timer);
    wanted = null;
    if (!shown) return;
    shown.removeAttribute("aria-describedby");
    shown = null;
    card.hidePopover();
  }

  const isFinger = (event) => event.pointerType === "touch";
  document.addEventListener("pointerover", (event) => {
    if (isFinger(event)) return;
    const link = event.target.closest?.(POINTS);
    if (link) timer = (clearTimeout(timer), setTimeout(open, OPEN_AFTER, link));
    else if (card.contains(event.target)) clearTimeout(timer);
  });
  document.addEventListener("pointerout", (event) => {
    if (isFinger(event) || !(event.target.closest?.(POINTS) || card.contains(event.target))) return;
    timer = (clearTimeout(timer), setTimeout(close, CLOSE_AFTER));
  });
  document.addEventListener("focusin", (event) => {
    if (event.target.matches(`${POINTS}:focus-visible`)) open(event.target);
  });
  document.addEventListener("focusout", (event) => event.target === (shown ?? wanted) && close());
  document.addEventListener("keydown", (event) => event.key === "Escape" && close());
  document.addEventListener("click", (event) => event.target.closest?.(POINTS) && close());
  addEventListener("scroll", () => shown && place(), { passive: true });
})();
