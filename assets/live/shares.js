// Which values share a mean? Two photographs, six channels, two by two pixels: batch norm and its relatives.
import { choice, drawing, fixed, html, message, set, slider, svg, title } from "./frame.js";
import * as numbers from "./shares_numbers.js";

const [N, C, H, W] = numbers.SHAPE;
const NORMS = [
  ["batch", "batch norm"],
  ["layer", "layer norm"],
  ["instance", "instance norm"],
  ["group", "group norm"],
];
const NAMES = Object.fromEntries(NORMS);
const FACTS = [
  "values that share this mean",
  "number of means",
  "averaged over axes",
  "shape of the means, keepdims",
  "this mean",
];
const GROUPS = numbers.divisors(C);
const PIXEL = 24;
const LEFT = 38;
const TOP = 24;
const tuple = (sizes) => `(${sizes.join(",\u00a0")})`; // does not break over lines

const count = (n) => [...Array(n).keys()];

/** The left upper corner of the tile of sample n and channel c, and of value i in its tile. */
const corner = (n, c) => [LEFT + c * (W * PIXEL + 6), TOP + n * (H * PIXEL + 12)];
function pixelCorner(i) {
  const [left, top] = tileCorner(i);
  return [left + (i % W) * PIXEL, top + (Math.floor(i / W) % H) * PIXEL];
}
const tileCorner = (i) => corner(Math.floor(i / (W * H * C)), Math.floor(i / (W * H)) % C);

/** The tiles of a batch; `onPick` hears which value was pressed. */
const tiles = (onPick) =>
  numbers.VALUES.map((value, i) =>
    svg("g", { transform: `translate(${pixelCorner(i)})`, onclick: () => onPick(i) },
      svg("rect", { width: PIXEL, height: PIXEL }),
      svg("text", { x: PIXEL / 2, y: PIXEL / 2 + 4 }, fixed(value, 0))));

const names = () => [
  ...count(N).map((n) => svg("text", { x: 0, y: corner(n, 0)[1] + 28 }, `n = ${n}`)),
  ...count(C).map((c) =>
    svg("text", { x: corner(0, c)[0] + PIXEL, y: 13, "text-anchor": "middle" }, `c = ${c}`)),
];

/** A frame around the values of one mean: in every one of these norms they fill a rectangle of tiles. */
function frame(members, name) {
  const [lefts, tops] = [0, 1].map((axis) => members.map((i) => tileCorner(i)[axis]));
  const [left, top] = [Math.min(...lefts) - 2, Math.min(...tops) - 2];
  const [right, bottom] = [Math.max(...lefts) + W * PIXEL + 2, Math.max(...tops) + H * PIXEL + 2];
  return svg("rect", { x: left, y: top, width: right - left, height: bottom - top, rx: 4, class: name });
}

function inWords(norm, groups, n, c) {
  const size = C / groups;
  const first = c - (c % size);
  const group = size === 1 ? `channel ${c}` : `channels ${first} to ${first + size - 1}`;
  return {
    batch: `channel ${c} in both samples`,
    layer: `all channels of sample ${n}`,
    instance: `channel ${c} of sample ${n}`,
    group: `${group} of sample ${n}`,
  }[norm];
}

export function mount(section) {
  title(
    section,
    "Which values share a mean?",
    "Choose a layer, and a value by sliders or with a press. Each frame holds the values of one mean.",
  );
  const norm = choice({ label: "Layer", options: NORMS, value: "batch", onInput: update });
  const groups = slider({
    label: "groups", min: 0, max: GROUPS.length - 1, value: 1, onInput: update,
    show: (i) => String(GROUPS[i]),
    say: (i) => `groups: ${GROUPS[i]}, channels in each: ${C / GROUPS[i]}`,
  });
  const sample = slider({ label: "sample n", min: 0, max: N - 1, value: 0, onInput: update });
  const channel = slider({
    label: "channel c", min: 0, max: C - 1, value: 4, onInput: update,
    show: (c) => `${numbers.CHANNELS[c]}, ${c}`,
  });
  const place = slider({
    label: "place (h, w)", min: 0, max: H * W - 1, value: 1, onInput: update,
    show: (i) => tuple([Math.floor(i / W), i % W]),
  });
  const pixels = tiles((i) => {
    place.value = i % (H * W);
    channel.value = Math.floor(i / (H * W)) % C;
    sample.value = Math.floor(i / (H * W * C));
    update();
  });
  const frames = svg("g");
  const ring = svg("rect", { width: PIXEL - 4, height: PIXEL - 4, class: "ring" });
  const picture = drawing(LEFT + C * 54, TOP + N * 60, "", ...names(), ...pixels, frames, ring);
  picture.classList.add("live-tiles");
  const facts = FACTS.map((name) => [name, html("td")]);
  const words = message();
  section.append(
    norm.node,
    picture,
    html("div", { class: "live-columns two" }, groups.node, sample.node, channel.node, place.node),
    html("table", { class: "live-numbers" },
      html("tbody", {}, ...facts.map(([name, cell]) =>
        html("tr", {}, html("th", { scope: "row" }, name), cell)))),
    words,
  );

  function update() {
    const [n, c] = [sample.value, channel.value];
    const chosen = (n * C + c) * H * W + place.value;
    const numGroups = GROUPS[groups.value];
    const layout = numbers.layout(norm.value, numbers.SHAPE, numGroups);
    const owner = numbers.owners(layout);
    const means = numbers.means(numbers.VALUES, owner);
    const shares = owner.map((mean) => mean === owner[chosen]);
    const members = means.map((_, mean) => count(owner.length).filter((i) => owner[i] === mean));
    const mine = members[owner[chosen]];
    const mean = fixed(means[owner[chosen]]);

    groups.input.disabled = norm.value !== "group";
    groups.node.classList.toggle("off", norm.value !== "group");
    pixels.forEach((pixel, i) => set(pixel, { class: shares[i] ? `shares ${norm.value}` : false }));
    frames.replaceChildren(...members.map((set) => frame(set, "frame")), frame(mine, "frame chosen"));
    set(ring, { transform: `translate(${pixelCorner(chosen).map((edge) => edge + 2)})` });

    const seen = norm.value === "group" ? ` of ${tuple(layout.seen)}` : "";
    const values = [mine.length, means.length, tuple(layout.axes) + seen, tuple(layout.kept), mean];
    facts.forEach(([, cell], i) => (cell.textContent = values[i]));
    const where = inWords(norm.value, numGroups, n, c);
    const twin = numbers.sameAs(norm.value, numGroups, C);
    const plural = numGroups > 1 ? "s" : "";
    const same = twin ? ` With ${numGroups} group${plural}, group norm is ${NAMES[twin]}.` : "";
    words.textContent = `One mean, ${mean}, for the ${mine.length} values of ${where}.${same}`;
    set(picture, { "aria-label": `${N} samples, ${C} channels, ${H} by ${W} pixels. ${words.textContent}` });
  }
  update();
}
