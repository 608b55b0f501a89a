// The start of Python: what is fetched is told, and what goes wrong is said with what to do. States look different.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { close, open } from "./browser.mjs";
import { click, fieldOf, said, start, write } from "./reader.mjs";

after(close);
const run = (page) => click(page, page.getByRole("button", { name: /^Run this page/ }));
const statusOf = (page) => page.locator(".run-status").textContent();
const ENDED = "Python has ended.";

test("the button says the size, and the bar counts up to it", async () => {
  const page = await open("book/scale_and_shift.html"); // which draws: so there are files enough to see it move
  const button = await page.getByRole("button", { name: /^Run this page/ }).textContent();
  const [, size] = /^Run this page \(([\d.]+) MB, once\)$/.exec(button);
  let late = 0;
  await page.route(/pyodide\/.*(whl|zip|wasm)$/, async (route) => {
    const wait = (late += 200); // one file after the other: here all of them would come at once
    await new Promise((resolve) => setTimeout(resolve, wait));
    return route.continue();
  });
  await page.evaluate(() => {
    globalThis.seen = [];
    const bar = document.querySelector(".run-controls");
    new MutationObserver(() => {
      const amount = bar.querySelector(".run-amount")?.textContent;
      const meter = bar.querySelector("progress");
      if (amount) seen.push([amount, meter.value / meter.max, meter.getAttribute("aria-label")]);
    }).observe(bar, { subtree: true, childList: true, characterData: true });
  });
  await run(page);
  await said(page, "All cells have run.");
  const seen = (await page.evaluate(() => seen)).filter(([words]) => !/^\d+ s$/.test(words)); // of what has no measure
  assert.ok(seen.length > 3, `the amount did not move: ${JSON.stringify(seen)}`);
  const amounts = seen.map(([words]) => /^([\d.]+) of ([\d.]+) MB$/.exec(words).slice(1).map(Number));
  assert.ok(amounts.every(([loaded, total], i) => total === Number(size) && loaded <= total && loaded >= (amounts[i - 1]?.[0] ?? 0)));
  assert.ok(seen.every(([, share, name], i) => name === "Bytes of Python that have come" && Math.abs(share - amounts[i][0] / size) < 0.01));
  assert.equal(await page.locator(".run-amount").textContent(), "");
  await page.reload();
  assert.equal(await page.getByRole("button", { name: /^Run this page/ }).textContent(), "Run this page");
  await page.context().close();
});

for (const [what, file, answer, words] of [
  ["missing", "numpy-*.whl", { status: 404 }, /numpy-\S+\.whl is missing on this site: it answered 404\./],
  ["missing", "page.json", { status: 404 }, /page\.json is missing on this site: it answered 404\./],
  ["missing", "pyodide.mjs", { status: 404 }, /Its files could not be loaded/],
  ["missing", "pyodide.asm.wasm", { status: 404 }, /pyodide\.asm\.wasm is missing on this site/],
  ["of another size", "numpy-*.whl", { body: "short" }, /numpy-\S+\.whl is not the file that this book was built with\./],
  ["changed", "python_stdlib.zip", "flip", /python_stdlib\.zip is not the file that this book was built with\./],
]) {
  test(`a file that is ${what}: ${file}`, async () => {
    const page = await open("book/playground.html");
    await page.route(`**/pyodide/${file}`, async (route) => {
      if (answer !== "flip") return route.fulfill(answer);
      const response = await route.fetch();
      const body = await response.body();
      body[1000] ^= 1;
      return route.fulfill({ response, body });
    });
    await run(page);
    await said(page, ENDED);
    assert.match(await statusOf(page), words);
    assert.match(await statusOf(page), /“Run all” tries again\.$/);
    assert.equal(await page.locator("[data-state=waiting], [data-state=running]").count(), 0, "cells wait for ever");
    await page.unroute(`**/pyodide/${file}`);
    await click(page, page.getByRole("button", { name: "Run all" }));
    await said(page, "All cells have run.");
    await page.context().close();
  });
}

