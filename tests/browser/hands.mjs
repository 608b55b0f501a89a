// What a reader can do, and see, in any of three engines: hands and eyes. Pointers and keys go through WebDriver to
// the window, and land on whatever lies there. Scripts only look, and scroll; none focuses a field or sets a value.
import { Command, Name } from "selenium-webdriver/lib/command.js";
import { engines, start } from "./engines.mjs";
import { address } from "./server.mjs";

export { engines };

const KEYS = {
  Enter: "\uE007", Tab: "\uE004", Backspace: "\uE003", Delete: "\uE017", Escape: "\uE00C", " ": " ",
  Home: "\uE011", End: "\uE010", ArrowLeft: "\uE012", ArrowUp: "\uE013", ArrowRight: "\uE014", ArrowDown: "\uE015",
  Shift: "\uE008", Control: "\uE009",
};
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A page in a fresh browser of that engine, as large as asked for. */
export async function open(engine, path, { width = 1280, height = 900, touch = false } = {}) {
  const { driver, end } = await start(engine, { width, height, touch });
  const hands = new Hands(engine, driver, end);
  try {
    await hands.listen();
    await hands.resize(width, height);
    await hands.visit(path);
  } catch (error) {
    await end();
    throw error;
  }
  return hands;
}

class Hands {
  complaints = []; // errors and warnings of the console, where the engine tells: WebKitGTK does not

  constructor(engine, driver, leave) {
    Object.assign(this, { engine, driver, leave });
    this.keyboard = { press: (chord) => this.press(chord), type: (text) => this.type(text) };
  }

  async listen() {
    if (this.engine === "webkit") return;
    this.bidi = await this.driver.getBidi();
    await this.bidi.subscribe("log.entryAdded");
    this.bidi.socket.on("message", (data) => {
      const { method, params } = JSON.parse(data);
      if (method !== "log.entryAdded" || !["error", "warn"].includes(params.level)) return;
      this.complaints.push(params.text);
    });
  }

  /** The room for the page, not the window around it. WebKitGTK's own bar keeps its window 447 pixels wide or more. */
  async resize(width, height) {
    if (this.bidi) {
      const context = await this.driver.getWindowHandle();
      await this.bidi.send({ method: "browsingContext.setViewport", params: { context, viewport: { width, height } } });
    } else {
      const inside = await this.look(() => [innerWidth, innerHeight]);
      const window = await this.driver.manage().window().getRect();
      await this.driver.manage().window().setRect({ width, height: height + window.height - inside[1] });
    }
    await this.rest();
  }

  /** Wait for what slides: the theme's sidebars, a fold. */
  rest() {
    return this.until("the page to come to rest", () =>
      document.getAnimations().every(({ playState, effect }) =>
        playState !== "running" || effect.getComputedTiming().endTime === Infinity));
  }

  visit(path) {
    return this.driver.get(address + path);
  }

  reload() {
    return this.driver.navigate().refresh();
  }

  // What is seen. A place is a selector, or {all: selector, nth: number}, or {button: how its words begin}.

  /** What a function finds when it looks at the page. In it, `find` is the element at a place. */
  look(eye, ...args) {
    return this.driver.executeScript(`const find = ${find}; return (${eye}).apply(null, arguments)`, ...args);
  }

  /** Look until there is something, and say what; after three minutes, what was waited for. */
  async until(what, eye, ...args) {
    const end = Date.now() + 180_000;
    for (;;) {
      const seen = await this.look(eye, ...args);
      if (seen) return seen;
      if (Date.now() > end) throw new Error(`${this.engine}: waited in vain for ${what}`);
      await pause(100);
    }
  }

  text(place) {
    return this.look((p) => find(p).textContent, place);
  }

  /** What a field holds, and where its selection begins and ends. */
  field(place) {
    return this.look((p) => {
      const { value, selectionStart, selectionEnd } = find(p);
      return { value, selection: [selectionStart, selectionEnd] };
    }, place);
  }

  style(place, property) {
    return this.look((p, name) => getComputedStyle(find(p))[name], place, property);
  }

