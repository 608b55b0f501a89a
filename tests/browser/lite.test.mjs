// The notebook site: a chapter opens in Jupyter, its directives are rendered, and it runs on the book's own Pyodide.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, test } from "node:test";
import { close, open } from "./browser.mjs";
import { codeCells, numbered, screenshots } from "./site.mjs";

after(close);
mkdirSync(screenshots, { recursive: true });
const LONG = { timeout: 120_000 };

/** What JupyterLab and its extensions say by themselves. */
const JUPYTER = [
  /^Menu entry for command .* is duplicated/,
  /^Skipping .* default shortcut because it collides/,
  /^Uploader widget not found/,
  /^No exact match found for python, using kernel python/,
  /value\.then is not a function/,
];

test("every chapter that runs is listed", async () => {
  const page = await open("lite/tree/index.html");
  await page.getByText(numbered("playground")).waitFor(LONG);
  const names = await page.locator(".jp-DirListing-itemName").allTextContents();
  assert.deepEqual(names.slice(0, 3), ["00_contents.ipynb", "00_intro.ipynb", "01_channel_statistics.ipynb"]);
  assert.ok(names.includes(numbered("speed")));
  assert.ok(!names.some((name) => name.includes("torch") || name.includes("many_devices")));
  await page.context().close();
});

test("the contents lead to a notebook, and to the book", async () => {
  const page = await open("lite/notebooks/index.html?path=00_contents.ipynb");
  const back = page.getByRole("link", { name: "book", exact: true });
  await back.waitFor(LONG);
  const [book] = await Promise.all([page.context().waitForEvent("page"), back.click()]);
  await book.waitForURL("**/book/intro.html");
  await book.close();
  const [notebook] = await Promise.all([
    page.context().waitForEvent("page"),
    page.getByRole("link", { name: "Playground" }).click(),
  ]);
  await notebook.locator("em").getByText("This notebook is a copy of").waitFor(LONG);
  await notebook.getByRole("link", { name: "its page in the book" }).click();
  await page.context().close();
});

test("a chapter runs as a notebook", async () => {
  const page = await open(`lite/notebooks/index.html?path=${numbered("playground")}`);
  const cells = codeCells("playground").filter(({ metadata }) => !metadata.tags).length; // a folded one has no number
  const code = page.locator(".jp-CodeCell");
  await code.first().waitFor(LONG);
  assert.equal(await page.locator(".jp-OutputArea-output.jp-mod-error").count(), 0);
  await page.getByRole("menuitem", { name: "Run", exact: true }).click();
  await page.getByText("Run All Cells", { exact: true }).click();
  await page.getByText(`[${cells}]:`).first().waitFor(LONG);
  const reports = await page.locator(".bnlib-report").allTextContents();
  assert.equal(reports.length, cells);
  assert.equal(await page.locator(".jp-OutputArea-output.jp-mod-error").count(), 0);
  assert.match(reports.shift(), /^right already.*wrong:/s); // the worked example
  assert.deepEqual([...new Set(reports)], ["not tried yet"]);
  await page.screenshot({ path: `${screenshots}/lite-playground.png` });
  assert.ok(page.requests.some((url) => url.endsWith("/pyodide/pyodide.asm.wasm")), "it has a Pyodide of its own");
  assert.deepEqual(page.complaints.filter((words) => !JUPYTER.some((known) => known.test(words))), []);
  await page.context().close();
});

test("a report's chapter opens as a notebook", async () => {
  const page = await open(`lite/notebooks/index.html?path=${numbered("playground")}`);
  await page.locator('[data-status="idle"]').waitFor(LONG); // a cell that is run before is dropped
  await page.locator(".jp-CodeCell .cm-content").first().click();
  await page.keyboard.press("Control+A");
  await page.keyboard.type("from bnlib import check\ncheck.channel_stats(lambda x: (x.mean(axis=0), x.var(axis=0)))");
  await page.keyboard.press("Shift+Enter");
  const chapter = page.locator(".bnlib-report").getByRole("link", { name: "A statistic is a choice of axes" });
  await chapter.waitFor(LONG);
  const [notebook] = await Promise.all([page.context().waitForEvent("page"), chapter.click()]);
  await notebook.waitForURL("**/lite/notebooks/**01_channel_statistics.ipynb");
  await page.context().close();
});
