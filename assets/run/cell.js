// One code cell of the page: its text, its outputs, and the way back to both as they were published.
import { button as pageButton, node as element } from "./elements.js";
import { highlight } from "./highlight.js";
import { Keys } from "./keys.js";

/** What a state is called beside a cell's number; its colour says it, too. */
const STATES = { waiting: "waiting", running: "running …", done: "✓ ran", failed: "✗ failed" };

/** The cells of the page that can be run, in their order. */
export const cellNodes = () =>
  [...document.querySelectorAll(".bd-article div.cell[id^=cell-]")]
    .filter((node) => node.querySelector(".cell_input pre"));

export const numberOf = (node) => Number(node.id.replace("cell-", ""));

/** The published text of a cell. */
export const textOf = (node) =>
  node.querySelector(".cell_input > [class*=highlight-] pre").textContent.replace(/\n$/, "");

export class Cell {
  /** `page` is told what the reader does: run(cell), link(cell), wrote(cell). */
  constructor(node, page) {
    this.number = numberOf(node);
    this.node = node;
    this.page = page;
    this.tried = this.ran = false;
    this.foreign = false; // the text came with a link, and the reader has not run it yet
    this.fromLink = false; // it did, and what the reader had before is still to be set aside
    this.known = null; // what the browser keeps of this cell, as far as this tab knows
    this.highlighted = node.querySelector(".cell_input > [class*=highlight-]");
    this.published = textOf(node);
    this.output = node.querySelector(".cell_output") ?? this.addOutput(node);
    this.stored = [...this.output.childNodes];
    this.pictures = [...this.output.querySelectorAll("img")].map((image) => {
      const box = image.closest("figure") ?? image;
      return { box, image, src: image.src, alt: image.alt };
    });
    this.build();
  }

  addOutput(node) {
    const output = element("div", "cell_output docutils container");
    (node.querySelector("details > .cell_input") ?? node.querySelector(".cell_input")).after(output);
    return output;
  }

  build() {
    this.text = element("textarea", "run-text");
    this.text.setAttribute("aria-label", `Code of cell ${this.number}`);
    Object.assign(this.text, { value: this.published, spellcheck: false, autocapitalize: "off", rows: 1 });
    this.text.setAttribute("autocorrect", "off");
    this.keys = new Keys(this.text, () => this.page.run(this));
    this.text.addEventListener("input", () => {
      this.draw();
      this.page.wrote(this);
    });
    this.runs = button("Run", () => this.page.run(this));
    this.link = button("Link", () => this.page.link(this));
    this.link.setAttribute("aria-label", `Link to cell ${this.number} as it stands here`);
    this.undo = button("Undo changes", () => {
      this.keys.replaceAll(this.published);
      this.text.focus();
    });
    this.undo.setAttribute("aria-label", `Undo changes of cell ${this.number}`);
    this.editor = element("div", "run-editor");
    this.editor.id = `run-cell-${this.number}`;
    this.label = element("span", "run-label");
    const head = element("div", "run-head");
    head.append(this.label, this.undo, this.link, this.runs);
    this.colours = element("div", "highlight");
    this.colours.setAttribute("aria-hidden", "true"); // the same text, seen through the field above it
    this.editor.append(this.colours, this.text, head); // shown above, but next to be reached from the text
    this.highlighted.after(this.editor);
    this.highlighted.hidden = true;
    this.state("idle");
    this.draw();
  }

  get source() {
    return this.text.value;
  }

  set source(text) {
    this.text.value = text;
    this.draw();
  }

  get changed() {
    return this.source !== this.published;
  }

  draw() {
    this.colours.replaceChildren(...highlight(this.source));
    this.undo.hidden = !this.changed;
    this.write();
  }

  /** Its number, whose text it is, and its state. */
  write() {
    this.editor.dataset.foreign = this.foreign;
    const author = this.foreign ? "from a link, not yours" : this.changed && "changed";
    const words = [`Cell ${this.number}`, author, STATES[this.editor.dataset.state]];
    this.label.textContent = words.filter(Boolean).join(", ");
  }

  /** idle, waiting, running, done, failed */
  state(name) {
    if (name === "waiting") this.ran = false; // what stands there is of an earlier run
    this.editor.dataset.state = name;
    const words = { waiting: "Waiting", running: "Running" }[name] ?? "Run";
    this.runs.textContent = words;
    this.runs.setAttribute("aria-label", `${words} cell ${this.number}`);
    this.output.setAttribute("aria-busy", name === "running" || name === "waiting");
    this.write();
  }

  begin() {
    this.tried = true;
    this.fresh = false;
    this.drawn = 0;
    this.state("running");
  }

  /** The old output stays in sight until the new one comes. */
  clear() {
    if (!this.fresh) this.output.replaceChildren();
    this.fresh = true;
  }

  show(kind, text) {
    this.clear();
    const last = this.output.lastElementChild;
    if (kind === "png") this.showPicture(`data:image/png;base64,${text}`);
    else if (kind === "html") this.output.append(htmlOutput(text));
    else if (kind === last?.dataset.kind) last.querySelector("pre").append(text);
    else this.output.append(textOutput(kind, text));
  }

  /** The n-th new picture takes the place of the n-th stored one, with its caption and number. */
  showPicture(src) {
    const { box, image, alt } = this.pictures[this.drawn++] ?? newPicture();
    image.src = src;
    image.alt = this.changed ? `Drawn by your code. The published picture: ${alt}` : alt;
    this.output.append(box);
  }

  end(finished) {
    this.clear();
    this.ran = finished;
    this.state(finished ? "done" : "failed");
    const fold = this.editor.closest("details");
    if (fold && !finished) fold.open = true;
  }

  reset() {
    for (const { image, src, alt } of this.pictures) Object.assign(image, { src, alt });
    this.output.replaceChildren(...this.stored);
    this.output.removeAttribute("aria-busy");
    this.highlighted.hidden = false;
    this.editor.remove();
  }
}

const button = (words, onClick) => pageButton(words, onClick, "run-cell");

function htmlOutput(text) {
  const output = element("div", "output text_html");
  output.innerHTML = text; // the policy of the site keeps scripts in it from running
  for (const part of output.querySelectorAll("style, link, meta, base, iframe, form")) part.remove(); // it is a guest
  return output;
}

function textOutput(kind, text) {
  const classes = { stdout: "stream", stderr: "stderr", error: "traceback", text: "text_plain" };
  const node = element("div", `output ${classes[kind]} highlight-none notranslate`);
  node.dataset.kind = kind;
  const pre = element("pre", "");
  pre.textContent = text;
  const highlight = element("div", "highlight");
  highlight.append(pre);
  node.append(highlight);
  return node;
}

function newPicture() {
  const image = element("img", "");
  return { box: image, image, alt: "A picture without a description, drawn by your code." };
}
