// The interactive figures, moved by readers' hands in three engines: by mouse, by finger, by arrow keys.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { engines, open } from "./hands.mjs";
import { closeServer } from "./server.mjs";

after(closeServer);
const PAGES = [
  "channel_statistics", "scale_and_shift", "backward_graph", "backward_projection", "running_averages",
  "relatives", "computing_variance",
];
const SLIDERS = "section.live input[type=range]";
const CHOICES = "section.live input[type=radio]";
const HANDLES = ["x", "g"].map((name) => `section.live .handle.${name} .grip`);
const BUTTONS = ".live-buttons:not(.reset) button";
const NUMBERS = ".live :is(.live-numbers, .live-message, svg text)";
const RESET = ".live-buttons.reset button";
const TILES = ".live-tiles g[transform]";

/** The numbers of a figure, without those that sliders show of themselves. */
const numbers = (hands) =>
  hands.look((s) => [...document.querySelectorAll(s)].map((node) => node.textContent).join(" "), NUMBERS);
const count = (hands, selector) => hands.look((s) => document.querySelectorAll(s).length, selector);
const slider = (hands, place) =>
  hands.look((p) => {
    const { min, max, step, value, disabled } = find(p);
    const shown = find(p).closest(".live-slider").querySelector("output").textContent;
    return { min: +min, max: +max, step: +step, value: +value, disabled, shown };
  }, place);

/** The same and the drawing: where a value lies in its group, say, changes the ring around it, and no number. */
const picture = async (hands) =>
  (await numbers(hands)) + (await hands.look(() => document.querySelector(".live .live-drawing")?.innerHTML ?? ""));

/** Do something, and see the figure change. */
async function changes(hands, what, act, seen = numbers) {
  const before = await seen(hands);
  await act();
  assert.notEqual(await seen(hands), before, `${what} changes nothing`);
}

/** Take each slider by its thumb and lead it to its farther end. */
async function moveSliders(hands, pointer) {
  const sliders = await count(hands, SLIDERS);
  assert.ok(sliders > 0);
  for (let nth = 0; nth < sliders; nth++) {
    const place = { all: SLIDERS, nth };
    const { min, max, value, disabled, shown } = await slider(hands, place);
    assert.equal(disabled, false);
    const thumb = 8 / (await hands.box(place)).width; // half of it: at its ends the slider keeps it inside
    const from = thumb + ((value - min) / (max - min)) * (1 - 2 * thumb);
    const up = value - min < max - value;
    await changes(hands, `slider ${nth}`, () =>
      hands.drag(pointer, place, { from: [from, 0.5], to: [up ? 1.03 : -0.03, 0.5] }), picture);
    const now = await slider(hands, place);
    assert.equal(now.value, up ? max : min, `slider ${nth} does not follow the ${pointer}`);
    assert.notEqual(now.shown, shown);
  }
}

/** Reach each slider with Tab, and press an arrow three times, away from the nearer end. */
async function stepSliders(hands) {
  for (let nth = 0; nth < (await count(hands, SLIDERS)); nth++) {
    const place = { all: SLIDERS, nth };
    const { min, max, step, value, disabled } = await slider(hands, place);
    if (disabled) continue; // no tab stop, and of no use with this choice
    await tabTo(hands, place);
    const up = value - min < max - value;
    await changes(hands, `slider ${nth}`, async () => {
      for (let press = 0; press < 3; press++) await hands.press(up ? "ArrowRight" : "ArrowLeft");
    }, picture);
    const wanted = up ? Math.min(max, value + 3 * step) : Math.max(min, value - 3 * step);
    const { value: now } = await slider(hands, place);
    assert.ok(Math.abs(now - wanted) < step / 2, `slider ${nth}: ${now}, not ${wanted}`); // 0.1 + 0.2
  }
}

/** Drag each handle, and press a tile: what a pointer can do beside the sliders. */
async function moveHandles(hands, pointer) {
  for (const handle of HANDLES) {
    if (!(await count(hands, handle))) continue;
    const before = await hands.box(handle);
    const scrolled = await hands.look(() => scrollY);
    await changes(hands, handle, () => hands.drag(pointer, handle, { by: [-25, 20] }));
    assert.equal(await hands.look(() => scrollY), scrolled, "the page scrolled with the handle");
    const { x, y } = await hands.look((p) => find(p).getBoundingClientRect().toJSON(), handle);
    assert.ok(x < before.x && y > before.y, `the handle went by ${[x - before.x, y - before.y]}`);
  }
  const tiles = await count(hands, TILES);
  if (tiles > 0) {
    await changes(hands, "a tile", () => hands.dab(pointer, { all: TILES, nth: tiles - 1 }));
  }
}

