// The running average, drawn: who speaks in it, and where it is on a stream of real digits.
import { choice, drawing, fixed, html, message, set, significant, slider, svg, title } from "./frame.js";
import { BATCH_MEANS, DATA_MEAN, newestWithHalf, runningMeans, weights } from "./average_numbers.js";

const MOMENTA = [
  0.001, 0.0015, 0.002, 0.003, 0.005, 0.007, 0.01, 0.015, 0.02, 0.03, 0.05, 0.07,
  0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 0.9, 1,
];
const BATCHES = BATCH_MEANS.length;
const WIDTH = 360;
const LEFT = 44;
const RIGHT = 302;
const TOP = { high: 22, low: 186 }; // the panel of weights
const BOTTOM = { high: 224, low: 374 }; // the panel of means
const LOWEST = 1e-4;

const xOf = (batch) => LEFT + 6 + (batch / BATCHES) * (RIGHT - LEFT - 10);
const ofWeight = (weight) =>
  TOP.low + (Math.log10(Math.max(weight, LOWEST)) / Math.log10(LOWEST) - 1) * (TOP.low - TOP.high);
const ofMean = (mean) => BOTTOM.low - mean * (BOTTOM.low - BOTTOM.high);

const text = (x, y, words, attributes = {}) => svg("text", { x, y, "font-size": 12, ...attributes }, words);
const ink = (name) => `fill: var(--live-${name})`;
const path = (name, attributes) =>
  svg("path", { fill: "none", stroke: `var(--live-${name})`, ...attributes });
const points = (list) => list.map(([x, y]) => `M${x.toFixed(1)} ${y.toFixed(1)}h.01`).join("");
const line = (list) => list.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
const dots = (name, width) => path(name, { "stroke-width": width, "stroke-linecap": "round" });
const halo = { "paint-order": "stroke", "stroke-width": 4, stroke: "var(--pst-color-background)" };

function axes() {
  const tick = (y, words) => [
    svg("path", { d: `M${LEFT - 4} ${y}H${LEFT}`, stroke: "var(--live-guide)" }),
    text(LEFT - 7, y + 4, words, { "text-anchor": "end" }),
  ];
  const frame = ({ high, low }) =>
    svg("path", { d: `M${LEFT} ${high}V${low}H${RIGHT}`, fill: "none", stroke: "var(--live-guide)" });
  return [
    frame(TOP),
    frame(BOTTOM),
    ...["1", "0.1", "0.01", "10⁻³", "10⁻⁴"].flatMap((words, i) => tick(ofWeight(10 ** -i), words)),
    ...["0", "0.5", "1"].flatMap((words) => tick(ofMean(Number(words)), words)),
    ...[0, 50, 100, 150, 200].map((n) => text(xOf(n), BOTTOM.low + 15, n, { "text-anchor": "middle" })),
    text((LEFT + RIGHT) / 2, BOTTOM.low + 31, "batch", { "text-anchor": "middle" }),
    text(LEFT + 2, TOP.high - 8, "weight in the average"),
    text(LEFT + 2, BOTTOM.high - 8, "mean ink of one pixel"),
    path("reference", {
      d: `M${LEFT} ${ofMean(DATA_MEAN)}H${RIGHT}`, "stroke-width": 2, "stroke-dasharray": "2 3",
    }),
    text(RIGHT + 4, ofMean(DATA_MEAN) + 4, "all digits", { style: ink("reference") }),
  ];
}

function picture() {
  const parts = {
    half: svg("rect", { y: TOP.high, height: BOTTOM.low - TOP.high, fill: "var(--live-faint)" }),
    voices: dots("bn", 2.6),
    newest: dots("bn", 7),
    newestName: text(0, 0, "", halo),
    start: svg("rect", { x: xOf(0) - 4, width: 8, height: 8, stroke: "currentColor", "stroke-width": 1.5 }),
    startName: text(xOf(0) - 4, 0, "", halo),
    heard: dots("guide", 2.6),
    unheard: dots("guide", 1.3),
    followed: path("bn", { "stroke-width": 2 }),
    future: path("bn", { "stroke-dasharray": "3 3" }),
    now: dots("bn", 8),
    nowName: text(0, 0, "", { ...halo, style: ink("bn") }),
  };
  const { half, ...above } = parts;
  const name = "Above, the weight of each batch and of the start value. Below, the running mean.";
  return { parts, node: drawing(WIDTH, BOTTOM.low + 38, name, half, ...axes(), ...Object.values(above)) };
}

/** Write a name to the right of a point; where the panel ends soon to its left, above the line it ends. */
function beside(name, x, y, words) {
  const left = x > xOf(BATCHES / 2);
  const raised = left && y > TOP.high + 14 ? 13 : 0;
  set(name, { x: left ? x - 8 : x + 8, y: y + 4 - raised, "text-anchor": left ? "end" : "start" });
  name.textContent = words;
}

