// The interactive figures: each stands below its computed figure, and its numbers follow the keyboard.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { close, open } from "./browser.mjs";

after(close);
const PAGES = {
  channel_statistics: "fig-axes-relatives",
  backward_projection: "fig-projection-circle",
  running_averages: "fig-ema-weights",
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
    const sliders = await section.locator("input[type=range]:not(:disabled)").all();
    for (const slider of sliders) {
      await slider.focus();
      const before = await section.textContent();
      const key = (await slider.inputValue()) === (await slider.getAttribute("max")) ? "ArrowLeft" : "ArrowRight";
      await page.keyboard.press(key);
      assert.notEqual(await section.textContent(), before, "a slider that changes no number");
    }
    assert.ok(sliders.length > 0);
    const radio = section.locator("input[type=radio]:checked");
    if (await radio.count()) {
      await radio.focus();
      const before = await section.textContent();
      await page.keyboard.press("ArrowRight");
      assert.notEqual(await section.textContent(), before, "a choice that changes no number");
    }
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}
