// Formulas stand without scripts and from a file, show in forced colours, and scroll in their own line by keyboard.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { close, open } from "./browser.mjs";
import { site } from "./site.mjs";

after(close);
const PAGE = "book/backward_projection.html";

/** How a formula is drawn: its fonts, as they were loaded, and its size. */
const drawn = (page) => page.evaluate(async () => {
  await document.fonts.ready;
  const box = document.querySelector(".katex-display .katex-html").getBoundingClientRect();
  return {
    fonts: [...document.fonts].filter((font) => font.status === "loaded").map((font) => font.family).sort(),
    size: [box.width, box.height].map(Math.round),
  };
});

test("from a file and without scripts a formula looks the same", async () => {
  const looks = [];
  for (const options of [{}, { javaScriptEnabled: false }, { from: `file://${site}/` }]) {
    const page = await open(PAGE, { width: 390, ...options });
    looks.push(await drawn(page));
    if (options.from) assert.deepEqual(page.complaints, []);
    await page.context().close();
  }
  assert.ok(looks[0].fonts.includes("KaTeX_Main") && looks[0].size[0] > 100);
  assert.deepEqual(looks[1], looks[0]);
  assert.deepEqual(looks[2], looks[0]);
});

test("in forced colours letters and roots have the colour of text", async () => {
  const page = await open("book/scale_and_shift.html", { forcedColors: "active" });
  const colours = await page.evaluate(() => {
    const style = (what, name) => getComputedStyle(document.querySelector(what))[name];
    return [
      style(".bd-article p", "color"),
      style(".katex-display .mord", "color"),
      style(".katex-display .frac-line", "borderBottomColor"),
      style(".katex-display svg", "fill"),
    ];
  });
  assert.equal(new Set(colours).size, 1, colours.join());
  await page.context().close();
});

test("a screen reader is given each formula once, as MathML", async () => {
  const page = await open(PAGE);
  const said = await page.locator("#equation-eq-dx").ariaSnapshot();
  assert.match(said, /math/);
  assert.equal(await page.locator(".katex-html:not([aria-hidden=true])").count(), 0);
  assert.equal(await page.locator("math").count(), await page.locator(".katex-html").count());
  await page.context().close();
});

test("on a phone a long formula is reached by Tab and moved by arrows", async () => {
  const page = await open(PAGE, { width: 390 });
  const long = page.locator("#equation-eq-projection-paths .katex-display");
  await long.and(page.locator("[tabindex='0']")).waitFor();
  const focused = () => long.evaluate((box) => box === document.activeElement);
  for (let presses = 0; presses < 150 && !(await focused()); presses++) await page.keyboard.press("Tab");
  assert.ok(await focused(), "Tab passes the formula by");
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => document.activeElement.scrollLeft > 0);
  assert.equal(await page.evaluate(() => scrollX), 0);
  const short = page.locator("#equation-eq-dx .katex-display");
  assert.equal(await short.getAttribute("tabindex"), null, "what does not scroll is no stop");
  await page.context().close();
});
