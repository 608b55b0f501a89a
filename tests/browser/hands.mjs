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
    await driver.get(address + path);
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

  /** The room for the page, not the window around it. */
  async resize(width, height) {
    if (this.bidi) {
      const context = await this.driver.getWindowHandle();
      await this.bidi.send({ method: "browsingContext.setViewport", params: { context, viewport: { width, height } } });
    } else {
      const inside = await this.look(() => [innerWidth, innerHeight]);
      const window = await this.driver.manage().window().getRect();
      await this.driver.manage().window().setRect({ width, height: height + window.height - inside[1] });
    }
  }

  reload() {
    return this.driver.navigate().refresh();
  }

  screenshot() {
    return this.driver.takeScreenshot();
  }

  // What is seen.

  /** What a function finds when it looks at the page. */
  look(eye, ...args) {
    return this.driver.executeScript(`return (${eye}).apply(null, arguments)`, ...args);
  }

  /** Look until something is there; `what` says what was waited for. */
  async until(what, eye, ...args) {
    const patience = Date.now() + 180_000;
    for (;;) {
      const seen = await this.look(eye, ...args);
      if (seen) return seen;
      if (Date.now() > patience) throw new Error(`${this.engine}: waited in vain for ${what}`);
      await pause(100);
    }
  }

  text(selector) {
    return this.look((s) => document.querySelector(s).textContent, selector);
  }

  style(selector, property) {
    return this.look((s, p) => getComputedStyle(document.querySelector(s))[p], selector, property);
  }

  /** What has the focus, in words: its name for a screen reader, or what is written on it. */
  focused() {
    return this.look(() => {
      const { ariaLabel, labels, textContent, tagName } = document.activeElement;
      if (tagName === "BODY") return "";
      return (ariaLabel ?? labels?.[0]?.textContent ?? textContent).trim();
    });
  }

  /** A box in the window, scrolled to its middle, when nothing moves any more. */
  async box(selector) {
    let last;
    for (;;) {
      const box = await this.look((s) => {
        const node = document.querySelector(s);
        const { top, bottom } = node.getBoundingClientRect();
        if (top < innerHeight * 0.2 || bottom > innerHeight * 0.95) {
          node.scrollIntoView({ block: bottom - top < innerHeight * 0.7 ? "center" : "start", behavior: "instant" });
        }
        const { x, y, width, height } = node.getBoundingClientRect();
        return { x, y, width, height };
      }, selector);
      if (last && ["x", "y", "width", "height"].every((side) => Math.abs(last[side] - box[side]) < 0.5)) return box;
      last = box;
      await pause(50);
    }
  }

  /** A point in a box, [0, 0] its left upper corner, [1, 1] its right lower one. */
  async point(selector, [across, down] = [0.5, 0.5]) {
    const { x, y, width, height } = await this.box(selector);
    return [x + across * width, y + down * height];
  }

  // Pointers. All take a selector, and a share of its box.

  async click(selector, share) {
    const at = await this.point(selector, share);
    await this.perform(pointer("mouse", [go(at), DOWN, UP]));
  }

  async tap(selector, share) {
    const at = await this.point(selector, share);
    await this.perform(pointer("touch", [go(at), DOWN, UP]));
  }

  /** From a share of the box to another one, or by [right, down] pixels from it. */
  async drag(selector, { from, to, by, finger = false }) {
    const start = await this.point(selector, from);
    const end = by ? start.map((place, axis) => place + by[axis]) : await this.point(selector, to);
    const way = [0.1, 0.25, 0.5, 0.75, 1].map((share) =>
      go(start.map((place, axis) => place + share * (end[axis] - place)), 30));
    await this.perform(pointer(finger ? "touch" : "mouse", [go(start), DOWN, ...way, UP]));
  }

  close() {
    return this.leave();
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

const keyDown = (value) => ({ type: "keyDown", value });
const keyUp = (value) => ({ type: "keyUp", value });
const keys = (actions) => ({ type: "key", id: "keyboard", actions });

const DOWN = { type: "pointerDown", button: 0 };
const UP = { type: "pointerUp", button: 0 };
const go = ([x, y], duration = 0) =>
  ({ type: "pointerMove", x: Math.round(x), y: Math.round(y), origin: "viewport", duration });
const pointer = (pointerType, actions) => ({ type: "pointer", id: pointerType, parameters: { pointerType }, actions });
