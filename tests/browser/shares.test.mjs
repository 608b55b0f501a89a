// The numbers of the figure "Which values share a mean?" against bnlib.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import test from "node:test";
import { fileURLToPath } from "node:url";

import * as numbers from "../../assets/live/shares_numbers.js";
import { python } from "./site.mjs";


const script = fileURLToPath(new URL("shares_expected.py", import.meta.url));
const cases = JSON.parse(execFileSync(python, [script], { maxBuffer: 1e8 }));

test("the values drawn are the pixels of the photographs", () => {
  assert.deepEqual(cases[0].values, numbers.VALUES);
  assert.deepEqual(cases[0].shape, numbers.SHAPE);
});

test("the groups offered are those that bnlib takes", () => {
  for (const c of new Set(cases.map(({ shape }) => shape[1]))) {
    const ofC = cases.filter(({ norm, shape }) => norm === "group" && shape[1] === c);
    assert.deepEqual(new Set(ofC.map(({ groups }) => groups)), new Set(numbers.divisors(c)));
  }
});

for (const { norm, groups, shape, values, same, seen, axes, kept, shares, mean } of cases) {
  test(`${norm} norm of shape ${shape}${groups ? `, ${groups} groups` : ""}`, () => {
    const layout = numbers.layout(norm, shape, groups);
    assert.deepEqual(layout, { seen, axes, kept });
    const owner = numbers.owners(layout);
    for (const [i, moved] of shares.entries()) {
      assert.deepEqual(owner.map((o) => Number(o === owner[i])), moved, `value ${i}`);
    }
    const ours = numbers.means(values, owner);
    assert.equal(ours.length, kept.reduce((a, b) => a * b));
    for (const [i, wanted] of mean.entries()) {
      const error = Math.abs(ours[owner[i]] - wanted);
      assert.ok(error <= 1e-12 * Math.max(1, Math.abs(wanted)), `mean ${i}: ${error}`);
    }
    const twin = numbers.sameAs(norm, groups, shape[1]);
    assert.ok(twin === null ? same.length === 0 : same.includes(twin), `same as ${same}`);
  });
}