function drawWeights(parts, { start, batches }) {
  const steps = batches.length;
  const seen = batches.map((weight, i) => [xOf(i + 1), ofWeight(weight), weight]);
  set(parts.voices, { d: points(seen.filter(([, , weight]) => weight >= LOWEST)) });
  set(parts.newest, { d: points(seen.slice(-1)) });
  const startY = ofWeight(start);
  const floating = start < LOWEST;
  set(parts.start, { y: startY - 4, fill: floating ? "var(--pst-color-background)" : "currentColor" });
  set(parts.startName, { y: startY + (floating ? -8 : 4), x: xOf(0) + (floating ? -4 : 8) });
  parts.startName.textContent = `start value ${significant(start)}${floating && start > 0 ? " ↓" : ""}`;
  const [x, y] = seen.at(-1) ?? [0, 0];
  const crowded = steps < 60 && Math.abs(y - startY) < 14; // two names at the left end
  beside(parts.newestName, x, crowded ? startY + (y < startY ? -14 : 14) : y,
    steps ? `newest ${significant(batches.at(-1))}` : "");
}

function drawMeans(parts, means, steps) {
  const batches = BATCH_MEANS.map((mean, i) => [xOf(i + 1), ofMean(mean)]);
  set(parts.heard, { d: points(batches.slice(0, steps)) });
  set(parts.unheard, { d: points(batches.slice(steps)) });
  const followed = means.map((mean, step) => [xOf(step), ofMean(mean)]);
  const defined = (list) => list.filter(([, y]) => !Number.isNaN(y));
  set(parts.followed, { d: line(defined(followed.slice(0, steps + 1))) });
  set(parts.future, { d: line(defined(followed.slice(steps))) });
  const now = defined(followed.slice(steps, steps + 1));
  set(parts.now, { d: points(now) });
  const [x, y] = now[0] ?? [0, 0];
  const words = now.length ? `now ${fixed(means[steps], 3)}` : "";
  beside(parts.nowName, x, y, words);
}

function sentence(rule, momentum, steps, start, half) {
  if (steps === 0) {
    return rule === "debiased"
      ? "No batch yet: 0 divided by 0, nothing is defined."
      : "No batch yet: the average is the start value.";
  }
  if (start > 0.5) return "The start value outweighs all batches together.";
  if (rule === "cumulative" && steps > 1) return `All ${steps} batches have the same weight.`;
  if (start === 0 && (steps === 1 || momentum === 1)) return "The newest batch speaks alone.";
  if (half === 1) return "The newest batch alone holds half of the weight, or more.";
  return `The newest ${half} of ${steps} batches hold half of the weight (shaded).`;
}

function table(names) {
  const cells = names.map(() => html("td"));
  const rows = names.map((name, i) => html("tr", {}, html("th", { scope: "row" }, name), cells[i]));
  const node = html("table", { class: "live-numbers", style: "font-size: 0.875rem" },
    html("tbody", {}, ...rows));
  const write = (values) => values.forEach((value, i) => (cells[i].textContent = value));
  return { node, write };
}

export function mount(section) {
  title(section, "Who speaks in a running average?",
    "Choose a rule, and let batches of 16 digits arrive. Dots are batches; the square is the start value.");
  const { parts, node } = picture();
  const said = message();
  set(said, { style: "min-height: 2lh" }); // so that the page below stays where it is
  const numbers = table([
    "weight of the start value", "weight of the newest batch", "newest that hold half",
    "running mean now", "mean of all digits",
  ]);

  const update = () => {
    const alpha = MOMENTA[momentum.value];
    const steps = seen.value;
    const voices = weights(rule.value, alpha, steps);
    const half = newestWithHalf(voices.batches);
    const means = runningMeans(rule.value, alpha, start.value);
    drawWeights(parts, voices);
    drawMeans(parts, means, steps);
    const from = xOf(steps - (half ?? 0) + 0.5);
    set(parts.half, { x: from, width: half ? xOf(steps + 0.5) - from : 0 });
    said.textContent = sentence(rule.value, alpha, steps, voices.start, half);
    numbers.write([
      significant(voices.start),
      steps ? significant(voices.batches.at(-1)) : "none yet",
      half ?? (steps ? `more than ${steps}` : "none yet"),
      Number.isNaN(means[steps]) ? "undefined" : fixed(means[steps], 3),
      fixed(DATA_MEAN, 3),
    ]);
  };

  const rule = choice({
    label: "Rule",
    options: [["ema", "EMA"], ["debiased", "EMA, debiased"], ["cumulative", "cumulative"]],
    value: "ema",
    onInput: (name) => {
      momentum.input.disabled = name === "cumulative"; // momentum=None
      momentum.value = momentum.value;
      update();
    },
  });
  const momentum = slider({
    label: "Momentum", min: 0, max: MOMENTA.length - 1, value: MOMENTA.indexOf(0.01), onInput: update,
    show: (i) => (rule.value === "cumulative" ? "None" : String(MOMENTA[i])),
  });
  const seen = slider({ label: "Batches seen", min: 0, max: BATCHES, value: 60, onInput: update });
  const start = slider({
    label: "Start value", min: 0, max: 1, step: 0.05, value: 0, onInput: update, show: (v) => fixed(v),
  });
  const controls = [rule, momentum, seen, start].map((control) => control.node);
  section.append(html("div", { class: "live-body" }, node,
    html("div", { class: "live-controls" }, ...controls, numbers.node, said)));
  update();
}
