// "Run this page": the cells become editable, and Python runs them here, in the reader's browser.
// Nothing is fetched before the click. Cells before a chosen one that Python has not seen yet run first.
import { Cell, cellNodes, textOf } from "./cell.js";
import { button, node } from "./elements.js";
import { Python } from "./python.js";
import { check, hashFor, readHash } from "./share.js";
import * as work from "./work.js";

const bar = document.querySelector(".run-bar");
const name = work.pageName();
const PATIENCE = 2000; // milliseconds that Python may take to stop
let cells = [];
let waiting = [];
let current = null; // the cell that runs
let python = null;
let stopping = false; // the reader asked for it
let patience;
const unsaved = new Set(); // cells that were written in, and not kept yet
let saving;
let troubleTold;
let seconds;

const status = node("span", "run-status", { role: "status" });
const meter = node("progress", "run-meter");
const amount = node("span", "run-amount");
const notes = node("div", "run-notes", { role: "status" });
const start = button("Run this page", () => {
  open();
  again.focus();
  run(cells);
});
const again = button("Run all", () => {
  dropWaiting();
  run(cells);
});
const halt = button("Stop", () => busy() && stop());
const back = button("Reset", reset);
const controls = node("div", "run-controls"); // apart from the bar: it stays in sight
controls.append(start, status);
sayTheSize();
bar.before(controls);
bar.append(notes);

/** What a first visit fetches, before it does. */
function sayTheSize() {
  const size = node("small", "run-size");
  size.textContent = ` (${megabytes(bar.dataset.bytes)} MB, once)`;
  if (!work.remembered("fetched")) start.append(size);
}

/** The cells become fields, with what the reader wrote in them before. */
function open() {
  if (cells.length) return;
  told?.remove();
  const page = { run: runCell, link, wrote };
  cells = cellNodes().map((each) => new Cell(each, page));
  const { cells: kept } = work.read(name);
  for (const cell of cells) cell.source = kept[cell.number]?.text ?? cell.source;
  start.replaceWith(again, halt, back);
  status.before(meter, amount);
  meterOf("Cells that have run", 0, cells.length);
  update();
}

function runCell(cell) {
  if (cell.foreign) {
    cell.foreign = false;
    wrote(cell);
  }
  run([...cells.slice(0, cells.indexOf(cell)).filter((other) => !other.tried), cell]);
}

/** A text that came with a link runs when the reader runs that cell, and never by itself. */
function run(wanted) {
  waiting.push(...wanted.filter((cell) => !cell.foreign && !waiting.includes(cell)));
  waiting.forEach((cell) => cell !== current && cell.state("waiting"));
  save();
  if (!python) startPython();
  else next();
}

function startPython() {
  say("Fetching Python …");
  try {
    if (!self.WebAssembly || !self.Worker) throw new Error("This browser has no WebAssembly, or has it switched off.");
    python = new Python(bar.dataset.files.split(" ").filter(Boolean), bar.dataset.packages.split(" "), receive);
  } catch (error) {
    fail(error.message);
  }
  update();
}

function receive(data) {
  if (data.progress) showProgress(data);
  else if (data.failed) fail(data.failed);
  else if (data.ready) {
    work.rememberThat("fetched");
    next();
  } else if (data.done) {
    const ended = current;
    current = null;
    clearTimeout(patience);
    stopSeconds();
    ended.end(data.finished);
    judge(ended);
    if (data.finished && !stopping) next();
    else sayWhere(stopping ? "You stopped" : "An error in", ended, dropWaiting() ? ". Others did not run." : ".");
  } else {
    current.show(data.kind, data.text);
  }
  update();
}

function showProgress({ progress, loaded, total }) {
  if (status.textContent !== `${progress} …`) say(`${progress} …`);
  if (!total) return countSeconds();
  meterOf("Bytes of Python that have come", loaded, total);
  amount.textContent = `${megabytes(loaded)} of ${megabytes(total)} MB`;
}

/** Beside what takes its time without a measure: for how long it has. Nobody is read each second aloud. */
function countSeconds() {
  stopSeconds();
  const begun = Date.now();
  seconds = setInterval(() => (amount.textContent = `${Math.round((Date.now() - begun) / 1000)} s`), 1000);
}

function stopSeconds() {
  clearInterval(seconds);
  amount.textContent = "";
}

