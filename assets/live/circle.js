// Three samples in one channel, in the plane orthogonal to the ones vector: x - mean, xhat, the parts of g.
import { drawing, fixed, html, message, set, significant, slider, svg, title } from "./frame.js";
import * as numbers from "./circle_numbers.js";

const MIDDLE = 200;
const LARGEST = 70; // pixels per unit of xhat and g, where all fits in
const SHRUNK = 4; // x - mean is drawn that much smaller
const BARS = { x: 430, g: 490 };
const BAR = 135; // pixels to each side
const LINE = 18; // pixels from one line of words to the next
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
    onMove([at.x - grip.x - MIDDLE, MIDDLE - at.y + grip.y]);
  });
  node.addEventListener("lostpointercapture", onDrop);
  return node;
}

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
  const width = Math.min(9 * word.textContent.length, Math.abs(to[0] - from[0]) + 24);
  const rise = anchor(right) === "middle" ? Math.abs((width / 2) * (right / down)) : 0;
  if (length > 0) move(word, [middle[0] + 12 * right, middle[1] + 6 + (15 + rise) * down]);
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

/** An upright bar from zero, with its name and number below. */
function bar(x, name, most) {
  const shaft = arrow("ones");
  const number = svg("text", { x, y: MIDDLE + BAR + 3 * LINE });
  const words = lines("mean", `of ${name}`);
  move(words, [x, MIDDLE + BAR + LINE]);
  const node = svg("g", { class: "bar" },
    svg("line", { x1: x, x2: x, y1: MIDDLE - BAR, y2: MIDDLE + BAR, class: "scale" }),
    svg("line", { x1: x - 10, x2: x + 10, y1: MIDDLE, y2: MIDDLE, class: "scale" }),
    words, number, shaft.node);
  const draw = (mean) => {
    shaft.draw([x, MIDDLE], [x, MIDDLE - (BAR * mean) / most]);
    number.textContent = fixed(mean);
  };
  return { node, draw };
}

/** Where to write in a third of the disc: in its middle, or away from an arrow at `angle` that lies there. */
function clearOf(angle, middle) {
  const apart = Math.atan2(Math.sin(middle - angle), Math.cos(middle - angle));
  const least = Math.PI / 5.5;
  return Math.abs(apart) < least ? angle + (apart < 0 ? -least : least) : middle;
}

const named = (names, make) => Object.fromEntries(names.map((name) => [name, make(name)]));

const sliders = (range, values, onInput) =>
  values.map((value, i) =>
    slider({
      label: `sample ${i + 1}`, min: range[0], max: range[1], step: 0.1, value, onInput,
      show: (number) => fixed(number, 1),
    }));

