// The figure "Which norm forgets it?" against bnlib: its numbers, and what a reader sees who moves it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import * as numbers from "../../assets/live/changes_numbers.js";
import { close, open, violations } from "./browser.mjs";
import { python } from "./site.mjs";

after(close);
const script = fileURLToPath(new URL("changes_expected.py", import.meta.url));
const { values, cases } = JSON.parse(execFileSync(python, [script], { maxBuffer: 1e8 }));
const PATH = "book/relatives.html";
const STEP = { gain: 0.05, red: 5 };
const WORDS = [[0, "same"], [1e-6, "nearly"], [1e-2, "changed"]];
const wordFor = (size) => WORDS.findLast(([from]) => size >= from)[1];
const named = ({ flower, tint, red, top }) => `flower ${flower}, tint ${tint}, red + ${red}, up to ${top}`;

test("the photographs are bnlib's, each pixel a mean over 8 by 8", () => {
  assert.deepEqual([...numbers.PHOTOGRAPHS], values);
  assert.equal(numbers.SHAPE.reduce((a, b) => a * b), values.length);
});

for (const { given, sizes, calmest } of cases) {
  test(named(given), () => {
    const results = numbers.compare(given);
    assert.deepEqual(results.map(({ norm }) => norm), Object.keys(sizes));
    for (const { norm, size, word, rounded } of results) {
      // y is of size 1 to 10, and a sum of 3,120 numbers in another order is off by 1e-14 of itself or so.
      assert.ok(Math.abs(size - sizes[norm]) < 1e-12, `${norm}: ${size}, bnlib ${sizes[norm]}`);
      assert.equal(word, wordFor(sizes[norm]));
      assert.equal(rounded, size > 0 && sizes[norm] < 1e-12);
    }
    const { smallest } = results.find(({ norm }) => norm === "IN");
    assert.ok(Math.abs(smallest / calmest - 1) < 1e-11, `${smallest}, not ${calmest}`);
  });
}

test("a cause names a norm if and only if more than eps moves it, at many places of the sliders", () => {
  const gains = [0.1, 0.6, 0.95, 1];
  let seen = 0;
  for (const flower of gains) {
    for (const tint of gains.flatMap((a) => gains.flatMap((b) => [[a, b, 1], [1, a, b], [a, a, a]]))) {
      for (const red of [0, 5]) {
        const settings = { flower, tint, red, top: 1e4 }; // where eps is nothing
        const blamed = new Set(numbers.causes(settings).flatMap(([, norms]) => norms));
        for (const { norm, size } of numbers.compare(settings)) {
          assert.ok(blamed.has(norm) ? size > 1e-3 : size < 1e-6, `${norm} by ${size}: ${named(settings)}`);
          seen += blamed.has(norm);
        }
      }
    }
  }
  assert.ok(seen > 500);
});

const ranges = (page) => page.locator("section.live input[type=range]");

/** The five rows as a reader sees them: the word, and the number as it is written. */
const rows = (page) =>
  page.locator(".live-changes tbody tr").evaluateAll((all) => all.slice(1).map((row) => ({
    norm: row.querySelector("th").textContent,
    word: row.querySelector("strong").textContent,
    size: row.querySelector(".size").textContent,
  })));

const SUPERSCRIPTS = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹";
const plain = (text) => text.replace("−", "-")
  .replace(/ · 10([⁻⁰-⁹¹²³]+)/, (_, power) =>
    `e${[...power].map((c) => "-0123456789"[SUPERSCRIPTS.indexOf(c)]).join("")}`);

/** What is written is bnlib's number, to two digits. */
function agrees(seen, { given, sizes }) {
  assert.deepEqual(seen.map(({ norm }) => norm), Object.keys(sizes));
  for (const { norm, word, size } of seen) {
    const wanted = sizes[norm];
    const where = `${norm}, ${named(given)}: ${size}, bnlib ${wanted}`;
    assert.equal(word, wordFor(wanted), where);
    if (size === "< 10⁻¹²") assert.ok(wanted < 1e-12, where);
    else assert.equal(Number(plain(size)), Number(wanted.toPrecision(2)), where);
  }
}

