// What a reader does on a page in Chromium, by mouse and keyboard alone.
import { retype } from "./typing.mjs";

const LONG = { timeout: 300_000 }; // the longest chapter takes about two minutes

export const fieldOf = (page, number) => page.locator(`#run-cell-${number} textarea`);

export const said = (page, words) =>
  page.waitForFunction((w) => document.querySelector(".run-status").textContent.includes(w), words, LONG);

/** Press the mouse in the middle of what a locator finds, wherever that is, and whatever lies over it. */
export async function click(page, locator, { x, y } = {}) {
  await locator.waitFor();
  await locator.evaluate((node) => node.scrollIntoView({ block: "center", behavior: "instant" }));
  const box = await atRest(page, locator);
  await page.mouse.click(box.x + (x ?? box.width / 2), box.y + (y ?? box.height / 2));
}

/** Where something is when the page no longer scrolls. */
export async function atRest(page, locator) {
  for (let before = null; ; ) {
    const box = await locator.boundingBox();
    if (before?.x === box.x && before.y === box.y) return box;
    before = box;
    await page.waitForTimeout(100);
  }
}

export async function start(page) {
  await click(page, page.getByRole("button", { name: /^Run this page/ }));
  await said(page, "All cells have run.");
}

/** Click into a cell and write a text in the place of the old one. */
export async function write(page, number, source) {
  await click(page, fieldOf(page, number), { x: 60, y: 20 });
  await retype(page.keyboard, source);
}