export function mount(section) {
  title(
    section,
    "Three samples on a circle",
    "The disc lies in the plane of all triples with sum 0, seen face on; the bars show the part along the " +
      "ones, which that view hides. Drag the dot or g, or use the sliders.",
  );
  const xs = sliders(INK_RANGE, [2, 15, 13], update);
  const dys = sliders(DY_RANGE, [1.4, -0.6, 2.2], update);
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
    write(xs, numbers.valuesAt(at.map((a) => a * SHRUNK), forward().mean, ...INK_RANGE));
  });
  const diamond = svg("polygon", { points: "0 -15 15 0 0 15 -15 0", class: "grip" });
  const gHandle = drag("g", diamond, svg("text", { y: 5 }, "g"), (at) => {
    if (gamma.value === 0) return;
    const tail = numbers.toPlane(forward().xhat);
    const point = tail.map((start, i) => (at[i] - start) / gamma.value);
    const dy = read(dys);
    write(dys, numbers.valuesAt(point, (dy[0] + dy[1] + dy[2]) / 3, ...DY_RANGE));
  });

  const arrows = named(["xhat", "along", "g", "tangent"], arrow);
  const words = named(["xhat", "tangent", "along"], () => svg("text"));
  const bars = { x: bar(BARS.x, "x", INK_RANGE[1]), g: bar(BARS.g, "g", DY_RANGE[1]) };
  const barWords = lines("along ones:", "lost");
  move(barWords, [(BARS.x + BARS.g) / 2, MIDDLE - BAR - 12 - LINE]);
  const ray = svg("line", { class: "ray" });
  const disc = svg("circle", { cx: MIDDLE, cy: MIDDLE, class: "disc" });
  const borders = [1, 2, 3].map(() => svg("line", { class: "border" }));
  const thirds = [1, 2, 3].map((sample) => lines(`sample ${sample}`, "largest"));
  for (const words of thirds) set(words, { class: "third" });
  const picture = drawing(524, 2 * MIDDLE, "",
    disc,
    ...borders,
    ...thirds,
    svg("g", { class: "bar" }, barWords),
    ...Object.values(bars).map(({ node }) => node),
    ray,
    ...Object.values(arrows).map(({ node }) => node),
    ...Object.values(words),
    gHandle,
    xHandle,
  );
  picture.classList.add("live-circle");
  words.xhat.textContent = "xhat";
  set(words.xhat, { class: "inside" });

  const ROWS = ["x", "xhat", "g = gamma · dy", "g along ones", "g along xhat", "g along tangent", "dx"];
  const cells = ROWS.map(() => [1, 2, 3, 4].map(() => html("td")));
  const table = html("table", { class: "live-numbers" },
    html("thead", {}, html("tr", {}, html("td"),
      ...["1", "2", "3", "length"].map((name) => html("th", { scope: "col" }, name)))),
    html("tbody", {}, ...ROWS.map((name, i) =>
      html("tr", {}, html("th", { scope: "row" }, name), ...cells[i]))));
  const all = html("details", { class: "live-fold" }, html("summary", {}, "All the numbers"), table);
  all.open = matchMedia("(min-width: 40rem)").matches; // on a phone, picture and sliders share one screen
  const summary = html("p", { class: "live-message" });
  const verdict = message();
  const group = (name, controls) =>
    html("fieldset", { class: "live-group" }, html("legend", {}, name), ...controls.map(({ node }) => node));
  section.append(
    picture,
    html("div", { class: "live-columns" },
      group("Input x", xs), group("Upstream gradient dy", dys), group("Layer", [gamma, eps])),
    verdict, summary, all,
  );

  function update() {
    const [x, epsilon] = [read(xs), EPS[eps.value]];
    const { mean, centered, variance, std, invStd, xhat } = forward();
    const { g, ones, along, tangent, leak, dx } = numbers.backward(x, read(dys), gamma.value, epsilon);
    bars.x.draw(mean);
    bars.g.draw(ones[0]);
    const kept = Math.round(100 * leak);
    words.along.textContent = `along xhat: ${kept > 0 ? `${kept} % kept` : "lost"}`;
    words.tangent.textContent = variance === 0 ? "kept" : "tangent: kept";
    draw({ centered, xhat, along, tangent }); // after the words, for it asks how long they are
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
      "aria-label": `The plane orthogonal to the ones vector, with the circle of radius root 3 ` +
        `in three thirds, by the sample that is largest. x − mean and xhat point the same way; ` +
        `g starts at xhat. ${summary.textContent}.`,
    });
  }

  function draw({ centered, xhat, along, tangent }) {
    const foot = xhat.map((value, i) => value + tangent[i]);
    const end = foot.map((value, i) => value + along[i]);
    const shrunk = centered.map((value) => value / SHRUNK);
    const far = [shrunk, foot, end].map((v) => Math.hypot(...numbers.toPlane(v)));
    const reach = Math.max(Math.sqrt(3), ...far);
    if (!held) unit = Math.min(LARGEST, (MIDDLE - 28) / reach);

    const place = (v) => {
      const [right, up] = numbers.toPlane(v);
      return [MIDDLE + unit * right, MIDDLE - unit * up];
    };
    set(disc, { r: unit * Math.sqrt(3) });
    const origin = [MIDDLE, MIDDLE];
    const [x, tip, turn, goal] = [shrunk, xhat, foot, end].map(place);
    arrows.xhat.draw(origin, tip);
    arrows.tangent.draw(tip, turn);
    arrows.along.draw(turn, goal);
    arrows.g.draw(tip, goal);
    nameThirds(Math.atan2(tip[1] - MIDDLE, tip[0] - MIDDLE), unit * Math.sqrt(3));
    set(ray, { x1: origin[0], y1: origin[1], x2: x[0], y2: x[1] });
    move(xHandle, x);
    const clear = turn[1] > tip[1] ? -24 - LINE : 34; // of the tangent; and of the bars, at the right
    move(xWords, [Math.max(60, Math.min(x[0], 362)) - x[0], clear]);
    move(gHandle, goal);
    const centre = [0, 1].map((axis) => (tip[axis] + turn[axis] + goal[axis]) / 3);
    beside(words.xhat, origin, tip, centre, 0.36);
    beside(words.tangent, tip, turn, centre);
    beside(words.along, turn, goal, centre);
    for (const word of thirds) set(word, { visibility: false });
    uncover([xWords, words.tangent, words.along, words.xhat, ...thirds]);
  }

  /** The three thirds of the disc, and which sample is the largest in each, where xhat is not in the way. */
  function nameThirds(angle, radius) {
    const at = (direction, share) =>
      [MIDDLE + share * radius * Math.cos(direction), MIDDLE + share * radius * Math.sin(direction)];
    thirds.forEach((words, i) => {
      const middle = Math.PI * (5 / 6 - (2 / 3) * i); // down to the right is positive
      words.firstChild.textContent = radius > 95 ? `sample ${i + 1}` : String(i + 1);
      move(words, at(clearOf(angle, middle), 0.68));
      const [x2, y2] = at(middle + Math.PI, 1);
      set(borders[i], { x1: MIDDLE, y1: MIDDLE, x2, y2 });
    });
  }
  update();
}
