// A reader with hands, in three engines: clicks, taps and keys go to the window, and land on whatever lies there.
// ENGINES=firefox,webkit chooses; an engine that is not installed is a failure that says what to install.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { hashFor } from "../../assets/run/share.js";
import { engines, open } from "./hands.mjs";
import { closeServer } from "./server.mjs";
import { retype } from "./typing.mjs";

after(closeServer);
const EXERCISE = "ex-axes-stats"; // of channel_statistics: write the statistics of every channel
const WRONG = `def statistics(x):
    axes = tuple(i for i in range(x.ndim) if i != 1)
    return x.mean(axis=axes), x.var(axis=axes, ddof=1)

check.channel_stats(statistics)`;
const RIGHT = WRONG.replace(", ddof=1", "");
const field = (number) => `#run-cell-${number} textarea`;
const output = (number) => `#cell-${number} .cell_output`;

const has = (page, selector, words) =>
  page.until(`"${words}" in ${selector}`, (s, w) => document.querySelector(s)?.textContent.includes(w), selector, words);
const says = (page, words) => has(page, ".run-status", words);
const valueOf = (page, number) => page.look((s) => document.querySelector(s).value, field(number));
const there = (page, selector) => page.until(selector, (s) => Boolean(document.querySelector(s)), selector);

/** A test on a page of its own; what the console said is an error. */
function reader(engine, what, path, options, body) {
  test(`${engine}: ${what}`, async () => {
    const page = await open(engine, path, options);
    try {
      await body(page);
      assert.deepEqual(page.complaints, []);
    } finally {
      await page.leave();
    }
  });
}

/** Click into the text of a cell and write another one. */
async function write(page, number, source, press = "click") {
  await page[press](field(number), [0.3, 0.3]);
  assert.equal(await page.focused(), `Code of cell ${number}`, `a ${press} on a cell does not reach its text`);
  await retype(page, source);
}