test("offline it says so, and runs when the net is back", async () => {
  const page = await open("book/playground.html");
  await page.getByRole("button", { name: /^Run this page/ }).waitFor();
  await page.context().setOffline(true);
  await run(page);
  await said(page, ENDED);
  assert.match(await statusOf(page), /This machine is offline\. “Run all” tries again\.$/);
  await page.context().setOffline(false);
  await click(page, page.getByRole("button", { name: "Run all" }));
  await said(page, "All cells have run.");
  await page.context().close();
});

test("a browser that isolates the page and has no shared memory runs it all the same", async () => {
  const page = await open("book/playground.html", {
    beforeLoad: (each) => each.addInitScript(() => delete globalThis.SharedArrayBuffer),
  });
  assert.deepEqual(await page.evaluate(() => [crossOriginIsolated, typeof SharedArrayBuffer]), [true, "undefined"]);
  await start(page);
  await write(page, 2, "while True: pass");
  await page.keyboard.press("Shift+Enter");
  await page.locator("#run-cell-2[data-state=running]").waitFor();
  await click(page, page.getByRole("button", { name: "Stop" }));
  await said(page, "Stopped. Python starts again with the next cell.");
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("without WebAssembly it says why", async () => {
  const page = await open("book/playground.html", {
    beforeLoad: (each) => each.addInitScript(() => delete globalThis.WebAssembly),
  });
  await run(page);
  await said(page, ENDED);
  assert.match(await statusOf(page), /This browser has no WebAssembly/);
  await page.context().close();
});

test("without its own scripts the page says that it cannot run", async () => {
  const page = await open("book/playground.html", {
    beforeLoad: (each) => each.route("**/run/page.js", (route) => route.abort()),
  });
  await page.getByText("This page cannot run: its scripts could not be loaded. Load it anew.").waitFor();
  await page.context().close();
});

test("each state has a look and a word of its own", async () => {
  const page = await open("book/playground.html");
  await start(page);
  const look = (number) => page.locator(`#run-cell-${number}`).evaluate((editor) => {
    const { borderLeftColor, borderLeftStyle, borderLeftWidth } = getComputedStyle(editor.parentElement);
    return {
      state: editor.dataset.state,
      border: `${borderLeftWidth} ${borderLeftStyle} ${borderLeftColor}`,
      colour: borderLeftColor,
      words: editor.querySelector(".run-label").textContent.replace(/^Cell \d+(, changed)?/, ""),
    };
  });
  const looks = [await look(1)];
  await write(page, 2, "1 / 0");
  looks.push({ ...(await look(2)), state: "done" }); // still the state of the text before
  await page.keyboard.press("Shift+Enter");
  await said(page, "An error in cell 2.");
  looks.push(await look(2));
  await write(page, 3, "import time; time.sleep(60)");
  await page.keyboard.press("Shift+Enter");
  await page.locator("#run-cell-3[data-state=running]").waitFor();
  await click(page, page.getByRole("button", { name: "Run cell 4" }));
  looks.push(await look(3), await look(4));
  const of = Object.fromEntries(looks.map((each) => [each.state, each]));
  assert.deepEqual(Object.keys(of).sort(), ["done", "failed", "running", "waiting"]);
  for (const part of ["border", "colour", "words"]) {
    assert.equal(new Set(Object.values(of).map((each) => each[part])).size, 4, `${part}: ${JSON.stringify(of)}`);
  }
  assert.ok(Object.values(of).every(({ border }) => border.startsWith("5px")));
  assert.equal(await fieldOf(page, 4).isEditable(), true);
  await page.context().close();
});

test("a file that cannot be reached in the middle of it is told, too", async () => {
  const page = await open("book/playground.html");
  await start(page);
  await page.route("**/pyodide/sympy-*", (route) => route.abort());
  await write(page, 2, "import sympy");
  await page.keyboard.press("Shift+Enter");
  await said(page, "An error in cell 2.");
  assert.match(await page.locator("#cell-2 .cell_output").textContent(), /sympy/);
  await page.context().close();
});
