// What keys do in the field of a cell: Shift+Enter runs it, Enter goes on where the line began, Tab indents.
// Tab indents only once something was written: who passes by with Tab is not held, and Escape lets go again.
const DEPTH = "    ";

export class Keys {
  constructor(field, onRun) {
    this.field = field;
    this.writing = false;
    field.addEventListener("focus", () => (this.writing = false));
    field.addEventListener("input", () => (this.writing = true));
    field.addEventListener("keydown", (event) => {
      event.stopPropagation(); // the theme has shortcuts of its own
      if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
      const isTab = [event.key, event.code].includes("Tab"); // WebKitGTK calls Shift+Tab "Unidentified"
      if (event.key === "Escape") this.writing = false;
      else if (event.key === "Enter" && event.shiftKey) this.take(event, onRun);
      else if (event.key === "Enter" && this.depth()) this.take(event, () => this.insert(`\n${this.depth()}`));
      else if (isTab && this.writing) this.take(event, () => this.indent(event.shiftKey));
    });
  }

  take(event, action) {
    event.preventDefault();
    action();
  }

  /** The spaces that the next line begins with: those of this one, and more after a colon. */
  depth() {
    const line = this.field.value.slice(0, this.field.selectionStart).split("\n").at(-1);
    return line.match(/^ */)[0] + (/:\s*(#.*)?$/.test(line) ? DEPTH : "");
  }

  /** Move the lines of the selection in, or out; without a selection, write spaces up to the next depth. */
  indent(out) {
    const { value, selectionStart: start, selectionEnd: end } = this.field;
    const lineStart = value.lastIndexOf("\n", start - 1) + 1;
    if (start === end && !out) return this.insert(DEPTH.slice((start - lineStart) % DEPTH.length));
    const lines = value.slice(lineStart, end).split("\n");
    const moved = lines.map((line) => (out ? line.replace(/^ {1,4}/, "") : line && DEPTH + line));
    this.field.setSelectionRange(lineStart, end);
    this.insert(moved.join("\n"));
    const grown = moved.join("\n").length - lines.join("\n").length;
    const first = moved[0].length - lines[0].length;
    this.field.setSelectionRange(Math.max(lineStart, start + first), end + grown);
  }

  replaceAll(text) {
    this.field.focus();
    this.field.select();
    this.insert(text);
  }

  insert(text) {
    document.execCommand(text ? "insertText" : "delete", false, text); // the one way that undo knows
  }
}
