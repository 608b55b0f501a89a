// The work of one page: what the reader writes is kept while it is written, and comes again with the page.
import * as work from "./work.js";

const PAUSE = 300; // milliseconds without a key, before it is kept

export class Kept {
  /** `tell(words)` shows what the browser could not keep. */
  constructor(tell) {
    this.page = work.pageName();
    this.tell = tell;
    this.unsaved = new Set(); // cells that were written in
    addEventListener("pagehide", () => this.save());
    document.addEventListener("visibilitychange", () => this.save());
  }

  /** {number: {published, text, when}} */
  get texts() {
    return work.read(this.page).cells;
  }

  wrote(cell) {
    this.unsaved.add(cell);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), PAUSE);
  }

  save() {
    if (!this.unsaved.size) return;
    clearTimeout(this.timer);
    this.change((record) => this.unsaved.forEach((cell) => keep(record, cell)));
    this.unsaved.clear();
  }

  forgetTexts() {
    this.unsaved.clear();
    this.change((record) => (record.cells = {}));
  }

  solved(exercise) {
    this.change(({ solved }) => (solved[exercise] ??= work.now()));
  }

  change(edit) {
    work.change(this.page, edit);
    document.dispatchEvent(new Event("work")); // marks.js shows it
    this.sayTrouble();
  }

  sayTrouble() {
    if (work.problem() && work.problem() !== this.told) this.tell((this.told = work.problem()));
  }

  /** Texts whose cell moved go with it; those whose cell is gone from this edition are set aside. How many are.
   *  `published` is a Map of the cells' texts by number. */
  settle(published) {
    const lost = Object.entries(this.texts).filter(([number, entry]) => published.get(+number) !== entry.published);
    let gone = 0;
    if (lost.length) {
      this.change(({ cells, aside }) => {
        for (const [number, entry] of lost) {
          delete cells[number];
          const place = [...published].find(([other, text]) => text === entry.published && !(other in cells));
          const why = "this edition has another text in this cell";
          if (place) cells[place[0]] = entry;
          else gone += work.putAside(aside, { number: +number, ...entry, why });
        }
      });
    }
    this.sayTrouble();
    return gone;
  }
}

function keep({ cells, aside }, cell) {
  const { number, published, source: text } = cell;
  const before = cells[number];
  const others = before && before.text !== cell.known && before.text !== text; // written in another tab meanwhile
  if (others) work.putAside(aside, { number, ...before, why: "your text from another tab" });
  else if (cell.fromLink && before) work.putAside(aside, { number, ...before, why: "your text before the one of a link" });
  cell.fromLink = false;
  cell.known = text;
  if (cell.changed) cells[number] = { published, text, when: work.now() };
  else delete cells[number];
}