function next() {
  if (current || !python.ready) return;
  current = waiting.shift() ?? null;
  if (!current) return say(endWords());
  current.begin();
  update();
  stopping = false;
  countSeconds();
  sayWhere("Running", current, ` of ${cells.length} …`);
  python.run(current.number, current.source);
}

function endWords() {
  const foreign = cells.find((cell) => cell.foreign);
  if (foreign) return `Done. Cell ${foreign.number} came with a link and runs only when you run it.`;
  const missing = cells.filter((cell) => !cell.ran).length;
  return missing ? `Done. ${missing} ${missing === 1 ? "other has" : "others have"} not run.` : "All cells have run. Shift+Enter runs one.";
}

function stop() {
  if (current && python.interrupt()) {
    stopping = true;
    patience = setTimeout(endPython, PATIENCE);
  } else {
    endPython();
  }
  update();
}

function endPython(words = "Stopped. Python starts again with the next cell.") {
  python?.end();
  python = null;
  clearTimeout(patience);
  current?.end(false);
  current = null;
  dropWaiting();
  for (const cell of cells) cell.tried = cell.ran = false;
  stopSeconds();
  say(words);
  update();
}

function fail(reason) {
  const offline = navigator.onLine === false ? " This machine is offline." : "";
  endPython(`Python has ended. ${reason}${offline} “Run all” tries again.`);
}

function reset() {
  const changed = cells.filter((cell) => cell.changed).length;
  if (changed && !confirm(`Reset takes back your changes to ${work.count(changed, "cell")}.`)) return;
  endPython("");
  for (const cell of cells) cell.reset();
  cells = [];
  forgetChanges();
  again.replaceWith(start);
  for (const item of [halt, back, meter, amount]) item.remove();
  start.focus();
  say("The page is as it was published.");
}

/** Forget the cells that wait; how many there were. */
function dropWaiting() {
  for (const cell of waiting) cell.state("idle");
  return waiting.splice(0).length;
}

function update() {
  if (!python || python.ready) meterOf("Cells that have run", cells.filter((cell) => cell.ran).length, cells.length);
  halt.setAttribute("aria-disabled", !busy()); // not disabled, which would lose the focus
}

function meterOf(what, value, max) {
  Object.assign(meter, { max: max || 1, value });
  meter.setAttribute("aria-label", what);
}

function busy() {
  return current !== null || waiting.length > 0;
}

function say(words) {
  status.textContent = words;
}

function sayWhere(before, cell, after) {
  status.replaceChildren(`${before} `, toCell(cell.number), after);
}

function toCell(number) {
  const link = node("a", "", { href: `#cell-${number}` });
  link.textContent = `cell ${number}`;
  return link;
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}

/** A line under the bar, with buttons. */
function note(words, ...buttons) {
  const line = node("div", "run-note");
  const text = node("p", "");
  text.append(...[words].flat());
  line.append(text, ...buttons);
  notes.append(line);
  return line;
}

// What the reader wrote is kept while it is written, and comes again with the page.
function wrote(cell) {
  unsaved.add(cell);
  clearTimeout(saving);
  saving = setTimeout(save, 300);
}

function save() {
  if (!unsaved.size) return;
  clearTimeout(saving);
  work.change(name, (record) => {
    for (const cell of unsaved) {
      const { number, published, source: text } = cell;
      const before = record.cells[number];
      if (cell.beforeLink && before) work.putAside(record, { number, ...before, why: "your text before the one of a link" });
      cell.beforeLink = false;
      if (cell.changed) record.cells[number] = { published, text, when: work.now() };
      else delete record.cells[number];
    }
  });
  unsaved.clear();
  sayTrouble();
  document.dispatchEvent(new Event("work"));
}

function sayTrouble() {
  if (!work.problem() || work.problem() === troubleTold) return;
  troubleTold = work.problem();
  note(troubleTold);
}

