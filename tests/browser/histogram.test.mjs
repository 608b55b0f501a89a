// The numbers of the figure "What moves the histogram?" against bnlib.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import test from "node:test";
import { fileURLToPath } from "node:url";

import { COUNTS, EDGES, SHARES, forward } from "../../assets/live/histogram_numbers.js";
import { python } from "./site.mjs";

const script = fileURLToPath(new URL("histogram_expected.py", import.meta.url));
const expected = JSON.parse(execFileSync(python, [script]));
// NumPy sums 68,160 numbers in another order.
const near = (got, wanted, what) =>
  assert.ok(Math.abs(got - wanted) <= 1e-11 * Math.max(1, Math.abs(wanted)), `${what}: ${got}, not ${wanted}`);

test("the pixels and the bins are the chapter's", () => {
  assert.deepEqual(COUNTS, expected.counts);
  assert.deepEqual(EDGES, expected.edges);
  assert.deepEqual(SHARES, expected.shares);
});

for (const { given, var: variance, about } of expected.cases) {
  test(`unit ${given.unit}, eps ${given.eps}, gamma ${given.gamma}, beta ${given.beta}`, () => {
    const got = forward(given);
    near(got.variance, variance, "variance");
    for (const [name, { mean, std, low, high }] of Object.entries(about)) {
      near(got[name].mean, mean, `mean of ${name}`);
      near(got[name].std, std, `std of ${name}`);
      // An intensity lies between the ends of its bin, as far from them as before.
      for (const [intensity, wanted] of [[expected.ends[0], low], [expected.ends[1], high]]) {
        const bin = EDGES.findLastIndex((edge) => edge < intensity);
        const [from, to] = got[name].edges.slice(bin, bin + 2);
        near(from + ((intensity - EDGES[bin]) / 4) * (to - from), wanted, `${name} of intensity ${intensity}`);
      }
    }
  });
}
