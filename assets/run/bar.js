// The bar under a page's title: what is going on, how far it is, and lines that ask for an answer.
import { node } from "./elements.js";

export const bar = document.querySelector(".run-bar");
/** Apart from the bar, since they stay in sight. */
export const controls = node("div", "run-controls");
export const meter = node("progress", "run-meter");
export const amount = node("span", "run-amount");
export const status = node("span", "run-status", { role: "status" });
const notes = node("div", "run-notes", { role: "status" });
let seconds;

bar.before(controls);
bar.append(notes);

export function say(words) {
  status.textContent = words;
}

export function sayWhere(before, cell, after) {
  status.replaceChildren(`${before} `, toCell(cell.number), after);
}

export function toCell(number) {
  const link = node("a", "", { href: `#cell-${number}` });
  link.textContent = `cell ${number}`;
  return link;
}

export function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}

/** A line under the bar, with buttons. */
export function note(words, ...buttons) {
  const line = node("div", "run-note");
  const text = node("p", "");
  text.append(...[words].flat());
  line.append(text, ...buttons);
  notes.append(line);
  return line;
}

export function showProgress({ progress, loaded, total }) {
  if (status.textContent !== `${progress} …`) say(`${progress} …`);
  if (!total) return countSeconds();
  meterOf("Bytes of Python that have come", loaded, total);
  amount.textContent = `${megabytes(loaded)} of ${megabytes(total)} MB`;
}

/** Beside what takes its time without a measure: for how long it has. Nobody is read each second aloud. */
export function countSeconds() {
  stopSeconds();
  const begun = Date.now();
  seconds = setInterval(() => (amount.textContent = `${Math.round((Date.now() - begun) / 1000)} s`), 1000);
}

export function stopSeconds() {
  clearInterval(seconds);
  amount.textContent = "";
}

export function meterOf(what, value, max) {
  Object.assign(meter, { max: max || 1, value });
  meter.setAttribute("aria-label", what);
}
