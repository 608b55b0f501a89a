// The backward graph, one node a step: values on the way down, gradients on the way up.
import { arrow, drawing, html, message, set, slider, svg, title } from "./frame.js";
import { GIVEN, STEPS, fraction, walk } from "./graph_numbers.js";

const BOX = { width: 182, height: 38 };
const COLUMNS = [2, 208];
const PITCH = 26; // pixels from one half row to the next
const NODES = { // column and half row
  x: [0, 0], mean: [1, 1], centered: [0, 3], square: [1, 5], var: [1, 7], inv_std: [1, 9],
  xhat: [0, 11], gamma: [1, 12], scaled: [0, 14], beta: [1, 15], y: [0, 17],
};
const EDGES = [
  ["x", "mean"], ["x", "centered"], ["mean", "centered"], ["centered", "square"], ["square", "var"],
  ["var", "inv_std"], ["inv_std", "xhat"], ["centered", "xhat"], ["xhat", "scaled"], ["gamma", "scaled"],
  ["scaled", "y"], ["beta", "y"],
];
const LAST_FORWARD = STEPS.findIndex(({ fills }) => fills[0] === "y");

const corner = (name) => [COLUMNS[NODES[name][0]], 2 + PITCH * NODES[name][1]];
const ofGradient = (name) => name.replace(/^d/, "");
const inRow = (value) => [value].flat().map(fraction).join("  ");

/** Where an edge leaves the one box and reaches the other. */
function ends(from, to) {
  const [[x, y], [goalX, goalY]] = [corner(from), corner(to)];
  const { width, height } = BOX;
  if (x === goalX) return [[x + width / 2, y + height], [goalX + width / 2, goalY]];
  const start = [x < goalX ? x + width : x, y + height / 2];
  const end = [x < goalX ? goalX : goalX + width, goalY + height / 2];
  return [start, end];
}

function box(name) {
  const [x, y] = corner(name);
  const texts = ["value", "gradient"].map((kind, i) => [
    svg("text", { x: 5, y: 15 + 17 * i, class: kind }, kind === "value" ? name : ""),
    svg("text", { x: BOX.width - 5, y: 15 + 17 * i, class: `${kind} number` }),
  ]);
  const node = svg("g", { transform: `translate(${x} ${y})` },
    svg("rect", { ...BOX, rx: 5 }), ...texts.flat());
  const write = (value, gradient) => {
    texts[0][1].textContent = value;
    texts[1][0].textContent = gradient && `d${name}`;
    texts[1][1].textContent = gradient;
  };
  return { node, write };
}

export function mount(section) {
  title(section, "The walk, step by step",
    "One channel of three samples, x = (1, 1, 7), with dy = (1, 0, 2), gamma −4, beta 10 and eps 8. " +
      "Go down through the values, then up again through the gradients.");
  const values = walk(GIVEN);
  const boxes = Object.fromEntries(Object.keys(NODES).map((name) => [name, box(name)]));
  const edges = EDGES.map(([from, to]) => ({ from, to, ...arrow("edge") }));
  const height = 2 * 2 + PITCH * NODES.y[1] + BOX.height;
  const picture = drawing(COLUMNS[1] + BOX.width + 2, height, "",
    ...edges.map(({ node }) => node), ...Object.values(boxes).map(({ node }) => node));
  picture.classList.add("live-graph");

  const step = slider({
    label: "step", min: 0, max: STEPS.length - 1, value: 0, onInput: update,
    show: (i) => `${i} of ${STEPS.length - 1}`,
    say: (i) => `${i} of ${STEPS.length - 1}: ${STEPS[i].fills.join(", ")}`,
  });
  const go = (by) => () => {
    step.value = step.value + by; // the slider keeps its range
    update();
  };
  const buttons = html("div", { class: "live-buttons" },
    html("button", { type: "button", onclick: go(-1) }, "Back"),
    html("button", { type: "button", onclick: go(1) }, "Next"));
  const [formula, example, why] = [1, 2, 3].map(() => html("span"));
  const said = message();
  said.classList.add("live-step");
  said.append(formula, example, why);
  section.append(html("div", { class: "live-body" }, picture,
    html("div", { class: "live-controls" }, buttons, step.node, said)));

  function update() {
    const now = step.value;
    const current = STEPS[now];
    const backward = now > LAST_FORWARD;
    const filled = new Set(STEPS.slice(0, now + 1).flatMap(({ fills }) => fills));
    const written = (name) => (filled.has(name) ? inRow(values[name]) : "");
    const isNow = (name) => current.fills.includes(backward ? `d${name}` : name);
    for (const [name, { node, write }] of Object.entries(boxes)) {
      write(written(name), written(`d${name}`));
      set(node, { class: `box${isNow(name) ? " now" : ""}${backward ? " back" : ""}` });
    }
    const sources = current.from.map((name) => (backward ? ofGradient(name) : name));
    for (const { from, to, node, draw } of edges) {
      const [source, target] = backward ? [to, from] : [from, to];
      const used = isNow(target) && sources.includes(source);
      const [start, end] = ends(from, to);
      draw(...(backward ? [end, start] : [start, end]));
      set(node, { class: `arrow edge${used ? " now" : ""}${backward ? " back" : ""}` });
    }
    const [name] = current.fills;
    formula.textContent = current.formula ?? "";
    const last = [values[name]].flat().at(-1);
    const sample = Array.isArray(values[name]) ? "sample 3: " : "";
    example.textContent = current.example ? `${sample}${current.example(values)} = ${fraction(last)}` : "";
    why.textContent = current.why;
    const shown = current.fills.map((fill) => `${fill} ${inRow(values[fill])}`).join("; ");
    set(picture, {
      "aria-label": `Batch norm as a graph of eleven boxes, from x down to y. ` +
        `${backward ? "Backward" : "Forward"}, step ${now}: ${shown}.`,
    });
  }
  update();
}
