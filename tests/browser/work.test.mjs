// What a reader wrote, in storage: whole or refused with a word, never half changed, never lost.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

/** A browser's storage, which may be full or refused. */
class Storage {
  setItem(key, value) {
    if (this.refuses) throw Object.assign(new Error("refused"), { name: this.refuses });
    this[key] = value;
  }
  getItem(key) {
    return this[key] ?? null;
  }
  removeItem(key) {
    delete this[key];
  }
}
Object.defineProperty(Storage.prototype, "refuses", { value: null, writable: true });

let copies = 0;
let work;
beforeEach(async () => {
  globalThis.localStorage = new Storage();
  globalThis.location = { pathname: "/book/speed.html" };
  work = await import(`../../assets/run/work.js?${copies++}`); // with nothing in memory
});

const WHEN = "2026-01-02T03:04:05.000Z";
const LATER = "2026-02-02T03:04:05.000Z";
const cell = (text, when = WHEN) => ({ published: "...", text, when });
const put = (page, number, entry) => work.change(page, ({ cells }) => (cells[number] = entry));
const key = () => Object.keys(localStorage).find((name) => name.endsWith("page speed"));

test("a change is kept under the page's name, and an empty record takes no room", () => {
  put("speed", 3, cell("1 + 1"));
  assert.equal(work.pageName(), "speed");
  assert.deepEqual(work.read("speed").cells, { 3: cell("1 + 1") });
  assert.deepEqual(Object.keys(work.everything()), ["speed"]);
  work.change("speed", (record) => (record.cells = {}));
  assert.deepEqual({ ...localStorage }, {});
});

test("two tabs do not undo each other's work", async () => {
  const other = await import(`../../assets/run/work.js?${copies++}`);
  put("speed", 1, cell("mine"));
  other.change("speed", ({ cells }) => (cells[2] = cell("theirs")));
  work.change("speed", ({ solved }) => (solved["ex-a"] = WHEN));
  assert.deepEqual(Object.keys(other.read("speed").cells), ["1", "2"]);
});

for (const [name, words] of [["QuotaExceededError", /storage for this site is full/], ["SecurityError", /keeps nothing for this site/]]) {
  test(`${name}: it is said, and the work stays until the tab is closed`, () => {
    put("speed", 1, cell("before"));
    localStorage.refuses = name;
    put("speed", 2, cell("after"));
    assert.match(work.problem(), words);
    assert.deepEqual(Object.keys(work.read("speed").cells), ["1", "2"]);
    assert.match(work.asFile(), /"after"/);
    localStorage.refuses = null;
    put("speed", 3, cell("room again"));
    assert.deepEqual(Object.keys(JSON.parse(localStorage[key()]).cells), ["1", "2", "3"]);
  });
}

test("storage that cannot even be looked at", () => {
  Object.defineProperty(globalThis, "localStorage", { configurable: true, get: () => { throw new Error("denied"); } });
  try {
    assert.deepEqual(work.everything(), {});
    put("speed", 1, cell("in memory"));
    assert.equal(work.read("speed").cells[1].text, "in memory");
    assert.match(work.problem(), /keeps nothing/);
    assert.equal(work.remembered("fetched"), false);
    work.rememberThat("fetched");
  } finally {
    Object.defineProperty(globalThis, "localStorage", { configurable: true, writable: true, value: new Storage() });
  }
});

for (const [what, raw, words] of [
  ["of another version", '{"version": 7, "cells": {"1": "a new form"}}', /another version/],
  ["no JSON", "{not json", /could not be read/],
  ["another form", '{"version": 1, "cells": []}', /could not be read/],
  ["cells without text", '{"version": 1, "cells": {"1": {}}, "solved": {}, "aside": []}', /could not be read/],
  ["markup for a name", `{"version": 1, "cells": {}, "solved": {"<b>": "${WHEN}"}, "aside": []}`, /could not be read/],
]) {
  test(`a record that is ${what} is set aside whole`, () => {
    put("speed", 1, cell("x"));
    localStorage[key()] = raw;
    assert.deepEqual(work.read("speed").cells, {});
    assert.match(work.problem(), words);
    assert.equal(work.read("speed").aside[0].text, raw);
    assert.ok(JSON.parse(work.asFile()).pages.speed.aside[0].text === raw, "it is not in the file");
  });
}

test("a file brings all of it into another browser", async () => {
  put("speed", 1, cell("mine"));
  work.change("running_averages", ({ solved }) => (solved["ex-ema-two"] = WHEN));
  const file = work.asFile();
  globalThis.localStorage = new Storage();
  work = await import(`../../assets/run/work.js?${copies++}`);
  assert.deepEqual(work.addFile(file), { cells: 1, solved: 1 });
  assert.equal(work.read("speed").cells[1].text, "mine");
  assert.equal(work.read("running_averages").solved["ex-ema-two"], WHEN);
  assert.deepEqual(work.addFile(file), { cells: 1, solved: 1 });
  assert.deepEqual(work.read("speed").aside, [], "the same file twice sets nothing aside");
});

test("of two texts for a cell the newer one counts, whichever way it comes, and the other is set aside", () => {
  put("speed", 1, cell("old"));
  const file = work.asFile();
  put("speed", 1, cell("new", LATER));
  work.addFile(file);
  assert.equal(work.read("speed").cells[1].text, "new");
  assert.deepEqual(work.read("speed").aside.map(({ text }) => text), ["old"]);
  const newer = work.asFile().replace(LATER, "2026-03-02T03:04:05.000Z").replace('"new"', '"newest"');
  work.addFile(newer);
  assert.equal(work.read("speed").cells[1].text, "newest");
  assert.deepEqual(work.read("speed").aside.map(({ text }) => text), ["old", "new"]);
});

test("a bad file changes nothing, and is told apart", () => {
  put("speed", 1, cell("mine"));
  const before = { ...localStorage };
  const good = JSON.parse(work.asFile());
  for (const [text, words] of [
    ["not json", /not JSON/],
    ["{}", /no saved work/],
    ["null", /no saved work/],
    [JSON.stringify({ ...good, version: 2 }), /another version/],
    [JSON.stringify({ ...good, pages: { a: good.pages.speed, "<b>": good.pages.speed } }), /damaged, at the page <b>/],
    [JSON.stringify({ ...good, pages: { a: good.pages.speed, speed: { cells: 3 } } }), /damaged, at the page speed/],
    [JSON.stringify({ ...good, pages: { a: good.pages.speed, b: null } }), /damaged, at the page b/],
  ]) {
    assert.throws(() => work.addFile(text), words, text);
    assert.deepEqual({ ...localStorage }, before, text);
  }
});

test("deleting it leaves nothing of the reader's work", () => {
  put("speed", 1, cell("mine"));
  work.forget("speed");
  assert.deepEqual(work.everything(), {});
});
