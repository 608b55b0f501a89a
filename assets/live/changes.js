// Two photographs, three changes, five norms: which of them changes its output?
import { choice, fixed, html, message, set, significant, slider, title } from "./frame.js";
import { EPS, NORMS, SHAPE, causes, changed, compare } from "./changes_numbers.js";

const [, C, H, W] = SHAPE;
const SUBJECTS = ["temple", "flower"];
const COLOURS = ["red", "green", "blue"];
const LIMIT = 2; // normalised values from -LIMIT to LIMIT are drawn from dark to bright
const UNITS = [["255", "0 to 255"], ["1", "0 to 1"]];
const START = { flower: 1, tint: [1, 1, 1], red: 0, top: 255 };
const WHY = {
  own: "A factor of the flower’s own changes BN, where temple and flower share a mean.",
  tint: "A factor for each channel changes LN and RMS, where the channels share.",
  lamp: "One factor for everything: all five forget it, up to eps.",
  red: "A constant for red changes LN and RMS, where the channels share, and FRN, which takes no mean out.",
};

const eps = significant(EPS, 1).replace("1 · ", "");
const list = (names) => names.join(", ").replace(/, ([^,]*)$/, " and $1");

/** Both photographs of one kind, as cells of a table. `draw` takes values, and their tones from 0 to 255. */
function pair(kind) {
  const canvases = SUBJECTS.map((subject) =>
    html("canvas", { width: W, height: H, role: "img", "aria-label": `${kind}, ${subject}` }));
  const draw = (values, tone) => canvases.forEach((canvas, n) => {
    const image = new ImageData(W, H);
    for (let place = 0; place < H * W; place++) {
      for (let c = 0; c < C; c++) image.data[4 * place + c] = tone(values[(n * C + c) * H * W + place]);
      image.data[4 * place + 3] = 255;
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
  });
  return { cells: canvases.map((canvas) => html("td", {}, canvas)), draw };
}

function row(kind, ...last) {
  const { cells, draw } = pair(kind);
  return { node: html("tr", {}, html("th", { scope: "row" }, kind), ...cells, html("td", {}, ...last)), draw };
}

export function mount(section) {
  title(section, "Which norm forgets it?",
    "Darken the flower, tint both photographs, shift their red channel. " +
      "Predict before each move: which rows stay the same?");
  const gain = (label) =>
    slider({ label, min: 0.1, max: 1, step: 0.05, onInput: update, show: (v) => `× ${fixed(v)}` });
  const flower = gain("flower");
  const tint = COLOURS.map(gain);
  const red = slider({ label: "red", min: 0, max: 100, step: 5, onInput: update, show: (v) => `+ ${v} of 255` });
  const unit = choice({ label: "Intensities", options: UNITS, onInput: update });
  const reset = html("button", { type: "button", onclick: start }, "Start again");

  const input = row("x", "input");
  const rows = NORMS.map((norm) => {
    const [sign, word, size] = [html("span"), html("strong"), html("span", { class: "size" })];
    return { sign, word, size, ...row(norm, html("span", { class: "verdict" }, sign, word), size) };
  });
  const heads = ["", ...SUBJECTS, "largest change"].map((name) =>
    html(name ? "th" : "td", name ? { scope: "col" } : {}, name));
  const table = html("table", { class: "live-numbers live-changes" },
    html("thead", {}, html("tr", {}, ...heads)),
    html("tbody", {}, input.node, ...rows.map(({ node }) => node)));
  const group = (name, controls) =>
    html("fieldset", { class: "live-group" }, html("legend", {}, name), ...controls.map(({ node }) => node));
  const said = message();
  said.classList.add("live-why");
  section.append(
    html("div", { class: "live-body" }, table,
      html("div", { class: "live-controls" },
        group("Darken one", [flower]), group("Tint both", tint), group("Shift one channel of both", [red]),
        unit.node, html("div", { class: "live-buttons reset" }, reset))),
    html("p", { class: "live-key" },
      `Drawn from dark to bright: normalised values from −${LIMIT} to ${LIMIT}. “Same” is a change below 10⁻⁶, ` +
        "“changed” one above 10⁻², “nearly” what lies between. One pixel here is the mean of 64, so the numbers " +
        "are near those of the text, not equal to them."),
    said,
  );

  function update() {
    const settings = {
      flower: flower.value, tint: tint.map(({ value }) => value), red: red.value, top: Number(unit.value),
    };
    const results = compare(settings);
    input.draw(changed(settings), (value) => value);
    results.forEach(({ y, size, word, rounded }, i) => {
      const shown = rows[i];
      shown.draw(y, (value) => (255 * (value + LIMIT)) / (2 * LIMIT));
      set(shown.sign, { class: `sign ${word}` });
      set(shown.node, { class: word });
      shown.word.textContent = word;
      shown.size.textContent = rounded ? "< 10⁻¹²" : significant(size, 2);
    });
    said.replaceChildren(...reasons(settings, results).map((words) => html("span", {}, words)));
  }

  function start() {
    flower.value = START.flower;
    tint.forEach((control, c) => (control.value = START.tint[c]));
    red.value = START.red;
    unit.value = START.top;
    update();
  }
  start();
}

function reasons(settings, results) {
  const found = causes(settings);
  const seen = new Set(found.flatMap(([, norms]) => norms));
  const moved = results.filter(({ norm, word }) => !seen.has(norm) && word !== "same");
  const calmest = results.find(({ norm }) => norm === "IN").smallest;
  const against = `In the calmest channel the variance is ${significant(calmest, 2)}, and eps is ${eps}`;
  const most = moved.reduce((a, b) => (b.size > a.size ? b : a), { size: 0 });
  const word = moved.length > 1 ? `${list(moved.map(({ norm }) => norm))}, ${most.norm} most of all` : most.norm;
  return [
    ...(found.length ? found.map(([cause]) => WHY[cause]) : ["Nothing is changed yet."]),
    moved.length ? `${against}: it moves ${word}, by up to ${significant(most.size, 2)}.` : `${against}.`,
  ];
}
