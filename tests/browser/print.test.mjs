// A chapter on paper: folds are open, but what would give an exercise away is left out.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { close, open } from "./browser.mjs";

after(close);

test("an answer is printed, a solution is not", async () => {
  const page = await open("book/running_averages.html");
  await page.emulateMedia({ media: "print" });
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  const shown = (words) => page.getByText(words).first().isVisible();
  assert.ok(await shown("One such batch knows the statistics well enough."), "an answer to a prediction");
  assert.ok(await page.locator("#ex-ema-keras pre").isVisible(), "the cell of an exercise");
  assert.ok(!(await shown("Translate into our")), "a hint");
  assert.ok(!(await shown("Most people put 0.95 into the formula")), "a solution");
  assert.ok(!(await page.getByText("keras_mistakes = {").first().isVisible()), "the answers that are compared");
  const note = await page.evaluate(() =>
    getComputedStyle(document.querySelector("#ex-ema-keras > section"), "::after").content);
  assert.match(note, /left out on paper/);
  await page.context().close();
});
