// The first page leads back to where a reader left: only then, to that section, and without a word where nothing is kept.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { address, close, open, violations } from "./browser.mjs";
import { click } from "./reader.mjs";

after(close);
const FIRST = "book/intro.html";
const CHAPTER = "book/scale_and_shift.html";
const place = (page) => page.locator(".go-on");
const middle = (page) => page.evaluate(() => document.documentElement.scrollHeight / 2);

/** Turn the wheel until so many pixels are above the window. */
async function wheelTo(page, target) {
  await page.mouse.move(600, 450);
  for (let before = -1; ;) {
    const at = await page.evaluate(() => scrollY);
    if (at >= target || at === before) return;
    before = at;
    await page.mouse.wheel(0, Math.min(800, target - at));
    await page.waitForFunction((was) => scrollY !== was, at, { timeout: 2000 }).catch(() => {});
    await page.waitForTimeout(150); // it slides
  }
}

/** The heading that stands last above the middle of the window, as a reader sees it. */
const headingInSight = (page) =>
  page.evaluate(() => {
    const above = [...document.querySelectorAll(".bd-article :is(h1, h2, h3)")].filter(
      (heading) => heading.getBoundingClientRect().bottom < innerHeight / 2,
    );
    return above.at(-1).textContent.replace(/#$/, "").trim();
  });

/** The middle of a link's first line, from the corner of its box: the box of two lines has empty corners. */
const firstLine = (link) =>
  link.evaluate((node) => {
    const [line, box] = [node.getClientRects()[0], node.getBoundingClientRect()];
    return { x: line.x + line.width / 2 - box.x, y: line.y + line.height / 2 - box.y };
  });

test("a first visit, and one after the first page alone: nothing", async () => {
  const page = await open(FIRST);
  assert.equal(await place(page).isVisible(), false);
  await page.reload();
  assert.equal(await place(page).isVisible(), false);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

for (const width of [1280, 390]) {
  test(`a chapter read to its middle, ${width} pixels wide: a link to that section, in both schemes`, async () => {
    const page = await open(CHAPTER, { width });
    await wheelTo(page, await middle(page));
    const left = await headingInSight(page);
    await page.goto(address + FIRST);
    assert.match(await place(page).textContent(), /^Go on where you left: (\d+\. )?Scale and shift: /);
    assert.ok((await place(page).textContent()).endsWith(`: ${left}`), `left at "${left}"`);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await page.waitForTimeout(300);
      assert.deepEqual(await violations(page), [], colorScheme);
    }
    const link = place(page).getByRole("link");
    await click(page, link, await firstLine(link));
    await page.waitForURL((url) => url.pathname.endsWith(CHAPTER) && url.hash.length > 1);
    const top = await page
      .locator(".bd-article :is(h2, h3)", { hasText: left })
      .first()
      .evaluate(async (heading) => {
        for (let before = NaN; ;) {
          const { top } = heading.getBoundingClientRect();
          if (top === before) return top;
          before = top;
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
      });
    assert.ok(top >= 0 && top < 450, `the heading stands ${top} pixels below the upper edge`);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}

test("a chapter that was opened and left at its top: a link to it, and the one that was read last counts", async () => {
  const page = await open(CHAPTER);
  await page.goto(`${address}book/depth.html`);
  await page.goto(address + FIRST);
  assert.match(await place(page).textContent(), /^Go on where you left: (\d+\. )?Depth$/);
  await page.goto(`${address}book/bug_museum.html`); // an appendix is looked up, and not read on
  await page.goto(address + FIRST);
  assert.match(await place(page).textContent(), /Depth$/);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

const REFUSALS = {
  "the browser keeps nothing": () =>
    Object.defineProperty(window, "localStorage", {
      get() {
        throw new DOMException("refused", "SecurityError");
      },
    }),
  "its room is full": () => {
    Storage.prototype.setItem = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
  },
};
for (const [where, refuse] of Object.entries(REFUSALS)) {
  test(`where ${where}: no link, and no complaint of ours`, async () => {
    const errors = [];
    const beforeLoad = (page) => {
      page.on("pageerror", ({ stack }) => errors.push(stack)); // the theme has its own, which leave the page as it is
      return page.addInitScript(refuse);
    };
    const page = await open(CHAPTER, { beforeLoad });
    await wheelTo(page, 2000);
    await page.goto(address + FIRST);
    assert.equal(await place(page).isVisible(), false);
    assert.deepEqual(errors.filter((stack) => stack.includes("go_on.js")), []);
    await page.context().close();
  });
}

test("what is kept but no address of this book is no link", async () => {
  const page = await open(CHAPTER);
  await page.goto(address + FIRST);
  const keys = await page.evaluate(() => Object.keys(localStorage).filter((key) => key.endsWith("read last")));
  assert.equal(keys.length, 1);
  for (const kept of ["", "{", "3", '{"path": "javascript:alert(1)", "chapter": "x"}', '{"path": "//a.b/", "chapter": "x"}']) {
    await page.evaluate(([key, value]) => localStorage.setItem(key, value), [keys[0], kept]);
    await page.reload();
    assert.equal(await place(page).isVisible(), false, kept);
  }
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});