/** Each of the radio buttons in turn; at the end, one that leaves every slider of use. */
async function choose(hands, pointer) {
  const choices = await count(hands, CHOICES);
  for (let nth = 0; nth < choices; nth++) {
    const place = { all: CHOICES, nth };
    if (await hands.look((p) => find(p).checked, place)) continue;
    await changes(hands, `choice ${nth}`, () => hands.dab(pointer, place));
  }
  for (let nth = 0; nth < choices && (await count(hands, `${SLIDERS}:disabled`)); nth++) {
    await hands.dab(pointer, { all: CHOICES, nth });
  }
}

/** Reach the chosen radio button with Tab, and go to another with an arrow. */
async function chooseByKey(hands) {
  if (!(await count(hands, CHOICES))) return;
  await tabTo(hands, `${CHOICES}:checked`);
  await changes(hands, "a choice", () => hands.press("ArrowRight"));
  await changes(hands, "a choice", () => hands.press("ArrowLeft"));
}

/** One step on and one back, by two buttons. */
async function press(hands, reach) {
  if (!(await count(hands, BUTTONS))) return;
  const start = await numbers(hands);
  await changes(hands, "Next", () => reach({ all: BUTTONS, nth: 1 }));
  await changes(hands, "Back", () => reach({ all: BUTTONS, nth: 0 }));
  assert.equal(await numbers(hands), start, "Back does not undo Next");
}

/** After all that was moved: one button takes it back. */
async function reset(hands, start, reach) {
  if (!(await count(hands, RESET))) return;
  assert.notEqual(await numbers(hands), start);
  await new Promise((resolve) => setTimeout(resolve, 2000)); // Chromium drops a tap soon after a swipe
  await reach(RESET);
  await hands.until("Reset to lead to the start", (s, wanted) =>
    [...document.querySelectorAll(s)].map((node) => node.textContent).join(" ") === wanted, NUMBERS, start);
}

async function tabTo(hands, place) {
  for (let tabs = 0; !(await hands.look((p) => document.activeElement === find(p), place)); tabs++) {
    assert.ok(tabs < 400, `Tab does not lead to ${JSON.stringify(place)}`);
    await hands.press("Tab");
  }
}

const WAYS = {
  mouse: [{ width: 1280, height: 900 }, byPointer],
  touch: [{ width: 390, height: 844, touch: true }, byPointer],
  keys: [{ width: 1280, height: 900 }, byKeys],
};

async function byPointer(hands, pointer) {
  const start = await numbers(hands);
  await moveHandles(hands, pointer);
  await press(hands, (button) => hands.dab(pointer, button));
  await choose(hands, pointer);
  await moveSliders(hands, pointer);
  await reset(hands, start, (button) => hands.dab(pointer, button));
}

async function byKeys(hands) {
  const start = await numbers(hands);
  await hands.click(".live .live-title"); // Tab goes on from there
  await press(hands, async (button) => {
    await hands.look((p) => find(p).focus(), button);
    await hands.press("Enter");
  });
  await hands.click(".live .live-title");
  await chooseByKey(hands);
  await hands.click(".live .live-title"); // not with Tab around the window: in Firefox buttons are deaf after that
  await stepSliders(hands);
  await reset(hands, start, async (button) => {
    await tabTo(hands, button);
    await hands.press("Enter");
  });
}

for (const engine of engines) {
  for (const [way, [window, move]] of Object.entries(WAYS)) {
    if (engine === "webkit" && way === "touch") continue; // its driver makes a mouse of a finger
    test(`${engine}: figures by ${way}`, async (t) => {
      const hands = await open(engine, "index.html", window);
      t.after(() => hands.leave());
      for (const name of PAGES) {
        await t.test(name, async () => {
          await hands.visit(`book/${name}.html`);
          await hands.until("the figure", () => document.querySelector(".live input"));
          await move(hands, way);
          assert.deepEqual(hands.complaints.splice(0), []);
        });
      }
    });
  }
}
