// "Run this page": the cells become editable, and Python runs them here, in the reader's browser.
// Nothing is fetched before the click. Cells before a chosen one that Python has not seen yet run first.
import { Cell } from "./cell.js";

const bar = document.querySelector(".run-bar");
const memory = `cells of ${location.pathname}`;
let cells = [];
let waiting = [];
let current = null; // the cell that runs
let worker = null;
let interrupt = null; // shared with Python where the server's headers allow it; else the thread is ended
let stopping = false; // the reader asked for it
let patience; // how long Python may take to stop

const status = node("span", "run-status");
status.setAttribute("role", "status");
const meter = node("progress", "run-meter");
meter.setAttribute("aria-label", "Cells that have run");
const start = button("Run this page", () => open());
const again = button("Run all", () => {
  dropWaiting();
  run(cells);
});
const halt = button("Stop", () => busy() && stop());
const back = button("Reset", reset);
bar.prepend(start, status);

function open() {
  cells = [...document.querySelectorAll(".bd-article div.cell")]
    .filter((cell) => cell.querySelector(".cell_input pre"))
    .map((cell, index) => new Cell(cell, index + 1, runCell));
  recall();
  start.replaceWith(again, halt, back);
  status.before(meter);
  again.focus();
  addEventListener("pagehide", remember);
  run(cells);
}

function runCell(cell) {
  run([...cells.slice(0, cell.number - 1).filter((other) => !other.tried), cell]);
}

function run(wanted) {
  waiting.push(...wanted.filter((cell) => !waiting.includes(cell)));
  waiting.forEach((cell) => cell !== current && cell.state("waiting"));
  remember();
  if (!worker) startPython();
  else next();
}

function startPython() {
  const code = cells.map((cell) => cell.source).join("\n");
  const packages = ["numpy", "bnlib", "matplotlib", "sympy"].filter((name) => code.includes(name));
  const files = bar.dataset.files.split(" ").filter(Boolean);
  interrupt = self.crossOriginIsolated ? new Uint8Array(new SharedArrayBuffer(1)) : null;
  worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  worker.addEventListener("message", ({ data }) => receive(data));
  worker.addEventListener("error", (event) => fail(event.message));
  worker.postMessage({ start: { files, packages, interrupt } });
  worker.ready = false;
  say("Fetching Python …");
  update();
}

function receive(data) {
  if (data.progress) say(`${data.progress} …`);
  else if (data.failed) fail(data.failed);
  else if (data.ready) {
    worker.ready = true;
    next();
  } else if (data.done) {
    const ended = current;
    current = null;
    clearTimeout(patience);
    if (interrupt) interrupt[0] = 0; // it may have come too late
    ended.end(data.finished);
    if (data.finished && !stopping) next();
    else sayWhere(stopping ? "You stopped" : "An error in", ended, dropWaiting() ? ". Others did not run." : ".");
  } else {
    current.show(data.kind, data.text);
  }
  update();
}

function next() {
  if (current || !worker.ready) return;
  current = waiting.shift() ?? null;
  if (!current) return say(endWords());
  current.begin();
  update();
  stopping = false;
  sayWhere("Running", current, ` of ${cells.length} …`);
  worker.postMessage({ run: current.number, source: current.source });
}

function endWords() {
  const missing = cells.filter((cell) => !cell.ran).length;
  return missing ? `Done. ${missing} others have not run.` : "All cells have run. Shift+Enter runs one.";
}

function stop() {
  if (interrupt && current) {
    interrupt[0] = 2; // Python raises KeyboardInterrupt, and what has been computed stays
    stopping = true;
    patience = setTimeout(endPython, 2000);
  } else {
    endPython();
  }
  update();
}

function endPython(words = "Stopped. Python starts again with the next cell.") {
  worker?.terminate();
  worker = null;
  clearTimeout(patience);
  current?.end(false);
  current = null;
  dropWaiting();
  for (const cell of cells) cell.tried = cell.ran = false;
  say(words);
  update();
}

function fail(reason) {
  endPython(`Python has ended. ${reason ?? "Its files could not be loaded."}`);
}

function reset() {
  const changed = cells.filter((cell) => cell.changed).length;
  if (changed && !confirm(`Reset takes back your changes to ${changed} of the cells.`)) return;
  removeEventListener("pagehide", remember);
  endPython("");
  for (const cell of cells) cell.reset();
  cells = [];
  remember();
  again.replaceWith(start);
  for (const item of [halt, back, meter]) item.remove();
  start.focus();
  say("The page is as it was published.");
}

/** Forget the cells that wait; how many there were. */
function dropWaiting() {
  for (const cell of waiting) cell.state("idle");
  return waiting.splice(0).length;
}

function update() {
  const ran = cells.filter((cell) => cell.ran).length;
  meter.max = cells.length || 1;
  meter.value = ran;
  halt.setAttribute("aria-disabled", !busy()); // not disabled, which would lose the focus
}

function busy() {
  return current !== null || waiting.length > 0;
}

function say(words) {
  status.textContent = words;
}

function sayWhere(before, cell, after) {
  const link = node("a", "");
  link.href = `#${cell.editor.id}`;
  link.textContent = `cell ${cell.number}`;
  status.replaceChildren(`${before} `, link, after);
}

// A reload keeps what the reader wrote.
function remember() {
  const changed = cells.filter((cell) => cell.changed).map((cell) => [cell.published, cell.source]);
  try {
    sessionStorage.setItem(memory, JSON.stringify(changed));
  } catch {
    // The browser keeps nothing for this site.
  }
}

function recall() {
  let changed = new Map();
  try {
    changed = new Map(JSON.parse(sessionStorage.getItem(memory) ?? "[]"));
  } catch {
    // Nothing that could be read.
  }
  for (const cell of cells) cell.source = changed.get(cell.published) ?? cell.source;
}

function button(words, onClick) {
  const made = node("button", "run-button");
  made.type = "button";
  made.textContent = words;
  made.addEventListener("click", onClick);
  return made;
}

function node(tag, className) {
  const made = document.createElement(tag);
  made.className = className;
  return made;
}
