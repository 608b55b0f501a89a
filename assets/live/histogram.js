// The histogram of one channel before the layer, after standardising, and after scale and shift.
import { choice, drawing, fixed, html, message, set, significant, slider, svg, title } from "./frame.js";
import { EDGES, SHARES, forward } from "./histogram_numbers.js";

const EPS = [1e-5, 1e-4, 1e-3, 0.01, 0.1, 1, 10, 100, 1000, 1e4];
const UNITS = {
  1: { name: "0 to 255", ticks: [0, 50, 100, 150, 200, 250] },
  255: { name: "0 to 1", ticks: [0, 0.2, 0.4, 0.6, 0.8, 1] },
};
const [LEFT, RIGHT] = [12, 348];
const PANEL = 124; // pixels from one panel to the next
const BASE = 98; // of the bars, in a panel
const TALLEST = 58; // pixels of the highest bar
const REACH = 7; // of the axis of xhat and y

const highest = Math.max(...SHARES);
const across = (low, high) => (value) => LEFT + ((value - low) / (high - low)) * (RIGHT - LEFT);
const onAxis = across(-REACH, REACH);

function panel(name, nth) {
  const parts = {
    bars: svg("path", { class: `bars ${name}` }),
    mean: svg("line", { y1: 24, y2: BASE, class: "mean" }),
    spread: svg("path", { class: "spread" }),
    words: svg("text", { x: LEFT, y: 13 }),
    ticks: svg("g", { class: "ticks" }),
  };
  const node = svg("g", { transform: `translate(0 ${nth * PANEL})` },
    svg("line", { x1: LEFT, x2: RIGHT, y1: BASE, y2: BASE, class: "axis" }), ...Object.values(parts));
  const draw = ({ edges, mean, std }, place, label, ticks) => {
    const at = edges.map((edge) => place(edge).toFixed(1));
    const steps = SHARES.map((share, i) => `V${(BASE - (share / highest) * TALLEST).toFixed(1)}H${at[i + 1]}`);
    set(parts.bars, { d: `M${at[0]} ${BASE}${steps.join("")}V${BASE}` });
    set(parts.mean, { x1: place(mean), x2: place(mean) });
    const [low, high] = [mean - std, mean + std].map(place);
    set(parts.spread, { d: `M${low} 24v8m0 -4H${high}m0 -4v8` });
    parts.words.textContent = `${label}: mean ${significant(mean)}, std ${significant(std)}`;
    parts.ticks.replaceChildren(...ticks.flatMap((tick) => [
      svg("path", { d: `M${place(tick)} ${BASE}v4` }),
      svg("text", { x: place(tick), y: BASE + 17 }, significant(tick)),
    ]));
  };
  return { node, draw };
}

export function mount(section) {
  title(section, "What moves the histogram?",
    "The green channel of the flower, before the layer, after standardising, and after scale and shift. " +
      "Move gamma, beta and eps, or change the unit of x.");
  const panels = ["x", "xhat", "y"].map(panel);
  const picture = drawing(360, 3 * PANEL - 2, "", ...panels.map(({ node }) => node));
  picture.classList.add("live-histogram");
  const amount = (label, most, value) =>
    slider({ label, min: -most, max: most, step: 0.25, value, onInput: update, show: (v) => fixed(v) });
  const gamma = amount("gamma", 1.5, 1);
  const beta = amount("beta", 2, 0);
  const eps = slider({
    label: "eps", min: 0, max: EPS.length - 1, value: 0, onInput: update, show: (i) => String(EPS[i]),
  });
  const unit = choice({
    label: "Unit of x", options: Object.entries(UNITS).map(([unit, { name }]) => [unit, name]), value: 1,
    onInput: update,
  });
  const said = message();
  set(said, { style: "min-height: 7lh" }); // so that the page below stays where it is
  const sliders = html("div", { class: "live-group" }, gamma.node, beta.node, eps.node);
  section.append(html("div", { class: "live-body" }, picture,
    html("div", { class: "live-controls" }, sliders, unit.node, said)));

  function update() {
    const settings = { unit: +unit.value, eps: EPS[eps.value], gamma: gamma.value, beta: beta.value };
    const { variance, x, xhat, y } = forward(settings);
    const ticks = [-6, -4, -2, 0, 2, 4, 6];
    panels[0].draw(x, across(...[EDGES[0], 255].map((end) => end / settings.unit)), "x", UNITS[settings.unit].ticks);
    panels[1].draw(xhat, onAxis, "xhat", ticks);
    panels[2].draw(y, onAxis, "y", ticks);
    said.textContent = [onEps(variance, settings.eps, xhat.std), onScale(settings)].join(" ");
    set(picture, {
      "aria-label": "Three histograms of the same pixels with two humps: x, xhat and y, " +
        `with mean ${significant(y.mean)} and standard deviation ${significant(y.std)}.`,
    });
  }
  update();
}

function onEps(variance, eps, std) {
  const [own, added] = [significant(variance, 4), significant(eps)];
  return std > 0.995
    ? `Beside the variance of x, ${own}, eps is nothing: xhat has std ${significant(std)}.`
    : `The variance of x is ${own} and eps ${added}: xhat keeps a std of √(${own} / (${own} + ${added})), ` +
      `${significant(std)}.`;
}

function onScale({ gamma, beta }) {
  if (gamma === 0) return `gamma is 0: every pixel becomes ${fixed(beta)}, and the photograph is gone.`;
  const scale = `gamma multiplies the std by ${fixed(Math.abs(gamma))}`;
  return `${scale}${gamma < 0 ? " and mirrors the histogram" : ""}; beta is the new mean. ` +
    "No pixel changes its bar.";
}
