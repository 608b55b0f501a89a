// A cell's text in an address: there and back, and what a hostile or broken address does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { check, hashFor, readHash } from "../../assets/run/share.js";

const PUBLISHED = "def f(x):\n    return x\n";

test("a text comes back as it was, with every kind of letter", () => {
  for (const text of ["", "1 + 1", PUBLISHED + "\n\tprint('é µ 漢字 🙂 <b>&amp;</b> \"=#%?')", "x".repeat(10_000)]) {
    const hash = hashFor(12, text, PUBLISHED);
    assert.match(hash, /^#cell-12\.[0-9a-z]+=[\w-]*$/, "an address that programs would cut or change");
    assert.deepEqual(readHash(hash), { number: 12, text, check: check(PUBLISHED) });
  }
});

test("the published text needs no more than its place", () => {
  assert.equal(hashFor(3, PUBLISHED, PUBLISHED), "#cell-3");
  assert.deepEqual(readHash("#cell-3"), { number: 3 });
});

test("what is too long for a link is refused at both ends", () => {
  assert.equal(hashFor(1, "x".repeat(20_000), PUBLISHED), null);
  assert.match(readHash(`#cell-1.a=${"x".repeat(20_000)}`).problem, /too long/);
});

test("other addresses of the page are left alone", () => {
  for (const hash of ["", "#exercises", "#run-cell-3", "#my-cell-3"]) assert.equal(readHash(hash), null);
});

for (const [hash, words] of [
  ["#cell-", /no link to a cell/],
  ["#cell-3x", /no link to a cell/],
  ["#cell-3.abc=<img src=x onerror=alert(1)>", /no link to a cell/],
  ["#cell-3.abc=%3Cscript%3E", /no link to a cell/],
  ["#cell-99999", /no link to a cell/],
  ["#cell-3.abc=A", /damaged/],
  ["#cell-3.abc=_w", /damaged/], // a byte that is no UTF-8
  [hashFor(3, "a\u202eb", PUBLISHED), /invisible/],
  [hashFor(3, "a\u0000b", PUBLISHED), /invisible/],
]) {
  test(`${hash} is said to be wrong`, () => assert.match(readHash(hash).problem, words));
}

test("a changed page is noticed", () => {
  assert.notEqual(check(PUBLISHED), check(PUBLISHED.replace("x", "y")));
  assert.notEqual(check("ab"), check("ba"));
});