/** Say what the reader changed here before, and when. What fits no cell of this edition is set aside. */
function showKept() {
  const published = new Map(cellNodes().map((each) => [Number(each.id.replace("cell-", "")), textOf(each)]));
  let record = work.read(name);
  const lost = Object.entries(record.cells).filter(([number, { published: text }]) => published.get(+number) !== text);
  if (lost.length) {
    record = work.change(name, (mine) => {
      for (const [number, entry] of lost) {
        const place = [...published].find(([other, text]) => text === entry.published && !(other in mine.cells));
        delete mine.cells[number];
        if (place) mine.cells[place[0]] = entry;
        else work.putAside(mine, { number: +number, ...entry, why: "this edition has another text in this cell" });
      }
    });
    document.dispatchEvent(new Event("work"));
  }
  sayTrouble();
  const kept = Object.entries(record.cells);
  const gone = lost.filter(([, { text }]) => record.aside.some((entry) => entry.text === text)).length;
  if (gone) {
    const cells = gone === 1 ? "belongs to a cell" : "belong to cells";
    note(`${gone} of your changes ${cells} that this edition of the page no longer has: look under “Your work”.`);
  }
  if (!kept.length) return null;
  const last = kept.map(([, { when }]) => when).sort().at(-1);
  const links = kept.flatMap(([number], i) => [i ? ", " : "", toCell(number)]);
  const line = note(
    ["You changed ", ...links, ` on this page, last on ${work.day(last)}.`],
    button("Show my changes", () => {
      open();
      cells.find((cell) => cell.changed)?.text.focus();
    }),
    button("Discard", () => {
      if (!confirm(`Discard your changes to ${work.count(kept.length, "cell")}?`)) return;
      line.remove();
      forgetChanges();
      start.focus();
    }),
  );
  return line;
}

function forgetChanges() {
  unsaved.clear();
  work.change(name, (record) => (record.cells = {}));
  document.dispatchEvent(new Event("work"));
}

// Links to a cell, with or without a text in it.
function link(cell) {
  const hash = hashFor(cell.number, cell.source, cell.published);
  if (!hash) return say(`Cell ${cell.number} is too long for a link. “Your work” saves it as a file.`);
  history.replaceState(null, "", hash);
  const words = `The address of this page now leads to cell ${cell.number}${cell.changed ? " as you wrote it" : ""}`;
  const copied = navigator.clipboard?.writeText(location.href) ?? Promise.reject();
  copied.then(() => say(`${words}, and is copied.`), () => say(`${words}: copy it from there.`));
}

/** Show what the address brings: the place, or another reader's text, which does not run by itself. */
function bring() {
  const brought = readHash(location.hash);
  if (!brought) return;
  if (brought.problem) return note(brought.problem);
  const place = cellNodes().find((each) => each.id === `cell-${brought.number}`);
  if (!place) return note(`This link leads to cell ${brought.number}, and this page has ${cellNodes().length} cells.`);
  const mine = work.read(name).cells[brought.number]?.text;
  if (brought.text !== undefined && brought.text !== mine && brought.text !== textOf(place)) showForeign(brought, mine);
  place.closest("details")?.setAttribute("open", "");
  place.scrollIntoView();
}

function showForeign({ number, text, check: sum }, mine) {
  open();
  const cell = cells.find((each) => each.number === number);
  if (cell === current || waiting.includes(cell)) return note(`Cell ${number} is busy. Open the link again when it has run.`);
  save();
  cell.foreign = cell.beforeLink = true;
  cell.state("idle");
  cell.source = text;
  const other = sum === check(cell.published) ? "" : " The page has changed since the link was made: it may be meant for another cell.";
  const line = note(
    ["The text in ", toCell(number), ` came with the link: somebody else may have written it. It runs only when you run that cell.${other}`],
    button(mine === undefined ? "Take it out" : "Show mine", () => {
      cell.foreign = cell.beforeLink = false;
      cell.source = mine ?? cell.published;
      line.remove();
      cell.text.focus();
    }),
  );
}

/** An exercise is solved when the reader changed it, and each report in it says "right". */
function judge({ node: ended }) {
  const exercise = ended.closest(".exercise[id]");
  const verdicts = [...(exercise?.querySelectorAll("[data-verdict]") ?? [])].map((report) => report.dataset.verdict);
  const answered = cells.some((cell) => cell.changed && exercise?.contains(cell.node));
  if (!answered || !verdicts.length || verdicts.some((verdict) => verdict !== "right")) return;
  work.change(name, ({ solved }) => (solved[exercise.id] ??= work.now()));
  sayTrouble();
  document.dispatchEvent(new Event("work"));
}

const told = showKept();
bring();
addEventListener("hashchange", bring);
addEventListener("pagehide", save);
document.addEventListener("visibilitychange", save);
