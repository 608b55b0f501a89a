// What the reader has done, on every page: a mark at each solved exercise, counts in the contents and on the page of
// exercises, and "Your work", which saves it as a file and reads such a file.
import { button, node } from "./elements.js";
import * as work from "./work.js";

const bar = document.querySelector(".run-bar");
const here = work.pageName();
const byHand = bar.dataset.files === undefined; // Python does not run here: the reader says what is solved
let exercises = null; // {page: [exercise]}, fetched where there is something to count

const fold = node("details", "run-work");
const title = node("summary", "");
const sentence = node("p", "");
const answer = node("p", "", { role: "status" });
const asides = node("div", "");
const input = node("input", "", { type: "file", accept: ".json,application/json", id: "run-work-file" });
const load = node("label", "run-button", { for: "run-work-file" });
load.append("Load a file", input);
const buttons = node("div", "run-buttons");
buttons.append(button("Save as a file", save), load, button("Delete it all", forget));
title.textContent = "Your work";
fold.append(title, sentence, buttons, answer, asides);
bar.append(fold);
input.addEventListener("change", read);
document.addEventListener("work", draw);
addEventListener("storage", draw); // another tab
draw();

async function draw() {
  const records = Object.entries(work.everything());
  const solved = new Map(records.flatMap(([, record]) => Object.entries(record.solved)));
  const changed = records.filter(([, { cells }]) => Object.keys(cells).length);
  const cellCount = changed.reduce((sum, [, { cells }]) => sum + Object.keys(cells).length, 0);
  if (solved.size || here === "exercises") exercises ??= await listOfExercises();
  const known = Object.values(exercises ?? {}).flat();
  const total = known.length;
  for (const id of solved.keys()) if (total && !known.includes(id)) solved.delete(id); // of another edition
  sentence.textContent =
    `${total ? `${solved.size} of ` : ""}${work.count(total || solved.size, "exercise")} solved, ` +
    `${work.count(cellCount, "cell")} changed on ${work.count(changed.length, "page")}. ` +
    "It stays in this browser, on this machine; the notebooks keep changes of their own.";
  markExercises(solved);
  markContents(solved);
  if (here === "exercises") markTables(solved, total);
  showAsides(records);
}

async function listOfExercises() {
  try {
    return await (await fetch(new URL("exercises.json", import.meta.url))).json();
  } catch {
    return null; // offline: marks without totals
  }
}

/** Beside the title of each exercise of a chapter. */
function markExercises(solved) {
  for (const exercise of document.querySelectorAll(".exercise[id]")) {
    const heading = exercise.querySelector(".admonition-title");
    heading.querySelectorAll(".solved-mark, .run-cell").forEach((old) => old.remove());
    const when = solved.get(exercise.id);
    if (when) heading.append(" ", mark(`✓ solved on ${work.day(when)}`));
    const words = when ? "Not solved yet" : "Mark as solved";
    if (byHand) heading.append(" ", button(words, () => toggle(exercise), "run-cell"));
  }
}

function toggle(exercise) {
  work.change(here, ({ solved }) => {
    if (exercise.id in solved) delete solved[exercise.id];
    else solved[exercise.id] = work.now();
  });
  draw().then(() => exercise.querySelector(".admonition-title .run-cell").focus());
}

/** In the side bar: how many of a chapter's. */
function markContents(solved) {
  document.querySelectorAll(".solved-count").forEach((old) => old.remove());
  for (const link of document.querySelectorAll(".bd-sidebar-primary nav a")) {
    const ids = exercises?.[work.pageName(link.pathname)] ?? [];
    const count = ids.filter((id) => solved.has(id)).length;
    const heard = `, ${count} of ${ids.length} exercises solved`;
    if (count) link.append(words("solved-count", `${count}/${ids.length}`, heard));
  }
}

/** On the page of exercises: the sum, and a mark in each row. */
function markTables(solved, total) {
  document.querySelectorAll(".bd-article .solved-mark").forEach((old) => old.remove());
  if (total) bar.before(mark(`${solved.size} of ${total} solved`));
  for (const link of document.querySelectorAll('.bd-article td a[href*="#ex-"]')) {
    if (solved.has(link.hash.slice(1))) link.after(" ", mark("✓ solved"));
  }
}

const mark = (text) => words("solved-mark", text);

/** A text that is seen, with other words for who hears it. */
function words(className, seen, heard) {
  const made = node("span", className);
  made.textContent = seen;
  if (heard) {
    const hidden = node("span", "visually-hidden");
    hidden.textContent = heard;
    const shown = node("span", "", { "aria-hidden": "true" });
    shown.textContent = seen;
    made.replaceChildren(shown, hidden);
  }
  return made;
}

/** Texts that have no cell any more: to be read and copied. */
function showAsides(records) {
  asides.replaceChildren(...records.flatMap(([page, { aside }]) => aside.map((entry) => {
    const about = node("p", "");
    const place = entry.number ? `${page}, cell ${entry.number}` : page;
    about.textContent = `Set aside, of ${place}, ${work.day(entry.when)}: ${entry.why}.`;
    const text = node("pre", "", { tabindex: "0" });
    text.textContent = entry.text;
    const box = node("div", "");
    box.append(about, text);
    return box;
  })));
}

function save() {
  const file = URL.createObjectURL(new Blob([work.asFile()], { type: "application/json" }));
  const link = node("a", "", { href: file, download: `batch-norm-work-${work.now().slice(0, 10)}.json` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(file), 60_000);
  answer.textContent = "Saved as a file. “Load a file” reads it, here or in another browser.";
}

async function read() {
  const [file] = input.files;
  if (!file) return;
  input.value = ""; // so that the same file can be chosen again
  try {
    if (file.size > 20_000_000) throw new Error("That file is too large to be saved work. Nothing was changed.");
    const { cells, solved } = work.addFile(await file.text());
    answer.textContent =
      `The file has ${work.count(cells, "changed cell")} and ${work.count(solved, "solved exercise")}. ` +
      "They are added to yours; where both have a text, the newer one counts and the other is set aside. " +
      "Load a page anew to see its cells.";
  } catch (error) {
    answer.textContent = error.message;
  }
  draw();
}

function forget() {
  const pages = Object.keys(work.everything());
  const what = `what this browser keeps of ${work.count(pages.length, "page")}`;
  if (!pages.length || !confirm(`Delete ${what}: your changes, and which exercises are solved?`)) return;
  pages.forEach(work.forget);
  answer.textContent = "It is deleted. Fields that are open on this page keep their text until you leave.";
  draw();
}