for (const engine of engines) {
  reader(engine, "a line is broken, read, mended; an exercise is solved, and is solved the next day",
    "book/channel_statistics.html", {}, async (page) => {
      await page.click({ button: "Run this page" });
      await says(page, "All cells have run.");
      const number = await page.look((id) => {
        const [cell] = [...document.querySelectorAll(`#${id} div.cell`)].slice(-1);
        return Number(cell.id.replace("cell-", ""));
      }, EXERCISE);

      await write(page, number, "total = 0\nfor divisor in (1, 0):\n    total += 1 / divisor");
      assert.equal(await valueOf(page, number), "total = 0\nfor divisor in (1, 0):\n    total += 1 / divisor");
      const inks = [await page.style(field(number), "caretColor"), await page.style(".bd-article p", "color")];
      assert.equal(inks[0], inks[1], "the caret is not seen");
      await page.press("Control+A");
      assert.ok(await page.look(() => document.activeElement.selectionEnd > 40), "nothing is selected");
      await page.press("ArrowRight");
      await page.press("Shift+Enter");
      await says(page, `An error in cell ${number}.`);
      await has(page, output(number), "ZeroDivisionError: division by zero");

      await write(page, number, WRONG);
      await page.click(`#run-cell-${number} .run-cell:last-child`);
      await has(page, output(number), "wrong:");
      assert.equal(await page.look((id) => document.querySelectorAll(`#${id} .solved-mark`).length, EXERCISE), 0);
      await write(page, number, RIGHT);
      await page.press("Shift+Enter");
      await has(page, `#${EXERCISE} .solved-mark`, "solved on");

      await write(page, 1, "while True: pass");
      await page.press("Shift+Enter");
      await there(page, "#run-cell-1[data-state=running]");
      await page.click({ button: "Stop" });
      await page.until("the end", () => /^(You stopped|Stopped)/.test(document.querySelector(".run-status").textContent));
      await page.click("#run-cell-1 .run-cell:first-of-type"); // Undo changes
      assert.match(await valueOf(page, 1), /^import/);

      await page.reload();
      await has(page, `#${EXERCISE} .solved-mark`, "solved on");
      await has(page, ".run-note", `You changed cell ${number} on this page`);
      await page.click({ button: "Show my changes" });
      assert.equal((await valueOf(page, number)).replace(/\n\s*\n/, "\n\n"), RIGHT);
      await page.click({ button: "Run all" });
      await says(page, "All cells have run.");
      await page.until("the verdict", (s) => document.querySelector(s)?.textContent.startsWith("right"),
        `${output(number)} .bnlib-report`);
    });

  // WebKitGTK's driver makes a mouse of a finger, and its window is never narrower than 447 pixels.
  const pointer = engine === "webkit" ? "with a mouse on a narrow page" : "with a finger on a phone";
  reader(engine, pointer, "book/playground.html", { width: 390, height: 844, touch: true }, async (page) => {
    await page.tap({ button: "Run this page" });
    await says(page, "All cells have run.");
    await write(page, 2, "6 * 7", "tap");
    await page.tap("#run-cell-2 .run-cell:last-child");
    await has(page, output(2), "42");
    assert.ok(await page.look(() => document.documentElement.scrollWidth <= innerWidth), "the page is wider than the phone");
  });

  reader(engine, "by keyboard alone", "book/playground.html", {}, async (page) => {
    await page.until("the button", () => document.querySelector(".run-controls button"));
    for (let presses = 0; !(await page.focused()).startsWith("Run this page"); presses++) {
      assert.ok(presses < 100, "Tab does not lead to the button");
      await page.press("Tab");
    }
    await page.press("Enter");
    await says(page, "All cells have run.");
    assert.equal(await page.focused(), "Run all", "the focus was lost");
    await page.tabTo("Code of cell 2");
    await retype(page, "for i in range(2):\n    print(i)");
    await page.press("End");
    await page.press("Enter");
    await page.press("Tab");
    await page.type("x = 1");
    assert.match(await valueOf(page, 2), /^for i in range\(2\):\n {4}print\(i\)\n {8}x = 1$/, "Tab does not indent");
    await page.press("Shift+Tab");
    assert.match(await valueOf(page, 2), /\n {4}x = 1$/, "Shift+Tab does not take it back");
    await page.press("Escape");
    await page.tabTo("Run cell 2", 4);
    await page.press("Enter");
    await has(page, output(2), "0\n1");
    await page.tabTo("Code of cell 4", 20); // who passes by is not held
  });

  for (const width of { chromium: [320, 390, 768, 1280, 1920], firefox: [390, 1280], webkit: [447, 1280] }[engine]) {
    const hash = hashFor(1, "1", "0"); // a text in the address opens all fields, without Python
    reader(engine, `nothing lies over a field at ${width} pixels`, `book/channel_statistics.html${hash}`, { width }, async (page) => {
      await there(page, "textarea");
      const covered = await page.look(() => {
        for (const fold of document.querySelectorAll("details")) fold.open = true;
        for (const fold of document.querySelectorAll("button.toggle-button-hidden")) fold.click();
        const found = [];
        for (const text of document.querySelectorAll("textarea")) {
          const { height } = text.getBoundingClientRect();
          for (const [across, down] of [[0.01, 4 / height], [0.5, 0.5], [0.99, 1 - 4 / height], [0.01, 0.9], [0.99, 0.1]]) {
            window.scrollTo({ top: 0, behavior: "instant" });
            const box = text.getBoundingClientRect();
            window.scrollTo({ top: box.y + down * height - innerHeight / 2, behavior: "instant" });
            const { x, y, width } = text.getBoundingClientRect();
            const top = document.elementFromPoint(x + across * width, y + down * height);
            if (top !== text) found.push(`${text.ariaLabel ?? text.getAttribute("aria-label")}: ${top?.outerHTML.slice(0, 80)}`);
          }
        }
        return { fields: document.querySelectorAll("textarea").length, found };
      });
      assert.ok(covered.fields > 40);
      assert.deepEqual(covered.found, []);
    });
  }

  for (const hash of ["#cell-30", "#ex-axes-stats", hashFor(30, "1", "0")]) {
    reader(engine, `a link leads to its place: ${hash}`, `book/channel_statistics.html${hash}`, {}, async (page) => {
      await page.until("the place near the top of the window", (id) => {
        const { top } = document.getElementById(id).getBoundingClientRect();
        return document.readyState === "complete" && top >= 0 && top < 200;
      }, hash.slice(1).split(".")[0]);
      const top = () => page.look((id) => document.getElementById(id).getBoundingClientRect().top, hash.slice(1).split(".")[0]);
      await new Promise((resolve) => setTimeout(resolve, 3000)); // the page has grown
      assert.ok((await top()) >= 0 && (await top()) < 200, `it is ${await top()} pixels down`);
    });
  }
}
