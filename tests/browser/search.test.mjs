// The search: what is typed leads to the section that teaches it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { close, open, violations } from "./browser.mjs";
import { screenshots, site } from "./site.mjs";

const TAUGHT = {
  momentum: "running_averages.html#an-average-with-a-memory",
  eps: "scale_and_shift.html#what-is-eps-for",
  freeze: "train_eval_frozen.html#what-freezes-what",
  frozen: "train_eval_frozen.html#what-freezes-what",
  ddof: "scale_and_shift.html#which-divisor-normalises",
  "batch size 1": "many_devices.html#a-batch-that-nobody-holds",
  "running variance": "running_averages.html#two-averages-two-divisors",
  "gradient check": "testing_gradients.html#one-ingredient-at-a-time",
  projection: "backward_projection.html#the-jacobian-of-one-channel",
  SyncBatchNorm: "many_devices.html#real-processes",
  fold: "shipping.html#four-numbers-become-two",
  fuse: "shipping.html#four-numbers-become-two",
  "catastrophic cancellation": "computing_variance.html#two-formulas-one-variance",
  "layer norm": "relatives.html#which-layer-norm-do-you-mean",
  "running averages": "running_averages.html#an-average-with-a-memory",
  Welford: "computing_variance.html#four-ways-around",
};
// Formulas, imports, and the words of buttons and folds.
const NOT_PROSE = /\\[a-z(]|\$|\bimport (?:numpy|matplotlib|torch|bnlib)|from [\w.]+ import|Show code|Hide code|Click to|Copy to|Link to this|Run this page|Hint \d/;

let page;
before(async () => {
  page = await open("search.html");
});
after(close);

/** Type into the field as a reader does, and wait for the answer. */
async function look(words, where = page) {
  await where.locator("#find-words").click({ clickCount: 3 });
  await where.keyboard.type(words);
  await where.waitForFunction((end) => document.getElementById("find-status").textContent.endsWith(end), `“${words}”.`);
}

for (const [words, place] of Object.entries(TAUGHT)) {
  test(`${words}: first where it is taught`, async () => {
    await look(words);
    const first = await page.locator("#find-results a").first().getAttribute("href");
    assert.equal(first.split("/book/")[1], place);
    const shown = Number((await page.locator("#find-status").textContent()).split(" ")[0]);
    const links = await page.locator("#find-results a").all();
    assert.equal(links.length, Math.min(shown, 10));
    for (const excerpt of await page.locator("#find-results p").allTextContents()) {
      assert.doesNotMatch(excerpt, NOT_PROSE);
      assert.ok(excerpt.trim().length > 3);
    }
    assert.equal(new URL(page.url()).searchParams.get("q"), words);
  });
}

test("no record of the index holds what is no prose", async () => {
  const words = ["batch", "the", "exercise", "import", "mean", "code", "hint", "solution"];
  let seen = 0;
  for (const word of words) {
    const texts = await page.evaluate(async (word) => {
      const pagefind = await import(new URL("pagefind/pagefind.js", location.href));
      const { results } = await pagefind.search(word);
      return (await Promise.all(results.map((result) => result.data()))).map(({ raw_content, content }) => raw_content ?? content);
    }, word);
    seen += texts.length;
    for (const text of texts) assert.doesNotMatch(text, NOT_PROSE);
  }
  assert.ok(seen > 200, `${seen} records`);
});

test("a result leads to its heading", async () => {
  const here = await open("search.html");
  await here.emulateMedia({ reducedMotion: "reduce" });
  await look("frozen", here);
  await here.locator("#find-results a").first().click();
  await here.waitForURL(/train_eval_frozen\.html#what-freezes-what$/);
  await here.waitForFunction(() => {
    const { top } = document.querySelector("#what-freezes-what h2").getBoundingClientRect();
    return top >= 0 && top < 200;
  });
  assert.deepEqual(here.complaints, []);
  await here.goBack();
  await here.waitForFunction(() => document.querySelectorAll("#find-results a").length > 1);
  assert.equal(await here.locator("#find-words").inputValue(), "frozen");
  await here.context().close();
});

test("the button of each page leads there, and costs nothing before", async () => {
  const here = await open("book/notation.html");
  const asked = () => here.requests.filter((url) => /pagefind|search(index|tools)|language_data/.test(url));
  assert.deepEqual(asked(), []);
  await here.keyboard.press("Control+k");
  await here.locator("dialog form.bd-search input").waitFor();
  const icon = await here.locator("dialog form.bd-search > i").boundingBox();
  const field = await here.locator("dialog form.bd-search input").evaluate((input) =>
    input.getBoundingClientRect().left + parseFloat(getComputedStyle(input).paddingLeft));
  assert.ok(icon.x + icon.width <= field, "the magnifier lies on the words");
  await here.keyboard.type("eps");
  await here.keyboard.press("Enter");
  await here.waitForURL(/search\.html\?q=eps$/);
  await here.locator("#find-results a").first().waitFor();
  assert.deepEqual(here.complaints, []);
  await here.context().close();
});

test("keyboard alone: field, button, results, more results", async () => {
  const here = await open("search.html");
  await here.keyboard.type("variance");
  await here.keyboard.press("Enter");
  await here.locator("#find-results a").first().waitFor();
  await here.keyboard.press("Tab");
  await here.keyboard.press("Tab");
  const focused = () => here.evaluate(() => document.activeElement.textContent);
  assert.equal(await focused(), await here.locator("#find-results a").first().textContent());
  for (let n = 0; n < 10; n++) await here.keyboard.press("Tab");
  assert.equal(await focused(), "More results");
  await here.keyboard.press("Enter");
  await here.waitForFunction(() => document.querySelectorAll("#find-results a").length === 20);
  assert.equal(await focused(), await here.locator("#find-results a").nth(10).textContent());
  await here.context().close();
});

test("a phone: the finger opens a result", async () => {
  const here = await open("search.html", { width: 390, height: 844, hasTouch: true, isMobile: true });
  await here.locator("#find-words").tap();
  await here.keyboard.type("dead bias");
  const first = here.locator("#find-results a").first();
  await first.waitFor();
  await first.tap();
  await here.waitForURL(/backward_projection\.html#a-bias-that-does-nothing$/);
  await here.context().close();
});

const STRANGE = ["<img src=x onerror=alert(1)><script>alert(2)</script>", "“ % & ? # \\ ../", "()[]{}*+^$|", '"'];
for (const words of STRANGE) {
  test(`harmless: ${words}`, async () => {
    const here = await open(`search.html?q=${encodeURIComponent(words)}`);
    await here.waitForFunction(() => document.getElementById("find-status").textContent);
    assert.equal(await here.locator("#find-words").inputValue(), words);
    assert.equal(await here.locator(".find img, .find script").count(), 0);
    assert.deepEqual(here.complaints, []);
    await here.context().close();
  });
}

for (const words of ["xyzzyplugh", "quaternion", "momentum xyzzyplugh"]) {
  test(`nothing: ${words}`, async () => {
    await look(words);
    assert.equal(await page.locator("#find-status").textContent(), `Nothing found for “${words}”.`);
    assert.equal(await page.locator("#find-results li").count(), 0);
    assert.ok(!(await page.locator("#find-more").isVisible()));
  });
}

test("ten thousand characters are cut", async () => {
  const here = await open(`search.html?q=${"q".repeat(10000)}`);
  await here.waitForFunction(() => /^Nothing found/.test(document.getElementById("find-status").textContent));
  assert.equal((await here.locator("#find-words").inputValue()).length, 200);
  assert.equal(await here.locator("#find-results li").count(), 0);
  const wider = await here.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wider <= 0, `${wider} pixels too wide`);
  assert.deepEqual(here.complaints, []);
  await here.context().close();
});

test("without JavaScript, without a server and without a net the page says so", async () => {
  const plain = await open("search.html", { javaScriptEnabled: false });
  assert.match(await plain.locator(".find noscript").innerText(), /needs JavaScript/);
  await plain.context().close();
  const file = await open("search.html", { from: `file://${site}/` });
  assert.match(await file.locator("#find-status").textContent(), /From a file: address/);
  await file.context().close();
  const alone = await open("search.html");
  await alone.context().setOffline(true);
  await alone.locator("#find-words").click();
  await alone.keyboard.type("eps");
  await alone.waitForFunction(() => /could not be loaded/.test(document.getElementById("find-status").textContent));
  await alone.context().setOffline(false);
  await alone.keyboard.press("Enter");
  await alone.locator("#find-results a").first().waitFor();
  await alone.context().close();
});

test("results are accessible, light and dark, wide and narrow", async () => {
  await look("running variance");
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 900 });
      await page.waitForTimeout(600); // the theme's sidebars slide
      await page.screenshot({ path: `${screenshots}/search-results-${colorScheme}-${width}.png` });
      assert.deepEqual(await violations(page), [], `${colorScheme}, ${width} pixels`);
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wider <= 0, `${wider} pixels too wide`);
    }
  }
  assert.deepEqual(page.complaints, []);
});

test("nothing of Sphinx's own search is left", () => {
  for (const file of ["searchindex.js", "_static/searchtools.js", "_static/language_data.js", "genindex.html"]) {
    assert.throws(() => readFileSync(`${site}/${file}`), file);
  }
});
