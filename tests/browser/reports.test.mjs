// A checker's report names a chapter: on a page of the book that is a link, in an output that comes later, too.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { close, open } from "./browser.mjs";

after(close);
const links = (page) => page.locator(".bnlib-report:has(strong:text('see:')) p:last-child a");

test("the chapter in a stored report is a link", async () => {
  const page = await open("book/bug_museum.html");
  assert.ok((await links(page).count()) > 3);
  assert.equal(await page.locator("span[data-chapter]").count(), 0);
  await links(page).filter({ hasText: "Scale and shift" }).first().click();
  await page.waitForURL("**/book/scale_and_shift.html");
  await page.context().close();
});

test("so is the chapter in a report that comes later, and its own page is no link", async () => {
  const page = await open("book/playground.html");
  const addresses = () => links(page).evaluateAll((all) => all.map((link) => link.getAttribute("href")));
  assert.deepEqual(await addresses(), ["channel_statistics.html"]);
  for (const chapter of ["running_averages", "playground"]) {
    await page.evaluate((name) => document.querySelector(".cell_output").insertAdjacentHTML("beforeend",
      `<div class="bnlib-report"><p><strong>see:</strong> <span data-chapter="${name}">words</span></p></div>`), chapter);
  }
  assert.deepEqual(await addresses(), ["channel_statistics.html", "running_averages.html"]);
  await page.context().close();
});
