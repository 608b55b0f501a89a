// Every page, light and dark, wide and narrow: no complaint, nothing from elsewhere, accessible, nothing cut off.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, test } from "node:test";
import { close, open, violations } from "./browser.mjs";
import { pages, screenshots } from "./site.mjs";

after(close);
mkdirSync(screenshots, { recursive: true });

for (const path of pages) {
  test(path, async () => {
    const page = await open(path, { reducedMotion: "reduce" });
    await page.waitForLoadState("networkidle"); // modules and fonts come after the load
    const bytes = await page.evaluate(() =>
      performance.getEntries().reduce((sum, entry) => sum + (entry.transferSize ?? 0), 0));
    assert.ok(bytes > 50_000 && bytes < 600_000, `the page takes ${bytes} bytes`);
    const shot = `${screenshots}/${path.replace(/\W/g, "-").replace("-html", "")}`;
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      for (const width of [1280, 390]) {
        await page.setViewportSize({ width, height: 900 });
        await page.waitForTimeout(600); // the theme's sidebars slide
        await page.screenshot({ path: `${shot}-${colorScheme}-${width}.png` });
        await unfold(page);
        const where = `${colorScheme}, ${width} pixels`;
        assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), colorScheme);
        const judged = (colorScheme === "light") === (width === 1280); // each scheme and each width once: seconds a time
        if (judged) assert.deepEqual(await violations(page), [], where);
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wider <= 0, `${where}: the page is ${wider} pixels wider than the window`);
      }
    }
    assert.deepEqual(page.complaints, []);
    assert.ok(!page.requests.some((url) => url.includes("/pyodide/")), "Python was fetched before the click");
    await page.context().close();
  });
}

async function unfold(page) {
  await page.evaluate(() => {
    for (const details of document.querySelectorAll("details")) details.open = true;
    for (const fold of document.querySelectorAll("button.toggle-button-hidden")) fold.click();
  });
  await page.waitForTimeout(600);
}
