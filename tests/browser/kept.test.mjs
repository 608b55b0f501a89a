// What a reader leaves behind: edits and solved exercises stay, are shown, travel as a file and as a link, and what
// comes from elsewhere does not run by itself.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { after, test } from "node:test";
import { address, close, open, violations } from "./browser.mjs";
import { hashFor } from "../../assets/run/share.js";
import { codeCells } from "./site.mjs";
import { click, fieldOf, said, start, write } from "./reader.mjs";

after(close);
const RIGHT = `def forward(x, gamma, beta, eps):
    axes = (0, *range(2, x.ndim))
    gamma, beta = (v.reshape(-1, *[1] * (x.ndim - 2)) for v in (gamma, beta))
    mean, var = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
    return gamma * (x - mean) / np.sqrt(var + eps) + beta

check.forward(forward)`;
const PUBLISHED = "def forward(x, gamma, beta, eps):";
const noteOf = (page) => page.locator(".run-note").first();
const button = (page, name) => page.getByRole("button", { name, exact: true });

/** The same browser, another day: a tab that was closed, and a new one. */
async function comeBack(page) {
  await page.waitForTimeout(400); // what is written is kept after a pause
  const next = await page.context().newPage();
  await page.close();
  await next.goto(page.url());
  return next;
}

/** A link from elsewhere to a place of the playground. */
async function follow(page, hash) {
  await page.goto("about:blank");
  await page.goto(`${address}book/playground.html${hash}`);
}

test("a closed tab, and the change is still there: shown, run, discarded", async () => {
  let page = await open("book/playground.html");
  await start(page);
  await write(page, 3, "'mine'");
  page = await comeBack(page);
  assert.match(await noteOf(page).textContent(), /^You changed cell 3 on this page, last on \d+ \w+ at \d\d:\d\d\./);
  assert.equal(await page.locator("textarea").count(), 0, "nothing opens by itself");
  await click(page, button(page, "Show my changes"));
  assert.equal(await fieldOf(page, 3).inputValue(), "'mine'");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), "Code of cell 3");
  assert.equal(await page.locator("[data-state=done]").count(), 0, "it ran by itself");
  await page.keyboard.press("Shift+Enter");
  await page.locator("#cell-3 .cell_output").getByText("'mine'").waitFor();
  page = await comeBack(page);
  page.once("dialog", (dialog) => dialog.dismiss());
  await click(page, button(page, "Discard"));
  assert.equal(await noteOf(page).count(), 1, "it did not ask");
  page.once("dialog", (dialog) => dialog.accept());
  await click(page, button(page, "Discard"));
  assert.equal(await noteOf(page).count(), 0);
  page = await comeBack(page);
  await start(page);
  assert.ok((await fieldOf(page, 3).inputValue()).startsWith(PUBLISHED));
  await page.context().close();
});

test("Undo gives the published text back, and undo of the keyboard takes that back, too", async () => {
  const page = await open("book/playground.html");
  await start(page);
  const published = await fieldOf(page, 3).inputValue();
  await write(page, 3, "'mine'");
  await click(page, page.getByRole("button", { name: "Undo changes of cell 3" }));
  assert.equal(await fieldOf(page, 3).inputValue(), published);
  await page.keyboard.press("Control+Z");
  assert.equal(await fieldOf(page, 3).inputValue(), "'mine'");
  await page.context().close();
});

test("a solved exercise stays solved: in the chapter, in the contents, on the page of exercises", async () => {
  let page = await open("book/scale_and_shift.html");
  await start(page);
  const exercise = page.locator("#ex-scale-undo");
  assert.equal(await page.locator(".solved-mark").count(), 0);
  assert.equal(await page.getByRole("button", { name: "Mark as solved" }).count(), 0, "here the checker says it");
  const cells = await exercise.locator("div.cell:not([class*=hide])").evaluateAll((all) => all.map(({ id }) => +id.slice(5)));
  const texts = await Promise.all(cells.map((number) => fieldOf(page, number).inputValue()));
  const answers = {
    "check.forward": "def forward(x, gamma, beta, eps):\n    return bnlib.batch_norm(x, gamma, beta, eps=eps)[0]\n\ncheck.forward(forward)",
  };
  const at = texts.findIndex((text) => text.includes("check.forward"));
  await write(page, cells[at], answers["check.forward"]);
  await page.keyboard.press("Shift+Enter");
  await said(page, "All cells have run.");
  const others = texts.filter((text, i) => i !== at && text.includes("check."));
  assert.equal(await page.locator(".solved-mark").count(), others.length ? 0 : 1, "half an exercise is not solved");
  await page.context().close();
});

