import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { BATCH_MEANS, DATA_MEAN, RULES, newestWithHalf, runningMeans, weights } from
  "../../assets/live/average_numbers.js";
import { python } from "./site.mjs";

const script = fileURLToPath(new URL("average_expected.py", import.meta.url));

const expected = JSON.parse(execFileSync(python, [script], { maxBuffer: 1 << 26 }));
// bnlib multiplies up to 200 times where a weight is one power, and debiasing divides what is left by 0.001.
const close = (ours, theirs, what) =>
  assert.ok(Math.abs(ours - theirs) <= 1e-13 + 1e-11 * Math.abs(theirs), `${what}: ${ours}, bnlib ${theirs}`);
const name = ({ rule, momentum, steps, start }) => `${rule}, momentum ${momentum}, ${steps ?? start}`;

test("the stream and the data mean are those of the real digits", () => {
  assert.deepEqual(BATCH_MEANS, expected.stream);
  close(DATA_MEAN, expected.data_mean, "data mean");
});

test("every weight is what a nudge of that voice does to bnlib's running mean", () => {
  const cases = expected.cases.filter((wanted) => wanted.weights);
  assert.equal(cases.length, RULES.length * 6 * 6);
  for (const wanted of cases) {
    const { start, batches } = weights(wanted.rule, wanted.momentum, wanted.steps);
    assert.equal(batches.length, wanted.steps);
    if (wanted.rule === "debiased" && wanted.steps === 0) continue; // nothing to average
    for (const [i, weight] of [start, ...batches].entries()) {
      close(weight, wanted.weights[i], `${name(wanted)}, voice ${i}`);
    }
    assert.equal(newestWithHalf(batches), wanted.half, name(wanted));
  }
});

test("the running means are bnlib's, for each start value", () => {
  const cases = expected.cases.filter((wanted) => wanted.means);
  assert.equal(cases.length, RULES.length * 6 * 3);
  for (const wanted of cases) {
    const means = runningMeans(wanted.rule, wanted.momentum, wanted.start);
    assert.equal(means.length, wanted.means.length);
    means.forEach((mean, step) => {
      if (wanted.means[step] === null) assert.ok(Number.isNaN(mean), `${name(wanted)}, step ${step}`);
      else close(mean, wanted.means[step], `${name(wanted)}, step ${step}`);
    });
  }
});

test("a running mean is the weighted mean of its voices", () => {
  for (const rule of RULES) {
    for (const steps of [1, 17, 200]) {
      const { start, batches } = weights(rule, 0.03, steps);
      const sum = batches.reduce((total, weight, i) => total + weight * BATCH_MEANS[i], start * 0.25);
      close(sum, runningMeans(rule, 0.03, 0.25)[steps], `${rule} after ${steps}`);
    }
  }
});

test("before the first batch the start value has all the weight, or nothing is defined", () => {
  assert.deepEqual(weights("ema", 0.1, 0), { start: 1, batches: [] });
  assert.deepEqual(weights("cumulative", 0.1, 0), { start: 1, batches: [] });
  assert.deepEqual(weights("debiased", 0.1, 0), { start: 0, batches: [] });
  assert.equal(newestWithHalf([]), null);
});
