// Cards: a mouse or the keyboard on a citation, a number or a term shows what it points to.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { close, open, violations } from "./browser.mjs";
import { atRest } from "./reader.mjs";
import { screenshots } from "./site.mjs";

after(close);
const CARD = "#hover-card:popover-open";
const KINDS = {
  term: ["running_averages", 'a[href="terms.html#term-momentum"]', /^momentum\s+The weight of the new batch[^]*moving_average_fraction/],
  citation: ["intro", 'a[href*="bibliography.html#"]', /^Ethem Alpaydin and Cenk Kaynak\. Optical recognition/],
  figure: ["running_averages", 'a[href="#fig-ema-weights"]', /^Fig\. \d+ Who speaks in a running average/],
  name: ["running_averages", 'a[href="api_layers.html#bnlib.update_running"]', /^bnlib\.update_running\(running_mean, running_var, stats, momentum=0\.1, \*, unbiased=True\)\s+Move the running/],
  formula: ["scale_and_shift", 'a[href="#equation-eq-xhat"]', /\(7\)/],
  "formula of another chapter": ["backward_graph", 'a[href*="channel_statistics.html#equation-eq-mean"]', /\(1\)/],
};

async function pageWith(path, selector, options) {
  const page = await open(`book/${path}.html`, { reducedMotion: "reduce", ...options });
  const link = page.locator(`.bd-article ${selector}.internal:visible`).first();
  await link.scrollIntoViewIfNeeded();
  await atRest(page, link); // or the page moves away from under the mouse, and the card closes
  return { page, link, card: page.locator(CARD) };
}

for (const [kind, [path, selector, words]] of Object.entries(KINDS)) {
  test(`mouse: a ${kind}`, async () => {
    const { page, link, card } = await pageWith(path, selector);
    assert.ok(!page.requests.some((url) => /\/book\/(terms|bibliography|api_layers)\.html/.test(url)), "asked before it is wanted");
    await link.hover();
    await card.waitFor();
    assert.match((await card.innerText()).trim(), words);
    assert.equal(await card.locator("a, [id], [tabindex], .headerlink").count(), 0);
    if (kind === "figure") {
      await page.waitForFunction(() => document.querySelector("#hover-card img").naturalWidth > 0);
    }
    if (/formula/.test(kind)) {
      assert.ok(await card.locator("mjx-container, .katex").count(), "the formula is set, not its source");
    }
    const box = await card.boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= 1280 && box.y >= 0 && box.y + box.height <= 900, JSON.stringify(box));

    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2, { steps: 5 });
    await page.waitForTimeout(600); // longer than the card waits for the pointer
    assert.ok(await card.isVisible(), "the pointer may rest on the card");
    await page.mouse.move(1279, 899);
    await card.waitFor({ state: "hidden" });
    await link.hover();
    await card.waitFor();
    await page.keyboard.press("Escape");
    assert.equal(await card.count(), 0);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}

test("keyboard: focus shows, Escape closes, Enter follows", async () => {
  const { page, link, card } = await pageWith("running_averages", 'a[href="terms.html#term-momentum"]');
  const before = page.locator('.bd-article a[href="terms.html#term-exponential-moving-average"]');
  await before.click({ trial: true });
  await page.mouse.click((await before.boundingBox()).x - 3, (await before.boundingBox()).y + 8); // the caret stands before it
  await page.keyboard.press("Tab");
  await card.waitFor();
  assert.match(await card.innerText(), /^exponential moving average/);
  assert.equal(await before.getAttribute("aria-describedby"), await card.getAttribute("id"));
  assert.equal(await card.getAttribute("role"), "tooltip");
  await page.keyboard.press("Escape");
  assert.equal(await card.count(), 0);
  assert.equal(await before.getAttribute("aria-describedby"), null);
  assert.ok(await before.evaluate((element) => element === document.activeElement), "the focus stays");
  await page.keyboard.press("Tab");
  await card.waitFor();
  assert.match(await card.innerText(), /^momentum/);
  assert.ok(await link.evaluate((element) => element === document.activeElement));
  await page.keyboard.press("Tab");
  await page.waitForFunction(() => !/^momentum/.test(document.querySelector("#hover-card:popover-open")?.innerText ?? ""));
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  await page.waitForURL(/terms\.html#term-momentum$/);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a click follows the link", async () => {
  const { page, link } = await pageWith("running_averages", 'a[href="terms.html#term-momentum"]');
  await link.click();
  await page.waitForURL(/terms\.html#term-momentum$/);
  await page.context().close();
});

test("touch: a tap follows the link and leaves no card", async () => {
  const phone = { width: 390, height: 844, hasTouch: true, isMobile: true };
  const { page, link, card } = await pageWith("scale_and_shift", 'a[href="#equation-eq-xhat"]', phone);
  await link.tap();
  await page.waitForURL(/#equation-eq-xhat$/);
  await page.waitForTimeout(600); // longer than a card takes to open
  assert.equal(await card.count(), 0);
  await page.context().close();
});

test("a way past a link opens nothing", async () => {
  const { page, link, card } = await pageWith("intro", 'a[href*="bibliography.html#"]');
  const box = await link.boundingBox();
  await page.mouse.move(box.x + 5, box.y - 40);
  await page.mouse.move(box.x + 5, box.y + 5);
  await page.mouse.move(box.x + 5, box.y + 80);
  await page.waitForTimeout(600); // longer than a card takes to open
  assert.equal(await card.count(), 0);
  await page.context().close();
});

test("without a net a link is still a link", async () => {
  const { page, link, card } = await pageWith("running_averages", 'a[href="terms.html#term-momentum"]');
  await page.context().setOffline(true);
  await link.hover();
  await page.waitForTimeout(600); // longer than a card takes to open
  assert.equal(await card.count(), 0);
  await page.context().setOffline(false);
  await page.mouse.move(0, 0);
  await link.hover();
  await card.waitFor();
  await page.context().close();
});

for (const colorScheme of ["light", "dark"]) {
  for (const width of [1280, 390]) {
    test(`an open card is accessible: ${colorScheme}, ${width} pixels`, async () => {
      for (const kind of ["term", "citation", "figure"]) {
        const [path, selector] = KINDS[kind];
        const { page, link, card } = await pageWith(path, selector, { colorScheme, width });
        await link.hover();
        await card.waitFor();
        await page.waitForTimeout(600); // what scrolls is found when the page is at rest
        await page.screenshot({ path: `${screenshots}/card-${kind}-${colorScheme}-${width}.png` });
        assert.deepEqual(await violations(page), []);
        const box = await card.boundingBox();
        assert.ok(box.x >= 0 && box.x + box.width <= width, JSON.stringify(box));
        await page.context().close();
      }
    });
  }
}
