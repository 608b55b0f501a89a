// Every link and every file that a page names is there, and nothing is taken from another host.
import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { pages, site } from "./site.mjs";

const text = (path) => readFileSync(join(site, path), "utf8");
const anchors = new Map();

function hasAnchor(path, id) {
  if (!anchors.has(path)) anchors.set(path, new Set([...text(path).matchAll(/\sid="([^"]+)"/g)].map((m) => m[1])));
  return anchors.get(path).has(id);
}

/** What is wrong with an address on a page, or nothing. */
function fault(page, tag, address) {
  if (/^(https?:)?\/\//.test(address)) return tag === "a" ? null : `<${tag}> takes ${address} from another host`;
  if (/^(data|mailto):/.test(address)) return null;
  const [file, id] = address.replaceAll("&amp;", "&").split("#");
  const notebook = /\?path=(.+)/.exec(file)?.[1];
  if (notebook && !existsSync(join(site, "lite/files", notebook))) return `${address}: no such notebook`;
  let path = join(dirname(page), decodeURIComponent(file.split("?")[0]));
  if (!file) path = page;
  if (!existsSync(join(site, path))) return `<${tag}> leads to ${address}, which is not there`;
  if (statSync(join(site, path)).isDirectory()) path = join(path, "index.html");
  if (id && path.endsWith(".html") && !hasAnchor(path, decodeURIComponent(id))) return `${address}: no such place`;
  return null;
}

test("the checker of links finds what is wrong", () => {
  const page = "book/intro.html";
  assert.match(fault(page, "img", "https://example.org/a.png"), /another host/);
  assert.match(fault(page, "a", "nowhere.html"), /not there/);
  assert.match(fault(page, "a", "notation.html#nowhere"), /no such place/);
  assert.match(fault(page, "a", "../lite/notebooks/index.html?path=nowhere.ipynb"), /no such notebook/);
  assert.equal(fault(page, "a", "https://example.org/"), null);
});

for (const page of pages) {
  test(page, () => {
    const named = [...text(page).matchAll(/<(\w+)[^>]*?\s(?:href|src)="([^"]*)"/g)];
    assert.ok(named.length > 10);
    assert.deepEqual(named.map(([, tag, address]) => fault(page, tag, address)).filter(Boolean), []);
    assert.doesNotMatch(text(page), /<script(?![^>]*\ssrc=)[^>]*>|\son[a-z]+="/, "a script inside the page");
  });
}