test("the whole of an exercise solved", async () => {
  let page = await open("book/running_averages.html");
  await start(page);
  const number = await page.locator("#ex-ema-running div.cell").last().evaluate(({ id }) => +id.slice(5));
  const answer = `import bnlib

def running(running_mean, running_var, x, momentum):
    stats = bnlib.channel_stats(x)
    return bnlib.update_running(running_mean, running_var, stats, momentum)

check.running(running)`;
  await write(page, number, answer);
  await page.keyboard.press("Shift+Enter");
  await said(page, "All cells have run.");
  assert.match(await page.locator("#ex-ema-running .solved-mark").textContent(), /^✓ solved on /);
  page = await comeBack(page);
  assert.match(await page.locator("#ex-ema-running .solved-mark").textContent(), /^✓ solved on /);
  assert.match(await page.locator(".bd-sidebar-primary .solved-count").textContent(), /^1\/6, 1 of 6 exercises solved$/);
  await page.goto(page.url().replace("running_averages", "exercises"));
  const total = await page.locator('.bd-article td a[href*="#ex-"]').count();
  await page.getByText(`1 of ${total} solved`).waitFor();
  assert.equal(await page.locator("tr", { has: page.locator(".solved-mark") }).count(), 1);
  assert.match(await page.locator("tr", { has: page.locator(".solved-mark") }).textContent(), /What PyTorch remembers ✓ solved/);
  assert.deepEqual(await violations(page), []);
  await page.context().close();
});

