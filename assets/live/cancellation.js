// Five formulas for a variance, drawn: the error of each against mean / standard deviation, in two formats.
import { choice, drawing, html, message, set, significant, slider, svg, title } from "./frame.js";
import { CHANNELS, COUNT, FORMATS, RATIOS, WAYS, sweep, verdict } from "./cancellation_numbers.js";

const NAMES = Object.keys(WAYS);
// Neighbours in the chart differ in hue, also to the colour-blind; marks and dashes are those of the figure.
const STYLES = [
  { color: "var(--live-without)", dash: "", mark: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z" },
  { color: "var(--live-reference)", dash: "6 3", mark: "M-5 4L0 -5L5 4z" },
  { color: "var(--live-other)", dash: "6 3", mark: "M-5 -4L0 5L5 -4z" },
  { color: "var(--live-bn)", dash: "1.5 2.5", mark: "M-4 -4h8v8h-8z" },
  { color: "var(--live-guide)", dash: "1.5 2.5", mark: "M0 -5.5L5 0L0 5.5L-5 0z" },
];

const WIDTH = 360;
const LEFT = 50;
const RIGHT = 272;
const ROWS = { failed: 26, high: 46, low: 296, exact: 316 }; // a row for no finite result, and one for 0
const [TOP, BOTTOM] = [ROWS.failed - 8, ROWS.exact + 8];
const [LOWEST, HIGHEST] = [1e-8, 1e6];
const EVERY = 5; // a line has a small mark at every fifth ratio, each line at another one

const xOf = (ratio) => LEFT + (Math.log10(ratio) / 6) * (RIGHT - LEFT);
function yOf(error) {
  if (error === Infinity) return ROWS.failed;
  if (error < LOWEST) return ROWS.exact;
  const share = Math.log10(Math.min(error, HIGHEST) / LOWEST) / Math.log10(HIGHEST / LOWEST);
  return ROWS.low + share * (ROWS.high - ROWS.low);
}

const text = (x, y, words, attributes = {}) => svg("text", { x, y, "font-size": 12, ...attributes }, words);
const small = { "font-size": 11 };
const middle = { "text-anchor": "middle" };
const guide = (d) => svg("path", { d, fill: "none", stroke: "var(--live-guide)", "stroke-width": 0.8 });
const halo = { "paint-order": "stroke", "stroke-width": 2, stroke: "var(--pst-color-background)" };

function axes() {
  const tick = (y, words) => [guide(`M${LEFT - 4} ${y}H${LEFT}`),
    text(LEFT - 7, y + 4, words, { "text-anchor": "end" })];
  return [
    guide(`M${LEFT} ${TOP}V${BOTTOM}H${RIGHT}`),
    guide(`M${LEFT} ${yOf(1)}H${RIGHT}`),
    ...["right", "no digit"].map((words, i) => text(LEFT + 4, yOf(1) - 4 - 12 * i, words, small)),
    ...tick(ROWS.failed, "∞, NaN"),
    ...["10⁶", "10³", "1", "10⁻³", "10⁻⁶"].flatMap((words, i) => tick(yOf(10 ** (6 - 3 * i)), words)),
    ...tick(ROWS.exact, "0"),
    ...["1", "10²", "10⁴", "10⁶"].map((words, i) => text(xOf(100 ** i), ROWS.exact + 24, words, middle)),
    text((LEFT + RIGHT) / 2, ROWS.exact + 40, "mean / standard deviation", middle),
    text(2, ROWS.failed - 14, "relative error of the variance"),
  ];
}

/** The ratios at which a format has lost the spread of the channel, or cannot hold its values. */
function losses(points) {
  const step = (RIGHT - LEFT) / (RATIOS.length - 1);
  const region = (words, lost) => {
    const at = RATIOS.filter((_, i) => lost(points[i].variance));
    if (at.length === 0) return [];
    const [from, to] = [xOf(at[0]) - step / 2, Math.min(xOf(at.at(-1)) + step / 2, RIGHT)];
    const [x, y] = [(from + to) / 2 + 4, (ROWS.low + yOf(1)) / 2 + 20];
    return [
      svg("rect", { x: from, width: to - from, y: TOP, height: BOTTOM - TOP, fill: "var(--live-faint)" }),
      guide(`M${from} ${TOP}V${BOTTOM}`),
      text(x, y, words, { ...middle, ...small, transform: `rotate(-90 ${x} ${y})` }), // narrow regions
    ];
  };
  return [
    ...region("overflow", Number.isNaN),
    ...region("all equal", (variance) => variance === 0),
  ];
}

/** Move labels apart that would touch, around where they belong; each knows the `y` it points at. */
function apart(labels) {
  const sorted = [...labels].sort((a, b) => a.y - b.y);
  for (let i = 1; i < sorted.length; i++) sorted[i].at = Math.max(sorted[i].at, sorted[i - 1].at + 15);
  return labels;
}

const mark = ({ color, mark }) => svg("path", { d: mark, fill: color, ...halo });

/** The end of a line, a leader to its label, and there its mark and its name. */
function labelled({ name, style, x, y, at }) {
  const leader = svg("path", {
    d: `M${x} ${y}L${x + 7} ${at}`, fill: "none", stroke: style.color, "stroke-width": 0.8,
  });
  const sample = mark(style);
  set(sample, { transform: `translate(${x + 11} ${at}) scale(0.8)` });
  return [leader, text(x + 17, at + 4, name, small), sample];
}

function curves(points, unit) {
  const steepest = Math.min(RATIOS.at(-1), Math.sqrt(HIGHEST / unit));
  const end = { x: xOf(steepest), y: yOf(unit * steepest ** 2) };
  const law = guide(`M${xOf(1)} ${yOf(unit)}L${end.x} ${end.y}`);
  const slope = text(end.x + 12, end.y + 14, "slope 2", small);
  const lines = NAMES.map((name, i) => {
    const style = STYLES[i];
    const seen = RATIOS.map((ratio, at) => [xOf(ratio), yOf(points[at].medians[name])])
      .filter(([, y]) => !Number.isNaN(y));
    const [x, y] = seen.at(-1);
    const marks = seen.filter((_, at) => at % EVERY === i).map(([x, y]) => {
      const node = mark(style);
      set(node, { transform: `translate(${x} ${y}) scale(0.6)` });
      return node;
    });
    const line = svg("path", {
      d: `M${seen.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`,
      fill: "none", stroke: style.color, "stroke-width": 1.75, "stroke-dasharray": style.dash,
    });
    return { drawn: [line, ...marks], label: { name, style, x, y, at: y } };
  });
  const labels = apart(lines.map(({ label }) => label));
  return [law, slope, ...lines.flatMap(({ drawn }) => drawn), ...labels.flatMap(labelled)];
}

function table() {
  const cell = () => html("td", { style: "white-space: nowrap" });
  const cells = [...NAMES, "exact"].map(() => [cell(), cell()]);
  const sample = (i) => svg("svg", { viewBox: "-7 -7 14 14", width: 14, height: 14, "aria-hidden": "true" },
    mark(STYLES[i]));
  const rows = NAMES.map((name, i) =>
    html("tr", {}, html("th", { scope: "row" }, sample(i), ` ${name}`), ...cells[i]));
  rows.push(html("tr", {}, html("th", { scope: "row" }, "exact, as stored"), ...cells.at(-1)));
  const head = ["formula", "variance", "relative error"].map((words, i) =>
    html("th", { scope: "col", style: `text-align: ${i > 0 ? "right" : "left"}` }, words));
  const node = html("table", { class: "live-numbers", style: "font-size: 0.875rem" },
    html("thead", {}, html("tr", {}, ...head)), html("tbody", {}, ...rows));
  const write = (values) => values.forEach((pair, i) => pair.forEach((value, j) => {
    cells[i][j].textContent = value;
  }));
  return { node, write };
}

const number = (value) => {
  if (Number.isNaN(value)) return "NaN";
  return Number.isFinite(value) ? significant(value, 4) : "∞";
};

function sentence(format, { variance, ways }) {
  if (Number.isNaN(variance)) return `The values themselves overflow: the largest ${format} is 65504.`;
  const lost = variance === 0 ? `As ${format}, all ${COUNT} values are equal: no formula can help.` : "";
  const failed = NAMES.flatMap((name) => {
    const what = verdict(ways[name].computed, variance);
    return what ? [`${name}: ${what}`] : [];
  });
  if (failed.length === 0) return lost || "Every result is off by less than the variance itself.";
  return `${lost} In trouble: ${failed.join("; ")}.`.trim();
}

export function mount(section) {
  title(section, "Which formula keeps its digits?",
    `Move the mean of ${COUNT} values away from 0; each operation, sums included, is rounded to the ` +
    `format. Marks and numbers are one channel, lines the median of ${CHANNELS}.`);
  const swept = {};
  const backdrop = svg("g");
  const here = svg("path", { stroke: "var(--live-guide)", "stroke-dasharray": "2 2" });
  const marks = STYLES.map(mark);
  const said = message();
  set(said, { style: "min-height: 3lh" }); // so that the page below stays where it is
  const numbers = table();

  const update = () => {
    const points = (swept[format.value] ??= sweep(format.value));
    const point = points[ratio.value];
    const x = xOf(RATIOS[ratio.value]);
    set(here, { d: `M${x} ${TOP}V${BOTTOM}` });
    for (const [i, name] of NAMES.entries()) {
      const { error } = point.ways[name];
      if (!Number.isNaN(error)) set(marks[i], { transform: `translate(${x} ${yOf(error)})` });
      set(marks[i], { visibility: Number.isNaN(error) && "hidden" });
    }
    numbers.write([
      ...NAMES.map((name) => point.ways[name]).map(({ computed, error }) =>
        [number(computed), Number.isFinite(error) ? significant(error, 2) : "–"]),
      [number(point.variance), ""],
    ]);
    said.textContent = sentence(format.value, point);
  };
  const redraw = () => {
    const points = (swept[format.value] ??= sweep(format.value));
    backdrop.replaceChildren(...losses(points), ...axes(), ...curves(points, FORMATS[format.value].unit));
    update();
  };

  const format = choice({
    label: "Arithmetic", options: Object.keys(FORMATS).map((name) => [name, name]), value: "float32",
    onInput: redraw,
  });
  const ratio = slider({
    label: "Mean / standard deviation", min: 0, max: RATIOS.length - 1, value: RATIOS.indexOf(1e4),
    show: (i) => RATIOS[i].toLocaleString("en", { maximumSignificantDigits: 2 }), onInput: update,
  });
  const name = "Log-log chart of the relative error of five formulas against mean over standard deviation.";
  const node = drawing(WIDTH, ROWS.exact + 48, name, backdrop, here, ...marks);
  section.append(html("div", { class: "live-body" }, node,
    html("div", { class: "live-controls" }, format.node, ratio.node, numbers.node, said)));
  redraw();
}
