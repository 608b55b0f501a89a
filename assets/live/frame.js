// What every interactive figure is made of. The numbers of a figure are in its NAME_numbers.js, without DOM.

const fill = (node, attributes, children) => {
  set(node, attributes);
  node.append(...children);
  return node;
};

/** Set attributes of a node: a function listens (`onclick`), false and null take an attribute away. */
export function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (value === false || value == null) node.removeAttribute(name);
    else node.setAttribute(name, value === true ? "" : value);
  }
}

export const html = (tag, attributes = {}, ...children) =>
  fill(document.createElement(tag), attributes, children);

const SVG = "http://www.w3.org/2000/svg";
export const svg = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, tag), attributes, children);

/** A drawing that scales with the page. Its name says to a screen reader what the words beside it do not. */
export const drawing = (width, height, name, ...children) =>
  svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": name, class: "live-drawing" },
    ...children,
  );

/** An arrow; its head shrinks with it, and an arrow of no length is not drawn. */
export function arrow(name) {
  const [line, head] = [svg("line"), svg("polygon")];
  const node = svg("g", { class: `arrow ${name}` }, line, head);
  const draw = (start, end) => {
    const [dx, dy] = [end[0] - start[0], end[1] - start[1]];
    const length = Math.hypot(dx, dy);
    const size = Math.min(12, length);
    const [right, down] = length ? [(dx / length) * size, (dy / length) * size] : [0, 0];
    const neck = [end[0] - right, end[1] - down];
    set(line, { x1: start[0], y1: start[1], x2: neck[0], y2: neck[1] });
    const wings = [1, -1].map((side) => [neck[0] - side * 0.4 * down, neck[1] + side * 0.4 * right]);
    set(head, { points: [end, ...wings].join(" ") });
    set(node, { visibility: length < 0.5 ? "hidden" : false });
  };
  return { node, draw };
}

/** Name the figure, for the eye and for a screen reader, and say in a sentence what to do. */
export function title(section, name, instruction) {
  section.setAttribute("aria-label", name);
  section.append(
    html("p", { class: "live-title" }, name),
    html("p", { class: "live-instruction" }, instruction),
  );
}

/** A paragraph that a screen reader reads again when it changes. */
export const message = () => html("p", { class: "live-message", role: "status" });

let named = 0;
const newId = () => `live-${++named}`;

/**
 * A slider with its name and value in sight. `show` writes the value; `say` is for a listener who needs more.
 * The result has `node`, and `value` to read and write; writing does not call `onInput`.
 */
export function slider({ label, min, max, step = 1, value, show = String, say = show, onInput = () => {} }) {
  const id = newId();
  const shown = html("output", { for: id, "aria-live": "off" }); // the slider itself speaks
  const input = html("input", { type: "range", id, min, max, step });
  const refresh = () => {
    shown.textContent = show(+input.value);
    input.setAttribute("aria-valuetext", say(+input.value));
  };
  const changed = () => {
    refresh();
    onInput(+input.value);
  };
  input.addEventListener("input", changed);
  // A finger that scrolls the page has moved the slider where it came down: take that back.
  let before;
  input.addEventListener("pointerdown", () => (before = input.value));
  input.addEventListener("pointercancel", () => {
    input.value = before;
    changed();
  });
  const control = {
    node: html("div", { class: "live-slider" }, html("label", { for: id }, label), shown, input),
    input,
    get value() {
      return +input.value;
    },
    set value(number) {
      input.value = number;
      refresh();
    },
  };
  control.value = value;
  return control;
}

/** A row of radio buttons; `options` holds [value, words]. Same interface as a slider, with strings. */
export function choice({ label, options, value, onInput = () => {} }) {
  const name = newId();
  const inputs = options.map(([value]) =>
    html("input", { type: "radio", name, value, onchange: () => onInput(value) }));
  const labels = options.map(([, words], i) => html("label", {}, inputs[i], html("span", {}, words)));
  const control = {
    node: html("fieldset", { class: "live-choice" }, html("legend", {}, label), ...labels),
    get value() {
      return inputs.find((input) => input.checked)?.value;
    },
    set value(wanted) {
      for (const input of inputs) input.checked = input.value === String(wanted);
    },
  };
  control.value = value;
  return control;
}

const minus = (text) => (Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−"));

/** A number with fixed decimals and a real minus sign; zero has no sign. */
export const fixed = (value, decimals = 2) => minus(value.toFixed(decimals));

/** A number with some significant digits; very small and very large ones as 3.2 · 10⁻⁷. */
export function significant(value, digits = 3) {
  const size = Math.abs(value);
  if (!Number.isFinite(value) || size === 0 || (size >= 1e-3 && size < 1e6)) {
    return minus(Number.isFinite(value) ? String(Number(value.toPrecision(digits))) : String(value));
  }
  const [head, power] = value.toExponential(digits - 1).split("e");
  const raised = [...String(Number(power))].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("");
  return `${minus(head)} · 10${raised}`;
}