  /** What has the focus: its name for a screen reader, or what is written on it. */
  focused() {
    return this.look(() => {
      const { ariaLabel, labels, textContent, tagName } = document.activeElement;
      return tagName === "BODY" ? "" : (ariaLabel ?? labels?.[0]?.textContent ?? textContent).trim();
    });
  }

  /** The picture of one place, or of all that is in the window, as base64. */
  async screenshot(place) {
    if (!place) return this.driver.takeScreenshot();
    return (await this.look((p) => find(p), place)).takeScreenshot();
  }

  /** A box in the window, away from the bars that stick to its edges, when nothing moves any more. */
  async box(place) {
    await this.until(JSON.stringify(place), (p) => Boolean(find(p)), place);
    for (let last = "", box; ; last = JSON.stringify(box), await pause(50)) {
      box = await this.look((p) => {
        const { top, bottom } = find(p).getBoundingClientRect();
        const block = bottom - top < innerHeight * 0.6 ? "center" : "start"; // where `scroll-padding` begins
        const hidden = top < innerHeight * 0.2 || bottom > innerHeight * 0.95;
        if (hidden) find(p).scrollIntoView({ block, behavior: "instant" });
        const { x, y, width, height } = find(p).getBoundingClientRect();
        return { x, y, width, height };
      }, place);
      if (JSON.stringify(box) === last) return box;
    }
  }

  /** A point in a box, [0, 0] its left upper corner, [1, 1] its right lower one. */
  async point(place, [across, down] = [0.5, 0.5]) {
    const { x, y, width, height } = await this.box(place);
    return [x + across * width, y + down * height];
  }

  // Pointers.

  click(place, share) {
    return this.dab("mouse", place, share);
  }

  /** With a finger. WebKitGTK's driver makes a mouse of it. */
  tap(place, share) {
    return this.dab("touch", place, share);
  }

  async dab(pointerType, place, share) {
    await this.perform(pointer(pointerType, [go(await this.point(place, share)), DOWN, UP]));
  }

  /** From a share of the box to another one, or so many pixels [right, down]; with "mouse" or "touch". */
  async drag(pointerType, place, { from, to, by }) {
    const start = await this.point(place, from);
    const end = by ? start.map((at, axis) => at + by[axis]) : await this.point(place, to);
    const way = [0.1, 0.25, 0.5, 0.75, 1].map((part) =>
      go(start.map((at, axis) => at + part * (end[axis] - at)), 20));
    await this.perform(pointer(pointerType, [go(start), DOWN, ...way, UP]));
  }

  // Keys.

  async type(text) {
    await this.perform(keys([...text].flatMap((key) => [keyDown(key), keyUp(key)])));
  }

  /** A chord as in "Control+A", "Shift+Enter", "Tab". */
  async press(chord) {
    const pressed = chord.split("+").map((key) => KEYS[key] ?? key.toLowerCase());
    await this.perform(keys([...pressed.map(keyDown), ...pressed.toReversed().map(keyUp)]));
  }

  /** Go on with Tab until something has the focus, as a reader would. */
  async tabTo(name, most = 400) {
    for (let presses = 0; presses < most; presses++) {
      await this.press("Tab");
      if ((await this.focused()) === name) return;
    }
    throw new Error(`${this.engine}: ${most} times Tab do not lead to "${name}"`);
  }

  async perform(source) {
    await this.driver.execute(new Command(Name.ACTIONS).setParameter("actions", [source]));
  }
}

function find(place) {
  if (place.button) return [...document.querySelectorAll("button")].find((b) => b.textContent.startsWith(place.button));
  return place.all ? document.querySelectorAll(place.all)[place.nth] : document.querySelector(place);
}

const keyDown = (value) => ({ type: "keyDown", value });
const keyUp = (value) => ({ type: "keyUp", value });
const keys = (actions) => ({ type: "key", id: "keyboard", actions });

const DOWN = { type: "pointerDown", button: 0 };
const UP = { type: "pointerUp", button: 0 };
const go = ([x, y], duration = 0) =>
  ({ type: "pointerMove", x: Math.round(x), y: Math.round(y), origin: "viewport", duration });
const pointer = (pointerType, actions) => ({ type: "pointer", id: pointerType, parameters: { pointerType }, actions });
