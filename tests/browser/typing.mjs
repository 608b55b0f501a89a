// How code is typed into a cell. The keyboard is Playwright's, or that of hands.mjs: both know `press` and `type`.

/** Take the place of all that stands in the field that has the focus. */
export async function retype(keyboard, source) {
  await keyboard.press("Control+A");
  const [first, ...others] = source.split("\n");
  if (first) await keyboard.type(first);
  else await keyboard.press("Delete");
  for (const [i, line] of others.entries()) {
    const indented = /^ |:$/.test(i ? others[i - 1] : first);
    await keyboard.press("Enter");
    if (indented) await keyboard.press("Shift+Home"); // the field has indented; the line brings its own
    if (line) await keyboard.type(line);
    else if (indented) await keyboard.press("Delete");
  }
}
