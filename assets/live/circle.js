// Three samples in one channel, and what is left of a gradient: dx, and the three parts of g, seen from above.
import { arrow, drawing, fixed, html, message, set, significant, slider, svg, title } from "./frame.js";
import * as numbers from "./circle_numbers.js";

const [WIDTH, HEIGHT] = [524, 350];
const MIDDLE = [262, 190]; // of the disc
const ROOM = [234, 160]; // to the right and up, for the ends of arrows
const LARGEST = 90; // pixels per unit of xhat and g, where all fits in
const SHRUNK = 4; // x - mean is drawn that much smaller
const LINE = 18; // pixels from one line of words to the next
const EPS = [1e-5, 1e-3, 0.1, 1, 10, 100];
const INK_RANGE = [0, 16];
const REACH = 3; // of g, in the plane and along the ones

/** A mark to take hold of, in a target that a finger can hit, and its name. onMove hears [right, up]. */
function handle(name, mark, label, onMove, onDrop) {
  const node = svg("g", { class: `handle ${name}` }, svg("circle", { r: 24, class: "target" }), mark, label);
  const inside = (shape, { clientX, clientY }) =>
    new DOMPoint(clientX, clientY).matrixTransform(shape.getScreenCTM().inverse());
  let grip; // where on the handle, or on its name, it is held
  node.addEventListener("pointerdown", (event) => {
    grip = inside(node, event);
    node.setPointerCapture(event.pointerId);
    event.preventDefault(); // no selection of text
  });
  // Here a finger does not scroll the page. Chromium did not heed `touch-action` on shapes in a drawing.
  node.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
  node.addEventListener("pointermove", (event) => {
    if (!node.hasPointerCapture(event.pointerId)) return;
    const at = inside(node.ownerSVGElement, event);
    onMove([at.x - grip.x - MIDDLE[0], MIDDLE[1] - at.y + grip.y]);
  });
  node.addEventListener("lostpointercapture", onDrop);
  return node;
}

const ends = (from, to) => ({ x1: from[0], y1: from[1], x2: to[0], y2: to[1] });
const round = ([cx, cy], rx) => ({ cx, cy, rx, ry: rx * numbers.FLAT });
const move = (node, [x, y]) => set(node, { transform: `translate(${x} ${y})` });

/** Words in lines, the first of them at 0. */
const lines = (...words) =>
  svg("text", {}, ...words.map((line, i) => svg("tspan", { x: 0, y: i * LINE }, line)));

/** Put a word beside a share of a segment, on the side that looks away from `centre`. */
function beside(word, from, to, centre, share = 0.5) {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
  const middle = [0, 1].map((axis) => from[axis] + share * (to[axis] - from[axis]));
  let [right, down] = [(to[1] - from[1]) / length, (from[0] - to[0]) / length];
  const away = right * (middle[0] - centre[0]) + down * (middle[1] - centre[1]);
  if (away < 0) [right, down] = [-right, -down];
  set(word, { visibility: length < 20 ? "hidden" : false, "text-anchor": anchor(right) });
  // How far the segment and its head rise beside a word that is centred above or below it.
  const long = 10 * word.textContent.length;
  const width = Math.min(long, Math.abs(to[0] - from[0]) + 24);
  const rise = anchor(right) === "middle" ? Math.abs((width / 2) * (right / down)) : 0;
  const before = { start: 0, middle: long / 2, end: long }[anchor(right)];
  const x = Math.max(before, Math.min(middle[0] + 12 * right, WIDTH - long + before)); // all in the picture
  if (length > 0) move(word, [x, middle[1] + 6 + (15 + rise) * down]);
}
const anchor = (right) => (right > 0.4 ? "start" : right < -0.4 ? "end" : "middle");

/** Of words that overlap, show the first alone. Those that are hidden already take no room. */
function uncover(words) {
  const taken = [];
  for (const word of words) {
    if (word.getAttribute("visibility") === "hidden") continue;
    const box = word.getBoundingClientRect();
    const covered = taken.some((other) => box.left < other.right && other.left < box.right &&
      box.top < other.bottom && other.top < box.bottom);
    if (covered) set(word, { visibility: "hidden" });
    else taken.push(box);
  }
}

const named = (names, make) => Object.fromEntries(names.map((name) => [name, make(name)]));
const plus = (...vectors) => vectors.reduce((v, w) => v.map((a, i) => a + w[i]));
const inRow = (vector, digits) => `(${vector.map((a) => fixed(a, digits)).join(",\u00a0")})`;

