// Code and what it prints: nothing is cut off at the right, nothing is endless, and a copy has the lines as they are.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { close, open } from "./browser.mjs";
import { codeCells } from "./site.mjs";

after(close);
const cut = (page, boxes) => page.locator(boxes).evaluateAll((all) =>
  all.filter((box) => box.scrollWidth > box.clientWidth).map((box) => box.textContent.slice(0, 60)));

for (const name of ["bug_museum", "speed"]) {
  test(`${name} on a phone: code wraps, and a table of columns can be scrolled`, async () => {
    const page = await open(`book/${name}.html`, { width: 390 });
    await page.evaluate(() => document.querySelectorAll("details").forEach((fold) => (fold.open = true)));
    await page.waitForTimeout(1000); // accessible.js waits for the page to be still
    assert.deepEqual(await cut(page, ".cell_input pre"), []);
    assert.deepEqual(await cut(page, ".cell_output pre:not(.columns)"), []);
    assert.ok((await cut(page, ".cell_output pre.columns[tabindex='0']")).length > 0);
    await page.context().close();
  });
}

test("the copy of wrapped code has the lines as they are", async () => {
  const page = await open("book/bug_museum.html", { width: 390, permissions: ["clipboard-read", "clipboard-write"] });
  const inSight = codeCells("bug_museum").filter(({ metadata }) => !metadata.tags);
  const source = inSight.map((cell) => cell.source.join("")).find((text) => /^.{80}/m.test(text));
  const box = page.locator(".cell_input .highlight", { hasText: source.split("\n")[0] }).first();
  await box.locator(".copybtn").click({ force: true }); // it shows on hovering
  assert.equal((await page.evaluate(() => navigator.clipboard.readText())).trim(), source.trim());
  await page.context().close();
});

test("a long output scrolls in its box, also one that comes later, by keyboard", async () => {
  const page = await open("book/playground.html");
  await page.evaluate(() => {
    const lines = Array.from({ length: 500 }, (_, n) => n).join("\n");
    document.querySelector(".cell_output").innerHTML = `<div class="output stream"><pre>${lines}</pre></div>`;
  });
  const box = page.locator(".cell_output pre").first();
  await page.locator(".cell_output pre[tabindex='0']").waitFor();
  assert.ok((await box.boundingBox()).height < 900);
  await page.locator(".bd-article section > p").first().click(); // Tab goes on from there
  for (let n = 0; n < 30 && !(await box.evaluate((node) => node === document.activeElement)); n++) {
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("End");
  await page.waitForFunction(() => document.querySelector(".cell_output pre").scrollTop > 5000);
  await page.context().close();
});
