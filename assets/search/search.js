// The page of the search: what stands in the field is looked for, and stands in the address, too.
(() => {
  const AT_ONCE = 10;
  const PAUSE = 200; // milliseconds without a key, then the words are looked for
  // First the section that teaches a term, also by its other names, then further places and titles, then mentions.
  const WEIGHTS = { term: 40, names: 20, further: 10, title: 6, further_names: 2, chapter: 2 };

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

  async function show() {
    const found = await Promise.all(rest.splice(0, AT_ONCE).map((result) => result.data()));
    const items = found.map(({ raw_url, meta, excerpt: marked }) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = new URL(raw_url.replace(/^\//, ""), site);
      link.textContent = meta.title === meta.chapter ? meta.title : `${meta.chapter}: ${meta.title}`;
      item.append(link, excerpt(marked));
      return item;
    });
    return items;
  }

  const count = (n) => (n === 1 ? "1 section" : `${n} sections`);

  async function find() {
    const words = field.value.trim();
    const address = new URL(location);
    if (words) address.searchParams.set("q", words);
    else address.searchParams.delete("q");
    history.replaceState(null, "", address);
    let items = [];
    let said = "";
    rest = [];
    if (words) {
      try {
        const { results } = await (await index()).search(words);
        if (words !== field.value.trim()) return; // more was typed meanwhile
        rest = [...results];
        items = await show();
        said = results.length ? `${count(results.length)} found for “${words}”.` : `Nothing found for “${words}”.`;
      } catch (error) {
        loading = undefined;
        said = "The index of the search could not be loaded. Is there a connection?";
        console.warn(error);
      }
      if (words !== field.value.trim()) return;
    }
    list.replaceChildren(...items);
    more.hidden = !rest.length;
    status.textContent = said;
  }

  more.addEventListener("click", async () => {
    const items = await show();
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