/** Lead a slider by keys to a value: from its end, in as many presses as there are steps. */
async function lead(page, nth, value, [min, max], step) {
  await ranges(page).nth(nth).focus();
  const [fromMin, fromMax] = [value - min, max - value].map((way) => Math.round(way / step));
  await page.keyboard.press(fromMin < fromMax ? "Home" : "End");
  for (let press = 0; press < Math.min(fromMin, fromMax); press++) {
    await page.keyboard.press(fromMin < fromMax ? "ArrowRight" : "ArrowLeft");
  }
}

/** The blue of one row of a canvas, read from a copy: Chromium warns of canvases that are read often. */
function blues(canvas) {
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  return [...copy.getImageData(0, 13, canvas.width, 1).data].filter((_, i) => i % 4 === 2);
}

async function give(page, { flower, tint, red, top }) {
  for (const [nth, gain] of [flower, ...tint].entries()) await lead(page, nth, gain, [0.1, 1], STEP.gain);
  await lead(page, 4, red, [0, 100], STEP.red);
  await page.getByText(top === 1 ? "0 to 1" : "0 to 255", { exact: true }).click();
}

test("by keys: rows, pictures and reasons are those of bnlib's numbers, and the button leads back", async () => {
  const page = await open(PATH);
  await ranges(page).first().waitFor();
  const start = await page.locator("section.live").textContent();
  agrees(await rows(page), cases[0]);
  for (const wanted of cases) {
    await give(page, wanted.given);
    agrees(await rows(page), wanted);
    for (const [kind, values] of Object.entries(wanted.rows)) {
      const drawn = await page.getByRole("img", { name: `${kind}, flower`, exact: true }).evaluate(blues);
      for (const [i, value] of values.entries()) {
        const tone = Math.min(255, Math.max(0, kind === "x" ? value : (255 * (value + 2)) / 4));
        assert.ok(Math.abs(drawn[i] - tone) <= 0.5 + 1e-6, `${kind} at ${i}: ${drawn[i]}, not ${tone}`);
      }
    }
    const why = await page.locator(".live-why").innerText();
    const { flower, tint, red } = wanted.given;
    const coloured = new Set(tint).size > 1;
    assert.equal(/flower’s own changes BN,/.test(why), flower !== 1);
    assert.equal(/each channel changes LN and RMS,/.test(why), coloured);
    assert.equal(/all five forget it/.test(why), !coloured && tint[0] !== 1);
    assert.equal(/for red changes LN and RMS, .* and FRN,/.test(why), red !== 0);
    assert.equal(/Nothing is changed/.test(why), wanted === cases[0] || wanted === cases[1]);
    const causes = numbers.causes(wanted.given).flatMap(([, norms]) => norms);
    const left = Object.entries(wanted.sizes).filter(([norm, size]) => !causes.includes(norm) && size >= 1e-6);
    const byEps = /eps is 10⁻⁵: it moves (.*), by up to (.*)\.$/.exec(why);
    assert.equal(byEps !== null, left.length > 0, why);
    if (byEps) {
      for (const [norm] of left) assert.match(byEps[1], new RegExp(`\\b${norm}\\b`));
      const most = Math.max(...left.map(([, size]) => size));
      assert.equal(Number(plain(byEps[2])), Number(most.toPrecision(2)));
    }
    const variance = / the variance is (.*), and eps/.exec(why)[1];
    assert.equal(Number(plain(variance)), Number(wanted.calmest.toPrecision(2)));
  }
  for (let tabs = 0; (await page.evaluate(() => document.activeElement.textContent)) !== "Start again"; tabs++) {
    assert.ok(tabs < 3, "Tab does not lead from the radio buttons to Start again");
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Enter");
  assert.equal(await page.locator("section.live").textContent(), start);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("by mouse and by finger: the chapter's darker flower changes BN alone", async () => {
  const darker = cases.find(({ given: { flower, tint, red, top } }) =>
    flower === 0.4 && tint[1] === 1 && red === 0 && top === 255);
  for (const hasTouch of [false, true]) {
    const page = await open(PATH, { width: 390, hasTouch });
    const slider = ranges(page).first();
    await slider.scrollIntoViewIfNeeded();
    await page.evaluate(() => document.querySelector(".live input").scrollIntoView({ block: "center" }));
    const { x, y, width, height } = await slider.boundingBox();
    const at = (gain) => [x + 8 + ((gain - 0.1) / 0.9) * (width - 16), y + height / 2];
    if (hasTouch) await page.touchscreen.tap(...at(0.4));
    else {
      await page.mouse.move(...at(1));
      await page.mouse.down();
      await page.mouse.move(...at(0.4), { steps: 5 });
      await page.mouse.up();
    }
    assert.equal(await slider.inputValue(), "0.4");
    const seen = await rows(page);
    agrees(seen, darker);
    assert.deepEqual(seen.map(({ word }) => word), ["changed", "same", "same", "same", "same"]);
    await page.getByRole("button", { name: "Start again" })[hasTouch ? "tap" : "click"]();
    agrees(await rows(page), cases[0]);
    await page.context().close();
  }
});

test("the verdict does not hang on colour: a word, and a square that is empty, half or full", async () => {
  const page = await open(PATH, { colorScheme: "dark" });
  await ranges(page).first().waitFor();
  // In this one all three words occur.
  const mixed = cases.find(({ sizes }) => new Set(Object.values(sizes).map(wordFor)).size === 3);
  await give(page, mixed.given);
  const fills = await page.locator(".live-changes .sign").evaluateAll((all) => all.map((sign) =>
    [sign.nextElementSibling.textContent, getComputedStyle(sign).backgroundSize.split(" ")[0]]));
  assert.deepEqual(new Set(fills.map(String)), new Set(["same,0%", "nearly,50%", "changed,100%"]));
  await page.context().close();
});

test("in a window of 320 pixels nothing is cut off, light and dark", async () => {
  for (const colorScheme of ["light", "dark"]) {
    const page = await open(PATH, { width: 320, height: 700, colorScheme, reducedMotion: "reduce" });
    await ranges(page).first().waitFor();
    await give(page, cases.at(-1).given);
    const { wider, cut } = await page.evaluate(() => {
      const edge = document.querySelector("section.live").getBoundingClientRect().right;
      const inside = (node) => {
        const range = document.createRange();
        range.selectNodeContents(node);
        return range.getBoundingClientRect().right;
      };
      const cells = [...document.querySelectorAll(".live-changes :is(th, td)")];
      return {
        wider: document.documentElement.scrollWidth - innerWidth,
        cut: cells.filter((cell) => inside(cell) > Math.min(edge, cell.getBoundingClientRect().right + 0.5))
          .map((cell) => cell.textContent),
      };
    });
    assert.ok(wider <= 0, `the page is ${wider} pixels wider than the window`);
    assert.deepEqual(cut, []);
    if (colorScheme === "dark") assert.deepEqual(await violations(page), []); // in light, pages.test.mjs asks
    await page.context().close();
  }
});

test("without scripts and on paper the computed figure stands alone", async () => {
  const still = await open(PATH, { javaScriptEnabled: false });
  assert.equal(await still.locator("section.live").count(), 0);
  assert.ok(await still.locator("#fig-rel-changes img").isVisible());
  await still.context().close();
  const page = await open(PATH);
  const section = page.locator("section.live");
  await section.waitFor();
  assert.ok(await section.isVisible());
  await page.emulateMedia({ media: "print" });
  assert.ok(!(await section.isVisible()));
  assert.ok(await page.locator("#fig-rel-changes img").isVisible());
  await page.context().close();
});
