// The numbers of the figure "The walk, step by step" against bnlib.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import test from "node:test";
import { fileURLToPath } from "node:url";

import { GIVEN, STEPS, fraction, walk } from "../../assets/live/graph_numbers.js";
import { python } from "./site.mjs";

const script = fileURLToPath(new URL("graph_expected.py", import.meta.url));
const cases = JSON.parse(execFileSync(python, [script]));

function near(got, wanted, tolerance, what) {
  assert.equal([got].flat().length, wanted.length, what);
  for (const [i, value] of [got].flat().entries()) {
    assert.ok(Math.abs(value - wanted[i]) <= tolerance * Math.max(1, Math.abs(wanted[i])), `${what}: ${value}, not ${wanted[i]}`);
  }
}

test("the example drawn is the one compared here, and its numbers are exact", () => {
  assert.deepEqual(cases[0].given, GIVEN);
  for (const [name, wanted] of Object.entries(cases[0].exact)) near(walk()[name], wanted, 0, name);
  assert.deepEqual(walk().dx, [-1 / 4, 3 / 4, -1 / 2]);
});

for (const [i, { given, exact, near: differences }] of cases.entries()) {
  test(`case ${i}: every node`, () => {
    const values = walk(given);
    for (const [name, wanted] of Object.entries(exact)) near(values[name], wanted, 1e-13, name);
    // A central difference is right to about 1e-9.
    for (const [name, wanted] of Object.entries(differences)) near(values[name], wanted, 1e-8, name);
    near(values.dscaled, given.dy, 0, "dscaled");
  });
}

test("a step takes from what is filled already, and each node is filled once", () => {
  const filled = [];
  for (const { fills, from } of STEPS) {
    for (const name of from) assert.ok(filled.includes(name), `${fills} takes ${name}`);
    filled.push(...fills);
  }
  assert.equal(new Set(filled).size, filled.length);
  assert.equal(filled.length, 22);
});

test("each example written out is the value of its node", () => {
  const values = walk();
  for (const { fills: [name], example } of STEPS) {
    if (!example) continue;
    const code = example(values).replaceAll("−", "-").replaceAll("·", "*").replaceAll("√", "Math.sqrt");
    assert.equal(Function(`return ${code}`)(), [values[name]].flat().at(-1), `${name}: ${code}`);
  }
});

test("fractions", () => {
  assert.deepEqual([3, -0.25, 3 / 16, -24, 0, -0].map(fraction), ["3", "−1/4", "3/16", "−24", "0", "0"]);
});