test("where Python does not run, the reader says what is solved", async () => {
  const page = await open("book/many_devices.html");
  const exercise = page.locator(".exercise").first();
  await click(page, exercise.getByRole("button", { name: "Mark as solved" }));
  await exercise.locator(".solved-mark").waitFor();
  await page.reload();
  await exercise.locator(".solved-mark").waitFor();
  await click(page, exercise.getByRole("button", { name: "Not solved yet" }));
  assert.equal(await exercise.locator(".solved-mark").count(), 0);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("the work travels as a file, and a bad file changes nothing", async () => {
  const page = await open("book/playground.html");
  await start(page);
  await write(page, 3, "'mine'");
  await page.waitForTimeout(400);
  await click(page, page.getByText("Your work", { exact: true }));
  const [download] = await Promise.all([page.waitForEvent("download"), click(page, button(page, "Save as a file"))]);
  assert.match(download.suggestedFilename(), /^batch-norm-work-\d{4}-\d\d-\d\d\.json$/);
  const file = readFileSync(await download.path(), "utf8");

  const other = await open("book/notation.html");
  await click(other, other.getByText("Your work", { exact: true }));
  const choose = async (content) => {
    const path = `${tmpdir()}/work-${process.pid}.json`;
    writeFileSync(path, content);
    const [chooser] = await Promise.all([other.waitForEvent("filechooser"), click(other, other.getByText("Load a file"))]);
    await chooser.setFiles(path);
  };
  await choose("<script>alert(1)</script>");
  await other.getByText("That file is no saved work: it is not JSON. Nothing was changed.").waitFor();
  await choose(file);
  await other.getByText("The file has 1 changed cell and 0 solved exercises.").waitFor();
  await other.goto(other.url().replace("notation", "playground"));
  assert.match(await noteOf(other).textContent(), /^You changed cell 3 /);
  await click(other, other.getByText("Your work", { exact: true }));
  other.once("dialog", (dialog) => dialog.accept());
  await click(other, button(other, "Delete it all"));
  await other.reload();
  await other.getByRole("button", { name: /^Run this page/ }).waitFor();
  assert.equal(await noteOf(other).count(), 0);
  assert.deepEqual([...page.complaints, ...other.complaints], []);
  await page.context().close();
  await other.context().close();
});

test("a text in a link is shown as somebody else's, and runs only when the reader runs it", async () => {
  const page = await open("book/playground.html");
  const published = await page.locator("#cell-3 .cell_input pre").textContent().then((text) => text.replace(/\n$/, ""));
  await start(page);
  await write(page, 3, "'mine'");
  await page.waitForTimeout(400);
  const theirs = "import js; js.document.title = 'taken'; '<b>theirs</b>'";
  await follow(page, hashFor(3, theirs, published));
  await fieldOf(page, 3).waitFor();
  assert.equal(await fieldOf(page, 3).inputValue(), theirs);
  assert.match(await page.locator("#run-cell-3 .run-label").textContent(), /^Cell 3, from a link, not yours$/);
  assert.match(await noteOf(page).textContent(), /came with the link: somebody else may have written it/);
  await page.waitForFunction(() => { // the theme scrolls smoothly
    const { y } = document.querySelector("#cell-3").getBoundingClientRect();
    return y > 0 && y < innerHeight;
  });
  await click(page, button(page, "Run all"));
  await said(page, "Done. Cell 3 came with a link and runs only when you run it.");
  await write(page, 4, "'after'");
  await page.keyboard.press("Shift+Enter");
  await page.locator("#cell-4 .cell_output").getByText("'after'").waitFor();
  assert.doesNotMatch(await page.title(), /taken/);
  assert.equal(await page.locator("#run-cell-3").getAttribute("data-state"), "idle");

  await click(page, button(page, "Show mine"));
  assert.equal(await fieldOf(page, 3).inputValue(), "'mine'", "the reader's own text was lost");
  assert.match(page.url(), /#cell-3$/, "a reload would bring the text again");
  await follow(page, hashFor(3, "'theirs'", published));
  await click(page, page.getByRole("button", { name: "Run cell 3" }));
  await page.locator("#cell-3 .cell_output").getByText("'theirs'").waitFor();
  await page.waitForTimeout(400);
  await click(page, page.getByText("Your work", { exact: true }));
  await page.locator(".run-work pre").getByText("'mine'").waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("two tabs write into one cell: the later text counts, the other is set aside", async () => {
  const one = await open("book/playground.html");
  await start(one);
  const two = await one.context().newPage();
  await two.goto(one.url());
  await start(two);
  await write(one, 3, "'one'");
  await write(one, 4, "'only here'");
  await one.waitForTimeout(400);
  await write(two, 3, "'two'");
  await write(two, 3, "'two again'");
  await two.waitForTimeout(400);
  await two.reload();
  await click(two, two.getByText("Your work", { exact: true }));
  assert.deepEqual(await two.locator(".run-work pre").allTextContents(), ["'one'"]);
  await click(two, button(two, "Show my changes"));
  assert.equal(await fieldOf(two, 3).inputValue(), "'two again'");
  assert.equal(await fieldOf(two, 4).inputValue(), "'only here'");
  await one.context().close();
});

test("an output does not change the page around it", async () => {
  const page = await open("book/playground.html");
  await start(page);
  await write(page, 3, `class Guest:
    def _repr_html_(self):
        return "<style>.bd-article {display: none}</style><p>a guest</p>"


Guest()`);
  await page.keyboard.press("Shift+Enter");
  await page.locator("#cell-3 .cell_output").getByText("a guest").waitFor();
  await page.context().close();
});

test("the button makes the link that opens the cell", async () => {
  const page = await open("book/playground.html");
  await start(page);
  await write(page, 3, "'for you'");
  await click(page, page.getByRole("button", { name: "Link to cell 3 as it stands here" }));
  await said(page, "The address of this page now leads to cell 3 as you wrote it");
  const link = page.url();
  const other = await open("book/playground.html");
  await other.goto("about:blank");
  await other.goto(link);
  assert.equal(await fieldOf(other, 3).inputValue(), "'for you'");
  await page.reload();
  assert.equal(await page.locator("[data-foreign=true]").count(), 0, "the reader's own text is somebody else's");
  await page.context().close();
  await other.context().close();
});

for (const [hash, words] of [
  ["#cell-99", "This link leads to cell 99, and this page has 10 cells."],
  ["#cell-3.a=<img src=x onerror=alert(1)>", "This link is no link to a cell of this page."],
  [`#cell-3.a=${"x".repeat(30_000)}`, "This link is too long to be one of this book."],
]) {
  test(`a link ${hash.slice(0, 24)} is told, and nothing happens`, async () => {
    const page = await open(`book/playground.html${hash}`);
    await page.getByText(words).waitFor();
    assert.equal(await page.locator("textarea").count(), 0);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}

for (const hash of ["#%", "#%E0%A4%A", "#nowhere"]) {
  test(`an address ${hash} is no place, and no error`, async () => {
    const page = await open(`book/playground.html${hash}`);
    await page.locator(".run-work").waitFor();
    await page.waitForTimeout(500);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}

test("a cell has a link before Python has started, too", async () => {
  const page = await open("book/playground.html");
  const link = page.locator("#cell-3 > a.cell-link");
  await page.locator("#cell-3").scrollIntoViewIfNeeded();
  const cell = await page.locator("#cell-3").boundingBox();
  await page.mouse.move(cell.x + 50, cell.y + 10);
  await click(page, link);
  await page.waitForURL(/#cell-3$/, { timeout: 2000 });
  await page.context().close();
});

for (const name of ["QuotaExceededError", "SecurityError"]) {
  test(`storage that answers ${name}: it is said, and the text stays`, async () => {
    const page = await open("book/playground.html", {
      beforeLoad: (each) => each.addInitScript((name) => {
        const { setItem } = Storage.prototype;
        Storage.prototype.setItem = function (key, value) {
          if (key.startsWith("batch norm book")) throw new DOMException("no", name);
          setItem.call(this, key, value); // the theme does not expect it
        };
      }, name),
    });
    await start(page);
    await write(page, 3, "'mine'");
    await page.getByText(name === "SecurityError" ? "This browser keeps nothing for this site" : "storage for this site is full").waitFor();
    await page.keyboard.press("Shift+Enter");
    await page.locator("#cell-3 .cell_output").getByText("'mine'").waitFor();
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}

/** The playground, in a browser that kept this text before any script of the page, which keeps its own, ran. */
const openKeeping = (text) =>
  open("book/playground.html", {
    beforeLoad: (page) => page.addInitScript((text) =>
      localStorage.setItem("batch norm book / page playground", text), text),
  });

test("storage of another version is left whole and said", async () => {
  const page = await openKeeping('{"version":9,"cells":["<b>new</b>"]}');
  await page.getByText("is of another version of the book").waitFor();
  await click(page, page.getByText("Your work", { exact: true }));
  await page.locator(".run-work pre").getByText('{"version":9,"cells":["<b>new</b>"]}').waitFor();
  await page.context().close();
});

test("a change to a cell that this edition no longer has is set aside, and one that moved is found", async () => {
  const published = codeCells("playground")[2].source.join("");
  const when = "2026-01-02T03:04:05.000Z";
  const cells = { 2: { published: "a cell of old", text: "'gone'", when }, 7: { published, text: "'moved'", when } };
  const page = await openKeeping(JSON.stringify({ version: 1, cells, solved: {}, aside: [] }));
  await page.getByText("1 of your changes belongs to a cell that this edition of the page no longer has").waitFor();
  await click(page, page.getByText("Your work", { exact: true })); // before the fields come, and move the page
  await page.locator(".run-work pre").getByText("'gone'").waitFor();
  await click(page, button(page, "Show my changes"));
  assert.equal(await fieldOf(page, 3).inputValue(), "'moved'");
  assert.doesNotMatch(await fieldOf(page, 2).inputValue(), /gone/);
  await page.context().close();
});
