/** An element with a class and attributes. */
export function node(tag, className, attributes = {}) {
  const made = document.createElement(tag);
  made.className = className;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

export function button(words, onClick, className = "run-button") {
  const made = node("button", className, { type: "button" });
  made.textContent = words;
  made.addEventListener("click", onClick);
  return made;
}
