// Every chapter runs in the browser, and gives the stored outputs.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { close, open } from "./browser.mjs";
import { click, start } from "./reader.mjs";
import { codeCells, runnable, site } from "./site.mjs";

after(close);

/** What each cell shows: text and reports as they are, of a picture its size and where its ink lies. */
const shown = (page) =>
  page.evaluate(async () => {
    const outputs = [];
    for (const node of document.querySelectorAll("div.cell")) {
      const output = node.querySelector(".cell_output");
      const text = [...(output?.querySelectorAll("pre, .text_html") ?? [])].map((part) => part.textContent).join("");
      const pictures = [];
      for (const { src, alt } of output?.querySelectorAll("img") ?? []) {
        const image = new Image(); // one of our own: that of the page is lazy, and may be on its way
        image.src = src;
        await image.decode();
        const { naturalWidth: width, naturalHeight: height } = image;
        const canvas = new OffscreenCanvas(width, height).getContext("2d");
        canvas.drawImage(image, 0, 0);
        const { data } = canvas.getImageData(0, 0, width, height);
        const ink = { across: new Array(width).fill(0), down: new Array(height).fill(0) };
        for (let i = 0; i < data.length / 4; i++) {
          const dark = 765 - data[4 * i] - data[4 * i + 1] - data[4 * i + 2];
          ink.across[i % width] += dark;
          ink.down[Math.floor(i / width)] += dark;
        }
        pictures.push({ width, height, alt, ink });
      }
      outputs.push({ text, pictures });
    }
    return outputs;
  });

/** How far the ink of one picture would have to move to make the other, in parts of its width and height. */
function distance(a, b) {
  const total = (profile) => profile.reduce((sum, value) => sum + value, 0);
  const farther = ["across", "down"].map((way) => {
    let [mine, theirs, moved] = [0, 0, 0];
    for (let i = 0; i < 500; i++) { // both profiles, stretched to 500 steps
      mine += a.ink[way][Math.floor((i * a.ink[way].length) / 500)] / total(a.ink[way]);
      theirs += b.ink[way][Math.floor((i * b.ink[way].length) / 500)] / total(b.ink[way]);
      moved += Math.abs(mine * (a.ink[way].length / 500) - theirs * (b.ink[way].length / 500)) / 500;
    }
    return moved;
  });
  return Math.max(...farther);
}
const CLOSE = 0.03; // the browser's matplotlib is older, and moves an axis by some pixels

function same(fresh, stored) {
  assert.equal(fresh.length, stored.length);
  for (const [index, { text, pictures }] of fresh.entries()) {
    const where = `cell ${index + 1}`;
    assert.equal(text, stored[index].text, where);
    assert.equal(pictures.length, stored[index].pictures.length, where);
    for (const [n, picture] of pictures.entries()) {
      const wanted = stored[index].pictures[n];
      assert.equal(picture.alt, wanted.alt, where);
      for (const side of ["width", "height"]) assert.ok(Math.abs(picture[side] - wanted[side]) <= 8, `${where}: ${side}`);
      assert.ok(distance(picture, wanted) < CLOSE, `${where}: ${distance(picture, wanted)} of the picture differs`);
    }
  }
}

test("the chapters that run are those of the notebook site", () => {
  const { content } = JSON.parse(readFileSync(`${site}/lite/api/contents/all.json`, "utf8"));
  const notebooks = content.map(({ name }) => /^\d+_(.+)\.ipynb$/.exec(name)?.[1]).filter(Boolean);
  assert.deepEqual([...runnable, "contents"].toSorted(), notebooks.toSorted());
});

for (const name of runnable) {
  test(`${name} gives the stored outputs`, async () => {
    const page = await open(`book/${name}.html`);
    const stored = await shown(page);
    assert.equal(stored.length, codeCells(name).length);
    await start(page);
    assert.equal(await page.locator('.run-editor[data-state="done"]').count(), stored.length);
    const images = await page.locator(".cell_output img").evaluateAll((all) => all.map(({ src }) => src));
    assert.ok(images.every((src) => src.startsWith("data:image/png")), "a stored picture was left in place");
    const fresh = await shown(page);
    same(fresh, stored);
    const [mine, theirs] = [fresh, stored].map((cells) => cells.flatMap((one) => one.pictures));
    for (const [i, picture] of mine.entries()) {
      const nearest = Math.min(...theirs.map((other) => distance(picture, other)));
      assert.equal(distance(picture, theirs[i]), nearest, "a picture is more like one of another cell");
    }
    await click(page, page.getByRole("button", { name: "Reset", exact: true }));
    assert.deepEqual(await shown(page), stored);
    assert.equal(await page.locator("textarea").count(), 0);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}