export function mount(section) {
  title(
    section,
    "What is left of g",
    "The disc lies in the plane of all triples with sum 0, and the ones vector stands upright on it. " +
      "Drag g, or x − mean, or use the sliders. The blue arrow, times inv_std, is dx.",
  );
  let g = [1.4, -0.6, 2.2];
  const xs = [2, 15, 13].map((value, i) => slider({
    label: `sample ${i + 1}`, min: INK_RANGE[0], max: INK_RANGE[1], step: 0.1, value, onInput: update,
    show: (number) => fixed(number, 1),
  }));
  const parts = ["ones", "xhat", "tangent"].map((label, i) => slider({
    label, min: -REACH, max: REACH, step: 0.1, value: 0, show: (number) => fixed(number, 1),
    onInput: (size) => {
      const axes = numbers.directions(forward().xhat);
      g = numbers.compose(numbers.lengths(g, axes).map((old, j) => (j === i ? size : old)), axes);
      update();
    },
  }));
  const eps = slider({
    label: "eps", min: 0, max: EPS.length - 1, value: 0, onInput: update, show: (i) => String(EPS[i]),
  });
  const read = () => xs.map((control) => control.value);
  const forward = () => numbers.forward(read(), EPS[eps.value]);

  let unit = LARGEST;
  let held = false;
  const drag = (name, mark, label, onMove) =>
    handle(name, mark, label, (at) => {
      held = true; // and the scale, too, until the handle is dropped
      onMove(at.map((distance) => distance / unit));
      update();
    }, () => {
      held = false;
      update();
    });
  const xWords = lines("x − mean,", `drawn at 1/${SHRUNK}`);
  const xHandle = drag("x", svg("circle", { r: 10, class: "grip" }), xWords, (at) => {
    const point = numbers.under(at).map((a) => a * SHRUNK);
    numbers.valuesAt(point, forward().mean, ...INK_RANGE).forEach((value, i) => (xs[i].value = value));
  });
  const diamond = svg("polygon", { points: "0 -15 15 0 0 15 -15 0", class: "grip" });
  const gHandle = drag("g", diamond, svg("text", { y: 5 }, "g"), (at) => {
    const axes = numbers.directions(forward().xhat);
    const [ones] = numbers.lengths(g, axes);
    const tail = numbers.toPlane(forward().xhat);
    const point = numbers.under(at, ones).map((a, i) => a - tail[i]);
    const most = Math.min(1, REACH / Math.hypot(...point));
    g = plus(numbers.fromPlane(point.map((a) => a * most)), numbers.compose([ones], axes));
  });

  const arrows = named(["upright", "xhat", "tangent", "along", "ones", "g", "kept"], arrow);
  const words = named(["upright", "xhat", "tangent", "along", "ones"], () => svg("text"));
  const [disc, foot] = ["disc", "foot"].map((name) => svg("ellipse", { class: name }));
  const [ray, shadow] = ["ray", "shadow"].map((name) => svg("line", { class: name }));
  const picture = drawing(WIDTH, HEIGHT, "",
    disc, shadow, foot, ray,
    ...Object.values(arrows).map(({ node }) => node),
    ...Object.values(words), gHandle, xHandle,
  );
  picture.classList.add("live-circle");
  words.upright.textContent = "ones";
  words.xhat.textContent = "xhat";
  set(words.xhat, { class: "inside" });

  const ROWS = ["x", "xhat", "g", "g along ones", "g along xhat", "g along tangent", "dx"];
  const cells = ROWS.map(() => [1, 2, 3, 4].map(() => html("td")));
  const table = html("table", { class: "live-numbers" },
    html("thead", {}, html("tr", {}, html("td"),
      ...["1", "2", "3", "length"].map((name) => html("th", { scope: "col" }, name)))),
    html("tbody", {}, ...ROWS.map((name, i) =>
      html("tr", {}, html("th", { scope: "row" }, name), ...cells[i]))));
  const all = html("details", { class: "live-fold" }, html("summary", {}, "All the numbers"), table);
  all.open = matchMedia("(min-width: 40rem)").matches; // on a phone, picture and sliders share one screen
  const verdict = message();
  const group = (name, controls) =>
    html("fieldset", { class: "live-group" }, html("legend", {}, name), ...controls.map(({ node }) => node));
  section.append(
    picture,
    html("div", { class: "live-columns" },
      group("g = gamma · dy, along", parts), group("Input x", xs), group("Layer", [eps])),
    verdict, all,
  );

  function update() {
    const x = read();
    const { centered, variance, invStd, xhat } = forward();
    const { ones, along, tangent, leak, dx } = numbers.backward(x, g, 1, EPS[eps.value]);
    const flat = variance === 0; // xhat has no direction
    numbers.lengths(g, numbers.directions(xhat)).forEach((size, i) => {
      parts[i].value = size;
      parts[i].input.disabled = flat && i > 0;
    });
    const share = Math.round(100 * leak);
    words.ones.textContent = "along ones: lost";
    words.along.textContent = `along xhat: ${share > 0 ? `${share} % kept` : "lost"}`;
    words.tangent.textContent = flat ? "kept" : "tangent: kept";
    draw({ centered, xhat, ones, along, tangent, leak }); // after the words: it asks how long they are
    [x, xhat, g, ones, along, tangent, dx].forEach((vector, i) => {
      [...vector, numbers.length(vector)].forEach((value, j) => (cells[i][j].textContent = fixed(value, 3)));
    });
    const scale = significant(invStd, 3);
    verdict.textContent = flat
      ? `All three values are equal, so xhat is 0: dx is ${scale} times g without its part along the ones, ` +
        `${inRow(dx, 3)}.`
      : `dx is ${scale} times (tangent + ${significant(leak, 2)} · part along xhat): ${inRow(dx, 3)}.`;
    set(picture, {
      "aria-label": "A disc seen from above at an angle, with xhat from its middle to its rim. From the tip " +
        `of xhat, three arrows end to end lead to g: along the circle, along xhat, upright. ${verdict.textContent}`,
    });
  }

  function draw({ centered, xhat, ones, along, tangent, leak }) {
    const turnAt = plus(xhat, tangent);
    const footAt = plus(turnAt, along);
    const shrunk = centered.map((value) => value / SHRUNK);
    const spots = { x: shrunk, tip: xhat, turn: turnAt, foot: footAt, goal: plus(footAt, ones) };
    spots.kept = plus(turnAt, along.map((a) => leak * a));
    spots.one = [1, 1, 1];
    const seen = Object.entries(spots).map(([name, v]) => [name, numbers.look(v)]);
    const most = [0, 1].map((axis) => Math.max(...seen.map(([, at]) => Math.abs(at[axis]))));
    if (!held) unit = Math.min(LARGEST, ROOM[0] / most[0], ROOM[1] / most[1]);
    const place = ([right, up]) => [MIDDLE[0] + unit * right, MIDDLE[1] - unit * up];
    const at = Object.fromEntries(seen.map(([name, spot]) => [name, place(spot)]));
    set(disc, { ...round(MIDDLE, unit * Math.sqrt(3)) });
    set(foot, { ...round(at.foot, 6) });
    arrows.upright.draw(MIDDLE, at.one);
    arrows.xhat.draw(MIDDLE, at.tip);
    arrows.tangent.draw(at.tip, at.turn);
    arrows.along.draw(at.turn, at.foot);
    arrows.ones.draw(at.foot, at.goal);
    arrows.g.draw(at.tip, at.goal);
    arrows.kept.draw(at.tip, at.kept);
    set(ray, ends(MIDDLE, at.x));
    set(shadow, ends(at.tip, at.foot));
    move(xHandle, at.x);
    const left = at.x[0] < MIDDLE[0]; // so that the name is outside the disc
    set(xWords, { "text-anchor": left ? "end" : "start" });
    move(xWords, [left ? -16 : 16, 0]);
    move(gHandle, at.goal);
    const centre = [0, 1].map((axis) => (at.tip[axis] + at.turn[axis] + at.goal[axis]) / 3);
    move(words.upright, [at.one[0] + 8, at.one[1] + 12]);
    beside(words.xhat, MIDDLE, at.tip, centre, 0.5);
    beside(words.tangent, at.tip, at.turn, centre);
    beside(words.along, at.turn, at.foot, centre);
    beside(words.ones, at.foot, at.goal, centre);
    for (const word of [xWords, words.upright]) set(word, { visibility: false });
    uncover([words.tangent, words.along, words.ones, xWords, words.xhat, words.upright]);
  }
  update();
}
