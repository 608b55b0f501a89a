// The interactive figures: each stands below its computed figure, and its numbers follow the keyboard.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { close, open } from "./browser.mjs";

after(close);
const PAGES = {
  channel_statistics: "fig-axes-relatives",
  scale_and_shift: "fig-scale-histograms",
  backward_graph: "fig-graph-live",
  backward_projection: "fig-projection-circle",
  running_averages: "fig-ema-weights",
  relatives: "fig-rel-changes",
  computing_variance: "fig-cancel-ways",
};

for (const [name, figure] of Object.entries(PAGES)) {
  test(name, async () => {
    const page = await open(`book/${name}.html`, { width: 390 });
    const section = page.locator("section.live");
    await section.waitFor();
    assert.ok(await section.getAttribute("aria-label"));
    const above = await page.locator(`#${figure} img`).getAttribute("alt");
    assert.ok(above.length > 50, "the figure that stays without scripts");
    const sliders = await section.locator("input[type=range]:not(:disabled)").count();
    await section.locator(".live-title").click();
    let reached = 0;
    for (;;) {
      await page.keyboard.press("Tab");
      const now = await page.evaluate(() => {
        const { type, value, max, closest } = document.activeElement;
        return closest && document.activeElement.closest("section.live") && { type, atEnd: value === max };
      });
      if (!now) break;
      if (!["range", "radio"].includes(now.type)) continue;
      const before = await section.textContent();
      await page.keyboard.press(now.atEnd ? "ArrowLeft" : "ArrowRight");
      assert.notEqual(await section.textContent(), before, `a ${now.type} that changes no number`);
      reached += now.type === "range";
    }
    assert.ok(sliders > 0);
    assert.equal(reached, sliders, "Tab does not reach every slider");
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}
