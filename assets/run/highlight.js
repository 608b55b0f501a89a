// Python text with the colours of the book, while it is being written.
const KEYWORDS = new Set((
  "and as assert async await break class continue def del elif else except finally for from global if import in is " +
  "lambda nonlocal not or pass raise return try while with yield"
).split(" "));
const CONSTANTS = new Set(["True", "False", "None"]);

// In this order: a comment, a string of any kind, a number, a name. What is between them has no colour.
const STRING = /[rbfu]{0,2}(?:"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?)/;
const TOKEN = new RegExp(
  `(?<c1>#.*)|(?<s2>${STRING.source})|(?<m>\\b\\d[\\d_]*\\.?\\d*(?:e[+-]?\\d+)?)|(?<name>[a-z_]\\w*)`,
  "gi",
);

/** Nodes for an element that keeps white space: text, and spans with the classes that the published code has. */
export function highlight(code) {
  const nodes = [];
  let end = 0;
  for (const match of code.matchAll(TOKEN)) {
    const [kind] = Object.entries(match.groups).find(([, text]) => text !== undefined);
    const className = kind === "name" ? nameClass(match[0], code.slice(0, match.index)) : kind;
    nodes.push(code.slice(end, match.index), className ? span(className, match[0]) : match[0]);
    end = match.index + match[0].length;
  }
  return [...nodes, `${code.slice(end)}\n`]; // a last empty line has a height, too
}

function nameClass(word, before) {
  if (KEYWORDS.has(word)) return "k";
  if (CONSTANTS.has(word)) return "kc";
  return /\b(?:def|class)\s+$/.test(before) ? "nf" : null;
}

function span(className, text) {
  const node = document.createElement("span");
  node.className = className;
  node.textContent = text;
  return node;
}
