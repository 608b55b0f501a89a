// One code cell of the page: its text, its outputs, and the way back to both as they were published.
import { highlight } from "./highlight.js";

export class Cell {
  constructor(node, number, onRun) {
    this.number = number;
    this.tried = this.ran = false;
    this.highlighted = node.querySelector(".cell_input > [class*=highlight-]");
    this.published = this.highlighted.querySelector("pre").textContent.replace(/\n$/, "");
    this.output = node.querySelector(".cell_output") ?? this.addOutput(node);
    this.stored = [...this.output.childNodes];
    this.pictures = [...this.output.querySelectorAll("img")].map((image) => {
      const box = image.closest("figure") ?? image;
      return { box, image, src: image.src, alt: image.alt };
    });
    this.build(onRun);
  }

  addOutput(node) {
    const output = element("div", "cell_output docutils container");
    (node.querySelector("details > .cell_input") ?? node.querySelector(".cell_input")).after(output);
    return output;
  }

  build(onRun) {
    this.text = element("textarea", "run-text");
    this.text.setAttribute("aria-label", `Code of cell ${this.number}`);
    Object.assign(this.text, { value: this.published, spellcheck: false, autocapitalize: "off", wrap: "off" });
    this.text.addEventListener("input", () => this.draw());
    this.text.addEventListener("scroll", () => (this.colours.scrollLeft = this.text.scrollLeft));
    this.text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.shiftKey) {
        event.preventDefault();
        onRun(this);
      } else if (event.key === "Enter" && !event.isComposing && !event.ctrlKey && !event.altKey && !event.metaKey) {
        this.indent(event);
      }
      event.stopPropagation(); // the theme has shortcuts of its own
    });
    this.button = element("button", "run-cell");
    this.button.type = "button";
    this.button.addEventListener("click", () => onRun(this));
    this.editor = element("div", "run-editor");
    this.editor.id = `run-cell-${this.number}`;
    this.label = element("span", "run-label");
    const head = element("div", "run-head");
    head.append(this.label, this.button);
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
    this.text.rows = this.source.split("\n").length;
    this.colours.replaceChildren(...highlight(this.source));
    this.label.textContent = `Cell ${this.number}${this.changed ? ", changed" : ""}`;
  }

  /** A new line begins where the last one began, and further in after a colon. */
  indent(event) {
    const line = this.source.slice(0, this.text.selectionStart).split("\n").at(-1);
    event.preventDefault();
    const deeper = /:\s*(#.*)?$/.test(line) ? "    " : "";
    document.execCommand("insertText", false, `\n${line.match(/^ */)[0]}${deeper}`); // the one way that undo knows
  }

  /** idle, waiting, running, done, failed */
  state(name) {
    if (name === "waiting") this.ran = false; // what stands there is of an earlier run
    this.editor.dataset.state = name;
    const words = { waiting: "Waiting", running: "Running" }[name] ?? "Run";
    this.button.textContent = words;
    this.button.setAttribute("aria-label", `${words} cell ${this.number}`);
    this.output.setAttribute("aria-busy", name === "running" || name === "waiting");
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
    else if (kind === "html") this.output.append(element("div", "output text_html", text));
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

function element(tag, className, content = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.innerHTML = content;
  return node;
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
