// "Run this page": the cells become editable, and Python runs them here, in the reader's browser.
// Nothing is fetched before the click. Cells before a chosen one that Python has not seen yet run first.
import {
  amount, bar, controls, countSeconds, megabytes, meter, meterOf, note, say, sayWhere, showProgress, status,
  stopSeconds, toCell,
} from "./bar.js";
import { Cell, cellNodes, numberOf, textOf } from "./cell.js";
import { button, node } from "./elements.js";
import { Kept } from "./kept.js";
import { Python } from "./python.js";
import { check, hashFor, readHash } from "./share.js";
import * as work from "./work.js";

const PATIENCE = 2000; // milliseconds that Python may take to stop
let cells = [];
let waiting = [];
let current = null; // the cell that runs
let python = null;
let stopping = false; // the reader asked for it
let patience;
let foreignNote; // the line on a text that came with a link

const kept = new Kept(note);
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
controls.append(start, status);
sayTheSize();

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
  const page = { run: runCell, link, wrote: (cell) => kept.wrote(cell) };
  cells = cellNodes().map((each) => new Cell(each, page));
  const { texts } = kept;
  for (const cell of cells) {
    cell.known = texts[cell.number]?.text ?? cell.published;
    if (cell.known !== cell.published) cell.source = cell.known;
  }
  start.replaceWith(again, halt, back);
  status.before(meter, amount);
  update();
}

function runCell(cell) {
  if (cell.foreign) {
    cell.foreign = false;
    kept.wrote(cell);
  }
  run([...cells.slice(0, cells.indexOf(cell)).filter((other) => !other.tried), cell]);
}

/** A text that came with a link runs when the reader runs that cell, and never by itself. */
function run(wanted) {
  waiting.push(...wanted.filter((cell) => !cell.foreign && !waiting.includes(cell)));
  waiting.forEach((cell) => cell !== current && cell.state("waiting"));
  kept.save();
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
  if (!missing) return "All cells have run. Shift+Enter runs one.";
  return `Done. ${missing} ${missing === 1 ? "other has" : "others have"} not run.`;
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
  foreignNote?.remove();
  kept.forgetTexts();
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

function busy() {
  return current !== null || waiting.length > 0;
}

/** Say what the reader changed here before, and when. */
function showKept() {
  const gone = kept.settle(new Map(cellNodes().map((each) => [numberOf(each), textOf(each)])));
  if (gone) {
    const belong = gone === 1 ? "belongs to a cell" : "belong to cells";
    note(`${gone} of your changes ${belong} that this edition of the page no longer has: look under “Your work”.`);
  }
  const texts = Object.entries(kept.texts);
  if (!texts.length) return null;
  const last = texts.map(([, { when }]) => when).sort().at(-1);
  const links = texts.flatMap(([number], i) => [i ? ", " : "", toCell(number)]);
  const line = note(
    ["You changed ", ...links, ` on this page, last on ${work.day(last)}.`],
    button("Show my changes", () => {
      open();
      cells.find((cell) => cell.changed)?.text.focus();
    }),
    button("Discard", () => {
      if (!confirm(`Discard your changes to ${work.count(texts.length, "cell")}?`)) return;
      line.remove();
      kept.forgetTexts();
      start.focus();
    }),
  );
  return line;
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
  const mine = kept.texts[brought.number]?.text;
  if (brought.text !== undefined && brought.text !== mine && brought.text !== textOf(place)) showForeign(brought, mine);
  place.closest("details")?.setAttribute("open", "");
  place.closest(".toggle-hidden")?.querySelector(".toggle-button")?.click(); // a solution
  place.scrollIntoView({ behavior: "instant" });
}

function showForeign({ number, text, check: sum }, mine) {
  open();
  const cell = cells.find((each) => each.number === number);
  if (cell === current || waiting.includes(cell)) {
    return note(`Cell ${number} is busy. Open the link again when it has run.`);
  }
  kept.save();
  cell.foreign = cell.fromLink = true;
  cell.state("idle");
  cell.source = text;
  const moved = sum === check(cell.published)
    ? ""
    : " The page has changed since the link was made: it may be meant for another cell.";
  foreignNote?.remove();
  foreignNote = note(
    [
      "The text in ", toCell(number), " came with the link: somebody else may have written it. ",
      `It runs only when you run that cell.${moved}`,
    ],
    button(mine === undefined ? "Take it out" : "Show mine", () => {
      cell.foreign = cell.fromLink = false;
      cell.source = mine ?? cell.published;
      foreignNote.remove();
      history.replaceState(null, "", `#cell-${number}`); // or a reload would bring the text again
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
  kept.solved(exercise.id);
}

const told = showKept();
bring();
addEventListener("hashchange", bring);
