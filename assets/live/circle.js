// Three samples in one channel, seen in the plane orthogonal to the ones vector: x, xhat, and the parts of g.
import { drawing, fixed, html, message, set, significant, slider, svg, title } from "./frame.js";
import * as numbers from "./circle_numbers.js";

const MIDDLE = 200;
const LARGEST = 60; // pixels per unit of xhat and g, where all fits in
const SHRUNK = 4; // x is drawn that much smaller
const BARS = { x: 410, g: 450 };
const BAR = 150; // pixels to each side
const EPS = [1e-5, 1e-3, 0.1, 1, 10, 100];
const INK_RANGE = [0, 16];
const DY_RANGE = [-2.2, 2.2];

/** An arrow; its head shrinks with it, and an arrow of no length is not drawn. */
function arrow(name) {
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

/** Something to take hold of: a lettered mark in a target that a finger can hit. onMove hears [right, up]. */
function handle(name, mark, onMove, onDrop) {
  const letter = svg("text", { y: 5 }, name);
  const node = svg("g", { class: `handle ${name}` }, svg("circle", { r: 24, class: "target" }), mark, letter);
  node.addEventListener("pointerdown", (event) => {
    node.setPointerCapture(event.pointerId);
    event.preventDefault(); // no selection of text
  });
  // Here a finger does not scroll the page. Chromium did not heed `touch-action` on shapes in a drawing.
  node.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
  node.addEventListener("pointermove", (event) => {
    if (!node.hasPointerCapture(event.pointerId)) return;
    const canvas = node.ownerSVGElement;
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(canvas.getScreenCTM().inverse());
    onMove([at.x - MIDDLE, MIDDLE - at.y]);
  });
  node.addEventListener("lostpointercapture", onDrop);
  return node;
}

const move = (node, [x, y]) => set(node, { transform: `translate(${x} ${y})` });

/** Put a word beside the middle of a segment, on the side that looks away from `centre`. */
function beside(word, from, to, centre) {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
  const middle = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
  let [right, down] = [(to[1] - from[1]) / length, (from[0] - to[0]) / length];
  const away = right * (middle[0] - centre[0]) + down * (middle[1] - centre[1]);
  if (away < 0) [right, down] = [-right, -down];
  set(word, { visibility: length < 20 ? "hidden" : false, "text-anchor": anchor(right) });
  if (length > 0) move(word, [middle[0] + 12 * right, middle[1] + 6 + 16 * down]);
}
const anchor = (right) => (right > 0.4 ? "start" : right < -0.4 ? "end" : "middle");

/** An upright bar from zero, with its name below; draw(share) takes -1 to 1. */
function bar(x, name) {
  const shaft = arrow("ones");
  const node = svg("g", {},
    svg("line", { x1: x, x2: x, y1: MIDDLE - BAR, y2: MIDDLE + BAR, class: "scale" }),
    svg("line", { x1: x - 10, x2: x + 10, y1: MIDDLE, y2: MIDDLE, class: "scale" }),
    svg("text", { x, y: MIDDLE + BAR + 20, class: "corner" }, name),
    shaft.node);
  return { node, draw: (share) => shaft.draw([x, MIDDLE], [x, MIDDLE - BAR * share]) };
}

const named = (names, make) => Object.fromEntries(names.map((name) => [name, make(name)]));

const sliders = (name, range, values, onInput) =>
  values.map((value, i) =>
    slider({
      label: `${name}, sample ${i + 1}`, min: range[0], max: range[1], step: 0.1, value, onInput,
      show: (number) => fixed(number, 1),
    }));

export function mount(section) {
  title(
    section,
    "Three samples on a circle",
    "Drag x (drawn four times smaller) or the tip of g, or use the sliders. " +
      "Of the parts of g, dx keeps the tangent alone, up to eps.",
  );
  const xs = sliders("x", INK_RANGE, [2, 15, 13], update);
  const dys = sliders("dy", DY_RANGE, [1.4, -0.6, 2.2], update);
  const gamma = slider({
    label: "gamma", min: -1, max: 1, step: 0.25, value: 1, onInput: update, show: (number) => fixed(number),
  });
  const eps = slider({
    label: "eps", min: 0, max: EPS.length - 1, value: 0, onInput: update, show: (i) => String(EPS[i]),
  });
  const read = (controls) => controls.map((control) => control.value);
  const write = (controls, values) => controls.forEach((control, i) => (control.value = values[i]));

  let unit = LARGEST;
  let held = false;
  const forward = () => numbers.forward(read(xs), EPS[eps.value]);
  const drag = (name, mark, onMove) =>
    handle(name, mark, (at) => {
      held = true; // and the scale, too, until the handle is dropped
      onMove(at.map((distance) => distance / unit));
      update();
    }, () => {
      held = false;
      update();
    });
  const xHandle = drag("x", svg("circle", { r: 11, class: "grip" }), (at) => {
    write(xs, numbers.valuesAt(at.map((a) => a * SHRUNK), forward().mean, ...INK_RANGE));
  });
  const gHandle = drag("g", svg("polygon", { points: "0 -15 15 0 0 15 -15 0", class: "grip" }), (at) => {
    if (gamma.value === 0) return;
    const tail = numbers.toPlane(forward().xhat);
    const point = tail.map((start, i) => (at[i] - start) / gamma.value);
    const dy = read(dys);
    write(dys, numbers.valuesAt(point, (dy[0] + dy[1] + dy[2]) / 3, ...DY_RANGE));
  });

  const arrows = named(["xhat", "along", "g", "tangent"], arrow);
  const words = named(["xhat", "tangent", "along"], () => svg("text"));
  const bars = named(["x", "g"], (name) => bar(BARS[name], name));
  const ray = svg("line", { class: "ray" });
  const disc = svg("circle", { cx: MIDDLE, cy: MIDDLE, class: "disc" });
  const corners = [1, 2, 3].map((sample) => svg("text", { class: "corner", y: 5 }, String(sample)));
  const picture = drawing(480, 2 * MIDDLE, "",
    disc,
    ...corners,
    svg("text", { x: (BARS.x + BARS.g) / 2, y: MIDDLE - BAR - 12, class: "corner" }, "along ones"),
    ...Object.values(bars).map(({ node }) => node),
    ray,
    ...Object.values(arrows).map(({ node }) => node),
    ...Object.values(words),
    gHandle,
    xHandle,
  );
  picture.classList.add("live-circle");
  words.xhat.textContent = "xhat";
  words.along.textContent = "along xhat";

  const ROWS = ["x", "xhat", "g = gamma · dy", "g along ones", "g along xhat", "g, tangent", "dx"];
  const cells = ROWS.map(() => [1, 2, 3, 4].map(() => html("td")));
  const table = html("table", { class: "live-numbers" },
    html("thead", {}, html("tr", {}, html("td"),
      ...["1", "2", "3", "length"].map((name) => html("th", { scope: "col" }, name)))),
    html("tbody", {}, ...ROWS.map((name, i) =>
      html("tr", {}, html("th", { scope: "row" }, name), ...cells[i]))));
  const summary = html("p", { class: "live-message" });
  const verdict = message();
  const group = (name, controls) =>
    html("fieldset", { class: "live-group" }, html("legend", {}, name), ...controls.map(({ node }) => node));
  section.append(
    picture,
    html("div", { class: "live-columns" },
      group("Input", xs), group("Upstream gradient", dys), group("Layer", [gamma, eps])),
    summary, table, verdict,
  );

  function update() {
    const [x, epsilon] = [read(xs), EPS[eps.value]];
    const { mean, centered, variance, std, invStd, xhat } = forward();
    const { g, ones, along, tangent, leak, dx } = numbers.backward(x, read(dys), gamma.value, epsilon);
    draw({ centered, xhat, along, tangent });
    bars.x.draw(mean / INK_RANGE[1]);
    bars.g.draw(ones[0] / DY_RANGE[1]);
    words.tangent.textContent = variance === 0 ? "what is left" : "tangent";
    [x, xhat, g, ones, along, tangent, dx].forEach((vector, i) => {
      [...vector, numbers.length(vector)].forEach((value, j) => (cells[i][j].textContent = fixed(value, 3)));
    });
    summary.textContent =
      `mean ${fixed(mean)}, std ${fixed(std)}, inv_std ${significant(invStd, 4)}, ` +
      `length of xhat ${fixed(numbers.length(xhat), 3)}`;
    verdict.textContent = variance === 0
      ? `All three values are equal: xhat is 0 and has no direction. ` +
        `dx is ${significant(invStd, 4)} times what is left of g without its part along the ones.`
      : `dx is ${significant(invStd, 4)} times (tangent + ${significant(leak, 2)} · part along xhat). ` +
        `The part along the ones is gone.`;
    set(picture, {
      "aria-label": `The plane orthogonal to the ones vector, with the circle of radius root 3. ` +
        `x and xhat point the same way; g starts at xhat. ${summary.textContent}.`,
    });
  }

  function draw({ centered, xhat, along, tangent }) {
    const foot = xhat.map((value, i) => value + tangent[i]);
    const end = foot.map((value, i) => value + along[i]);
    const shrunk = centered.map((value) => value / SHRUNK);
    const far = [shrunk, foot, end].map((v) => Math.hypot(...numbers.toPlane(v)));
    const reach = Math.max(Math.sqrt(3), ...far);
    if (!held) unit = Math.min(LARGEST, (MIDDLE - 20) / reach);

    const place = (v) => {
      const [right, up] = numbers.toPlane(v);
      return [MIDDLE + unit * right, MIDDLE - unit * up];
    };
    set(disc, { r: unit * Math.sqrt(3) });
    const inside = (unit * Math.sqrt(3) - 16) / unit / Math.sqrt(2 / 3);
    corners.forEach((corner, i) => move(corner, place([0, 1, 2].map((j) => (i === j ? inside : 0)))));
    const origin = [MIDDLE, MIDDLE];
    const [x, tip, turn, goal] = [shrunk, xhat, foot, end].map(place);
    arrows.xhat.draw(origin, tip);
    arrows.tangent.draw(tip, turn);
    arrows.along.draw(turn, goal);
    arrows.g.draw(tip, goal);
    set(ray, { x1: origin[0], y1: origin[1], x2: x[0], y2: x[1] });
    move(xHandle, x);
    move(gHandle, goal);
    const centre = [0, 1].map((axis) => (tip[axis] + turn[axis] + goal[axis]) / 3);
    beside(words.xhat, origin, tip, centre);
    beside(words.tangent, tip, turn, centre);
    beside(words.along, turn, goal, centre);
  }
  update();
}
