// What a reader wrote and solved, kept by the browser for this site alone: one record a page in localStorage.
//   {version, cells: {number: {published, text, when}}, solved: {exercise: when}, aside: [{number, text, when, why}]}
// `aside` holds texts that have no place on the page any more, so that nothing is lost. A record is read anew before
// each change: two tabs do not undo each other's work.
const SITE = new URL("../../", import.meta.url).pathname;
const PREFIX = `batch norm book ${SITE} page `;
const VERSION = 1;
const FORMAT = "work in the batch norm book";

const ENDS = "ends with this tab, unless you save it as a file.";
const REFUSED = `This browser keeps nothing for this site: your work ${ENDS}`;
const FULL = `The browser's storage for this site is full: what you write from now on ${ENDS}`;
const ASIDE = "It was set aside, and is under “Your work”.";
const NEWER = `What this browser kept of this page is of another version of the book. ${ASIDE}`;
const BROKEN = `What this browser kept of this page could not be read. ${ASIDE}`;

/** Storage that fails keeps its records here, as long as the page is open. */
const unsaved = new Map();
let trouble = "";

/** The last sentence on what the browser could not keep, or nothing. */
export const problem = () => trouble;

export const pageName = (path = location.pathname) => path.split("/").at(-1).replace(/\.html$/, "");

const empty = () => ({ version: VERSION, cells: {}, solved: {}, aside: [] });
const isEmpty = ({ cells, solved, aside }) => ![cells, solved, aside].some((part) => Object.keys(part).length);

export function read(page) {
  const raw = unsaved.get(page) ?? stored(page);
  if (!raw) return empty();
  let record;
  try {
    record = JSON.parse(raw);
  } catch {
    return setAside(page, raw, BROKEN);
  }
  if (record?.version === VERSION && isRecord(record)) return record;
  return setAside(page, raw, (record?.version ?? VERSION) === VERSION ? BROKEN : NEWER);
}

/** A new record that holds the old one, whatever it was, as a text. */
function setAside(page, raw, why) {
  const record = empty();
  record.aside.push({ number: 0, text: raw, when: now(), why: "a record that could not be read" });
  write(page, record);
  trouble ||= why;
  return record;
}

/** Change a page's record by a function, and keep it. */
export function change(page, edit) {
  const record = read(page);
  edit(record);
  write(page, record);
  return record;
}

function write(page, record) {
  const text = JSON.stringify(record);
  try {
    if (isEmpty(record)) localStorage.removeItem(PREFIX + page);
    else localStorage.setItem(PREFIX + page, text);
    unsaved.delete(page);
  } catch (error) {
    unsaved.set(page, text);
    trouble = error.name === "QuotaExceededError" ? FULL : REFUSED;
  }
}

function stored(page) {
  try {
    return localStorage.getItem(PREFIX + page);
  } catch {
    trouble ||= REFUSED;
    return null;
  }
}

/** {page: record} of all pages. */
export function everything() {
  const names = new Set(unsaved.keys());
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX)) names.add(key.slice(PREFIX.length));
  } catch {
    trouble ||= REFUSED;
  }
  return Object.fromEntries([...names].sort().map((name) => [name, read(name)]).filter(([, record]) => !isEmpty(record)));
}

/** Small facts that are no reader's work. */
export function remembered(fact) {
  try {
    return localStorage.getItem(`batch norm book ${SITE} ${fact}`) !== null;
  } catch {
    return false;
  }
}

export function rememberThat(fact) {
  try {
    localStorage.setItem(`batch norm book ${SITE} ${fact}`, now());
  } catch {
    // It is said again.
  }
}

export function forget(page) {
  unsaved.delete(page);
  try {
    localStorage.removeItem(PREFIX + page);
  } catch {
    // Nothing was kept.
  }
}

/** All of it as the text of a file. */
export const asFile = () =>
  JSON.stringify({ format: FORMAT, version: VERSION, saved: now(), pages: everything() }, null, 1);

/** Add what such a file holds. The newer text of a cell counts, the other is set aside. An error changes nothing. */
export function addFile(text) {
  let file;
  try {
    file = JSON.parse(text);
  } catch {
    throw new Error("That file is no saved work: it is not JSON. Nothing was changed.");
  }
  if (file?.format !== FORMAT) throw new Error("That file is no saved work of this book. Nothing was changed.");
  if (file.version !== VERSION) throw new Error("That file is of another version of the book. Nothing was changed.");
  const pages = Object.entries(file.pages ?? {});
  const bad = pages.find(([name, record]) => !/^\w+$/.test(name) || !isRecord(record));
  if (bad) throw new Error(`That file is damaged, at the page ${String(bad[0]).slice(0, 40)}. Nothing was changed.`);
  for (const [name, record] of pages) change(name, (mine) => add(mine, record));
  const sum = (part) => pages.reduce((total, [, record]) => total + Object.keys(record[part]).length, 0);
  return { cells: sum("cells"), solved: sum("solved") };
}

function add(mine, theirs) {
  for (const [number, entry] of Object.entries(theirs.cells)) {
    const old = mine.cells[number];
    const [kept, other] = old && old.when > entry.when ? [old, entry] : [entry, old];
    mine.cells[number] = kept;
    const why = "an older text of this cell";
    if (other && other.text !== kept.text) putAside(mine.aside, { number: +number, ...other, why });
  }
  mine.solved = { ...theirs.solved, ...mine.solved };
  for (const entry of theirs.aside) putAside(mine.aside, entry);
}

/** Add a text to those that have no place; false where it is there already. */
export function putAside(aside, { number, text, when, why }) {
  if (aside.some((other) => other.number === number && other.text === text)) return false;
  return aside.push({ number, text, when, why }) > 0;
}

export const now = () => new Date().toISOString();

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value) => typeof value === "string";
const isTime = (value) => isText(value) && !Number.isNaN(Date.parse(value));

function isRecord(value) {
  const { cells, solved, aside } = value ?? {};
  return isObject(cells) && isObject(solved) && Array.isArray(aside) &&
    Object.entries(cells).every(([number, cell]) =>
      /^\d+$/.test(number) && isText(cell?.published) && isText(cell.text) && isTime(cell.when)) &&
    Object.entries(solved).every(([name, when]) => /^[\w-]+$/.test(name) && isTime(when)) &&
    aside.every((entry) =>
      Number.isInteger(entry?.number) && isText(entry.text) && isTime(entry.when) && isText(entry.why));
}

/** A time as a reader says it. */
export const day = (when) =>
  new Date(when).toLocaleString("en-GB", { day: "numeric", month: "long", hour: "2-digit", minute: "2-digit" });

/** "1 cell", "2 cells". */
export const count = (n, thing) => `${n} ${thing}${n === 1 ? "" : "s"}`;
