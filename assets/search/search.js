// The page of the search: what stands in the field is looked for, and stands in the address, too.
(() => {
  const AT_ONCE = 10;
  const PAUSE = 200; // milliseconds without a key, then the words are looked for
  // First the section that teaches a term, also by its other names, then further places and titles, then mentions.
  const WEIGHTS = { term: 40, names: 20, further_term: 10, title: 6, further_names: 2, chapter: 2 };

  const site = new URL("../../", document.currentScript.src);
  const field = document.getElementById("find-words");
  const status = document.getElementById("find-status");
  const list = document.getElementById("find-results");
  const more = document.getElementById("find-more");
  let loading;
  let waiting;
  let rest = [];

  const index = () => (loading ??= load());

  async function load() {
    const pagefind = await import(new URL("pagefind/pagefind.js", site));
    await pagefind.options({ ranking: { metaWeights: WEIGHTS } });
    await pagefind.init();
    return pagefind;
  }

  /** Words with <mark> around what was found, as nodes: no string of the index becomes HTML. */
  function excerpt(marked) {
    const paragraph = document.createElement("p");
    const plain = document.createElement("textarea");
    marked.split(/<\/?mark>/).forEach((words, n) => {
      plain.innerHTML = words; // reads &lt; and its like; a textarea holds no elements
      const part = n % 2 ? document.createElement("mark") : document.createElement("span");
      part.textContent = plain.value;
      paragraph.append(part);
    });
    return paragraph;
  }

  /** The next sections that were found. */
  const next = () => Promise.all(rest.splice(0, AT_ONCE).map((result) => result.data()));

  function item({ raw_url, meta, excerpt: marked }) {
    const entry = document.createElement("li");
    const link = document.createElement("a");
    link.href = new URL(raw_url.replace(/^\//, ""), site);
    link.textContent = meta.title === meta.chapter ? meta.title : `${meta.chapter}: ${meta.title}`;
    entry.append(link, excerpt(marked));
    return entry;
  }

  /** Whether each word begins like one of a section. For a word that it lacks Pagefind takes ever fewer letters of it. */
  function areThere(words, sections) {
    const texts = sections.map(({ content, meta }) => ` ${content} ${Object.values(meta).join(" ")}`.toLowerCase());
    const starts = words.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
    return starts.length > 0 && starts.every((word) => {
      const start = new RegExp(`[^\\p{L}\\p{N}]${word.slice(0, 4)}`, "u");
      return texts.some((text) => start.test(text));
    });
  }

  const count = (n) => (n === 1 ? "1 section" : `${n} sections`);

  async function find() {
    const words = field.value.trim();
    const address = new URL(location);
    if (words) address.searchParams.set("q", words);
    else address.searchParams.delete("q");
    history.replaceState(null, "", address);
    let sections = [];
    let said = "";
    rest = [];
    if (words) {
      try {
        const { results } = await (await index()).search(words);
        if (words !== field.value.trim()) return; // more was typed meanwhile
        rest = [...results];
        sections = await next();
        if (!areThere(words, sections)) sections = rest = [];
        said = `${sections.length ? count(results.length) : "Nothing"} found for “${words}”.`;
      } catch (error) {
        loading = undefined;
        said = "The index of the search could not be loaded. Is there a connection?";
        console.warn(error);
      }
      if (words !== field.value.trim()) return;
    }
    list.replaceChildren(...sections.map(item));
    more.hidden = !rest.length;
    status.textContent = said;
  }

  more.addEventListener("click", async () => {
    const items = (await next()).map(item);
    list.append(...items);
    more.hidden = !rest.length;
    items[0].querySelector("a").focus();
  });

  if (location.protocol === "file:") {
    status.textContent = "From a file: address the search cannot read its index. Serve the folder, or take the index of terms.";
    return;
  }
  field.form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(waiting);
    find();
  });
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(find, PAUSE);
  });
  field.value = (new URLSearchParams(location.search).get("q") ?? "").slice(0, field.maxLength);
  if (field.value) find();
  else field.focus();
})();
