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
// The sizes of the drawing; on a phone it leaves no room at the side, so that the values are large.
const WIDE = { pixel: 24, left: 38, top: 24, across: 6, down: 12, name: (top) => [0, top + 28] };
const NARROW = { pixel: 26, left: 3, top: 42, across: 6, down: 27, name: (top) => [3, top - 8] };
const phone = matchMedia("(max-width: 36rem)");
const tuple = (sizes) => `(${sizes.join(",\u00a0")})`; // does not break over lines

const count = (n) => [...Array(n).keys()];

/** Where things are in a drawing of these sizes. */
function places({ pixel, left, top, across, down, name }) {
  // The left upper corner of the tile of sample n and channel c, of the tile of value i, and of value i.
  const corner = (n, c) => [left + c * (W * pixel + across), top + n * (H * pixel + down)];
  const tile = (i) => corner(Math.floor(i / (W * H * C)), Math.floor(i / (W * H)) % C);
  const value = (i) => {
    const [x, y] = tile(i);
    return [x + (i % W) * pixel, y + (Math.floor(i / W) % H) * pixel];
  };
  const [right, bottom] = corner(N, C);
  return {
    pixel,
    value,
    viewBox: `0 0 ${right - across + 3} ${bottom - down + 4}`,
    names: () => [
      ...count(N).map((n) => {
        const [x, y] = name(corner(n, 0)[1]);
        return svg("text", { x, y }, `n = ${n}`);
      }),
      ...count(C).map((c) =>
        svg("text", { x: corner(0, c)[0] + pixel, y: 13, "text-anchor": "middle" }, `c = ${c}`)),
    ],
    /** A frame around the values of one mean: in every one of these norms they fill a rectangle of tiles. */
    frame: (members, className) => {
      const [xs, ys] = [0, 1].map((axis) => members.map((i) => tile(i)[axis]));
      const [x, y] = [Math.min(...xs) - 2, Math.min(...ys) - 2];
      const [width, height] = [Math.max(...xs) + W * pixel + 2 - x, Math.max(...ys) + H * pixel + 2 - y];
      return svg("rect", { x, y, width, height, rx: 4, class: className });
    },
  };
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
  const pick = (i) => {
    place.value = i % (H * W);
    channel.value = Math.floor(i / (H * W)) % C;
    sample.value = Math.floor(i / (H * W * C));
    update();
  };
  const pixels = numbers.VALUES.map((value, i) =>
    svg("g", { onclick: () => pick(i) }, svg("rect"), svg("text", {}, fixed(value, 0))));
  const [names, frames] = [svg("g"), svg("g")];
  const ring = svg("rect", { class: "ring" });
  const picture = drawing(1, 1, "", names, ...pixels, frames, ring);
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

  let at;
  function lay() {
    at = places(phone.matches ? NARROW : WIDE);
    const { pixel } = at;
    set(picture, { viewBox: at.viewBox });
    names.replaceChildren(...at.names());
    pixels.forEach((node, i) => {
      set(node, { transform: `translate(${at.value(i)})` });
      set(node.firstChild, { width: pixel, height: pixel });
      set(node.lastChild, { x: pixel / 2, y: pixel / 2 + 4.5 });
    });
    set(ring, { width: pixel - 4, height: pixel - 4 });
    update();
  }

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
    frames.replaceChildren(...members.map((set) => at.frame(set, "frame")), at.frame(mine, "frame chosen"));
    set(ring, { transform: `translate(${at.value(chosen).map((edge) => edge + 2)})` });

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
  phone.addEventListener("change", lay);
  lay();
}
