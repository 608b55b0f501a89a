// "Run this page": a reader breaks a page, stops it and mends it.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, test } from "node:test";
import { close, open, violations } from "./browser.mjs";
import { click, said, start, write } from "./reader.mjs";
import { codeCells, screenshots, site } from "./site.mjs";

after(close);
mkdirSync(screenshots, { recursive: true });
const cell = (page, number) => page.locator(`#run-cell-${number}`);
const outputOf = (page, number) =>
  page.locator("div.cell").nth(number - 1).locator(".cell_output");

const press = (page, name) => click(page, page.getByRole("button", { name, exact: true }));

async function type(page, number, source) {
  await write(page, number, source);
  await page.keyboard.press("Shift+Enter");
}

const FORWARD = 3; // the playground's cell for the forward pass
const answer = (divisor) => `def forward(x, gamma, beta, eps):
    axes = (0, *range(2, x.ndim))
    gamma, beta = (v.reshape(-1, *[1] * (x.ndim - 2)) for v in (gamma, beta))
    mean, var = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True, ddof=${divisor})
    return gamma * (x - mean) / np.sqrt(var + eps) + beta

check.forward(forward)`;

test("a reader breaks a line, reads the error, mends it, solves an exercise, and reloads", async () => {
  const page = await open("book/playground.html");
  await start(page);
  const report = outputOf(page, FORWARD).locator(".bnlib-report");
  assert.equal(await report.textContent(), "not tried yet");

  await type(page, FORWARD, "total = 0\nfor divisor in (1, 0):\n    total += 1 / divisor");
  await said(page, `An error in cell ${FORWARD}.`);
  const error = await outputOf(page, FORWARD).textContent();
  assert.match(error, /<cell 3>", line 3[^]*total \+= 1 \/ divisor[^]*ZeroDivisionError: division by zero/);
  assert.doesNotMatch(error, /runner/, "the reader sees code that is not theirs");
  await click(page, page.locator(".run-status a"));
  await page.screenshot({ path: `${screenshots}/run-error.png` });

  await type(page, FORWARD, answer(1));
  await said(page, "All cells have run.");
  assert.match(await report.textContent(), /^right already.*wrong: The variance divides by m - 1/s);
  await page.screenshot({ path: `${screenshots}/run-wrong.png` });
  await type(page, FORWARD, answer(0));
  await said(page, "All cells have run.");
  assert.match(await report.textContent(), /^right\b/);
  await page.screenshot({ path: `${screenshots}/run-right.png` });

  await page.reload();
  assert.equal(await report.textContent(), "not tried yet");
  await start(page);
  assert.match(await report.textContent(), /^right\b/, "the answer was lost by the reload");
  page.once("dialog", (dialog) => dialog.accept());
  await press(page, "Reset");
  await page.reload();
  await start(page);
  assert.equal(await report.textContent(), "not tried yet");
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a cell that never ends is stopped, what came before stays, and printing goes on meanwhile", async () => {
  const page = await open("book/playground.html");
  await start(page);
  await type(page, 2, "kept = 7\nprint('soon')\nwhile True:\n    pass");
  await outputOf(page, 2).getByText("soon").waitFor();
  assert.equal(await cell(page, 2).getAttribute("data-state"), "running");
  await press(page, "Stop");
  await said(page, "You stopped cell 2.");
  await type(page, 3, "kept, check is bnlib.check");
  await outputOf(page, 3).getByText("(7, True)").waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("memory ends before its strings are read wrongly, and the page goes on", async () => {
  const page = await open("book/playground.html");
  await start(page);
  await type(page, FORWARD, "import numpy as np\nkept = []\nwhile True:\n    kept.append(np.empty(2**25))");
  await said(page, `An error in cell ${FORWARD}.`);
  assert.match(await outputOf(page, FORWARD).textContent(), /MemoryError: Unable to allocate 256\. MiB/);
  await type(page, FORWARD, "words = []\ntry:\n    while True:\n        words.append('%07d' % len(words) * 999)\n" +
    "except MemoryError:\n    del kept\nprint(words[-1])"); // as it lies there: the first write is sent by itself
  await outputOf(page, FORWARD).getByText(/^\s*(\d{7})\1{998}\s*$/).waitFor();
  await page.context().close();
});

test("what a reader may do to a page", async () => {
  const page = await open("book/scale_and_shift.html");
  await start(page);
  const text = (number) => outputOf(page, number).textContent();
  const pictures = (number) => outputOf(page, number).locator("img").count();
  const run = async (number, source, words = "All cells have run.") => {
    await type(page, number, source);
    await said(page, words);
  };

  await run(1, "if True print(1)", "An error in cell 1.");
  assert.match((await text(1)).trim(), /^File "<cell 1>", line 1[^]*SyntaxError: .+$/);
  await run(1, "input('your name')", "An error in cell 1.");
  assert.match(await text(1), /input\(\) cannot ask anything on this page/);

  await run(1, "plt.plot([1, 2])\n1 / 0", "An error in cell 1.");
  await run(1, "plt.plot([1, 2]); plt.show()");
  assert.equal(await pictures(1), 1, "the figure of the cell that failed came again");
  await run(1, "plt.title('$\\\\frac{$'); plt.show()", "An error in cell 1.");
  await run(1, "1 + 1");
  assert.equal((await text(1)).trim(), "2", "the figure that cannot be drawn came again");
  await run(1, "from matplotlib.figure import Figure\nf = Figure(); f.subplots(); f");
  assert.equal(await pictures(1), 1);
  await run(1, "1 + 1;");
  assert.equal((await text(1)).trim(), "");
  await run(1, "import sys\nsys.stdout = None\n'still shown'");
  assert.equal((await text(1)).trim(), "'still shown'");

  await run(1, "for i in range(100_000): print(i)");
  assert.match(await text(1), /^0\n1\n[^]*The rest is not shown\.\s*$/);
  await type(page, 1, "while True: print('again')");
  await outputOf(page, 1).getByText("again").first().waitFor();
  await press(page, "Stop");
  await said(page, "You stopped cell 1.");
  await type(page, 1, "import time\nfor i in range(30): time.sleep(0.1)"); // longer than a Stop may take
  await said(page, "All cells have run.");

  await run(4, "1 / 0", "An error in cell 4.");
  await press(page, "Run all");
  await said(page, "An error in cell 4. Others did not run.");
  await run(4, "None", `Done. ${codeCells("scale_and_shift").length - 4} others have not run.`);
  await page.getByRole("link", { name: "Exercises", exact: true }).last().click();
  await page.waitForTimeout(1500);
  const hidden = await page.evaluate(() =>
    document.querySelector(".run-controls").getBoundingClientRect().bottom - document.querySelector("#exercises h2").getBoundingClientRect().top);
  assert.ok(hidden <= 0, `the bar covers ${hidden} pixels of the heading`);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("where the server's headers do not allow an interrupt, the thread ends and the cells before run again", async () => {
  const page = await open("book/playground.html", { beforeLoad: dropIsolation });
  assert.equal(await page.evaluate(() => crossOriginIsolated), false);
  await start(page);
  await type(page, 2, "while True:\n    pass");
  await press(page, "Stop");
  await said(page, "Stopped.");
  await type(page, 2, "second = 2");
  await said(page, "Done. 8 others have not run.");
  assert.equal(await cell(page, 1).getAttribute("data-state"), "done");
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

const dropIsolation = (page) =>
  page.route("**/*.html", async (route) => {
    const response = await route.fetch();
    const headers = { ...response.headers() };
    delete headers["cross-origin-opener-policy"];
    delete headers["cross-origin-embedder-policy"];
    await route.fulfill({ response, headers });
  });

test("colours and field break long lines at the same places, at every width", async () => {
  const page = await open("book/playground.html");
  await start(page);
  await write(page, 2, `x = "${"many words of a long line ".repeat(20)}"\n# ${"a".repeat(300)}\n`);
  for (let width = 300; width < 1400; width += 3) { // a line that just fits in one layer must fit in the other
    await page.setViewportSize({ width, height: 900 });
    const [coloured, written, seen] = await cell(page, 2).evaluate((node) => {
      const [colours, text] = [".highlight", "textarea"].map((part) => node.querySelector(part));
      return [colours.scrollHeight - 2, text.scrollHeight, text.clientHeight]; // less the pixels for a border
    });
    const far = Math.abs(coloured - written); // heights are rounded; a line is 21 pixels
    assert.ok(far <= 1, `${width} pixels: ${coloured} and ${written}, the letters are not under the caret`);
    assert.ok(written - seen <= 1, `${width} pixels: ${written - seen} pixels of the text are out of sight`);
  }
  await page.context().close();
});

test("a page that has run is accessible, light and dark, wide and narrow", async () => {
  const page = await open("book/scale_and_shift.html", { reducedMotion: "reduce" });
  await start(page);
  await type(page, 3, "1 / 0");
  await said(page, "An error in cell 3.");
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 900 });
      await page.waitForTimeout(600);
      await cell(page, 3).evaluate((node) => node.scrollIntoView({ behavior: "instant" }));
      await page.screenshot({ path: `${screenshots}/run-${colorScheme}-${width}.png` });
      assert.deepEqual(await violations(page), [], `${colorScheme}, ${width} pixels`);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "it is cut off");
    }
  }
  await page.context().close();
});

test("a chapter that needs torch says so and offers the notebook", async () => {
  const page = await open("book/torch_backend.html");
  assert.match(await page.locator(".run-bar").textContent(), /needs PyTorch, which does not run in a browser/);
  assert.equal(await page.getByRole("button", { name: "Run this page" }).count(), 0);
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator(".run-bar a[download]").click()]);
  assert.equal(download.suggestedFilename(), "torch_backend.ipynb");
  await page.context().close();
});

test("from a file: address there is no button and no complaint", async () => {
  const page = await open("book/playground.html", { from: `file://${site}/` });
  assert.equal(await page.locator(".run-bar").count(), 0);
  assert.equal(await page.locator(".cell_input").count(), codeCells("playground").length);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});
