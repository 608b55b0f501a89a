import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  CHANNELS, COUNT, FORMATS, RATIOS, WAYS, exact, half, median, relativeError, stored, sweep, verdict,
} from "../../assets/live/cancellation_numbers.js";
import { python } from "./site.mjs";

const script = fileURLToPath(new URL("cancellation_expected.py", import.meta.url));

const expected = JSON.parse(execFileSync(python, [script], { maxBuffer: 1 << 28 }));
const name = ({ format, ratio, channel }) => `${format}, ratio ${ratio}, channel ${channel}`;
const same = (ours, theirs, what) =>
  assert.ok(Object.is(ours, Number(theirs)), `${what}: ${ours}, not ${theirs}`);
// The variance is summed in another order; an error moves by as much, relative to 1.
const close = (ours, theirs, what, scale = theirs) => {
  const near = Object.is(ours, theirs) || Math.abs(ours - theirs) <= 1e-12 * scale;
  assert.ok(near, `${what}: ${ours}, not ${theirs}`);
};

test("float16 rounds as NumPy does: ties, subnormals, overflow, -0", () => {
  const [values, wanted] = expected.half;
  assert.ok(values.length > 20000 && wanted.includes("-0.0") && wanted.includes("-Infinity"));
  values.forEach((value, i) => same(half(Number(value)), wanted[i], value));
});

test("the page's formulas and ratios are the ones compared here", () => {
  assert.deepEqual(Object.keys(WAYS), expected.ways);
  assert.deepEqual(RATIOS, expected.ratios);
  assert.equal(expected.channels.length, 2 * RATIOS.length * CHANNELS);
});

test("every stored value and every formula agrees with NumPy to the last bit", () => {
  for (const wanted of expected.channels) {
    const { round } = FORMATS[wanted.format];
    const x = stored(wanted.ratio, wanted.channel, round);
    assert.equal(x.length, COUNT);
    x.forEach((value, i) => same(value, wanted.stored[i], `${name(wanted)}, value ${i}`));
    Object.entries(WAYS).forEach(([way, formula], i) =>
      same(formula(x, round), wanted.computed[i], `${way} in ${name(wanted)}`));
  }
});

test("the exact variance is bnlib's", () => {
  for (const wanted of expected.channels) {
    const x = stored(wanted.ratio, wanted.channel, FORMATS[wanted.format].round);
    close(exact(x), Number(wanted.variance), name(wanted));
  }
});

test("the curves are NumPy's medians, and the marks the first channel", () => {
  for (const format of Object.keys(FORMATS)) {
    const points = sweep(format);
    assert.equal(points.length, RATIOS.length);
    points.forEach((point, at) => {
      const here = expected.channels.filter((run) => run.format === format && run.ratio === RATIOS[at]);
      close(point.variance, Number(here[0].variance), name(here[0]));
      Object.keys(WAYS).forEach((way, i) => {
        const { computed, error } = point.ways[way];
        same(computed, here[0].computed[i], `${way} in ${name(here[0])}`);
        same(error, relativeError(computed, point.variance), way);
        const wanted = Number(here.at(-1).medians[i]);
        close(point.medians[way], wanted, `${way}, ${format} at ${RATIOS[at]}`, 1 + wanted);
      });
    });
  }
});

test("what the curves must show is there: negative, zero, infinite and undefined variances", () => {
  const outcomes = expected.channels.flatMap((run) => run.computed.map(Number));
  assert.ok(outcomes.some((value) => value < 0) && outcomes.some((value) => value === 0));
  assert.ok(outcomes.some((value) => value === Infinity) && outcomes.some(Number.isNaN));
});

test("an error is relative to a variance, and undefined where there is none", () => {
  assert.equal(relativeError(3, 2), 0.5);
  assert.equal(relativeError(-1, 2), 1.5);
  assert.equal(relativeError(NaN, 2), Infinity);
  assert.equal(relativeError(0, 0), NaN);
  assert.equal(median([3, 1, Infinity]), 3);
  assert.equal(median([3, NaN, 1]), NaN);
});

test("a result that failed is called by its name", () => {
  assert.equal(verdict(-1, 2), "negative");
  assert.equal(verdict(0, 2), "zero");
  assert.equal(verdict(0, 0), "");
  assert.equal(verdict(Infinity, 2), "infinite");
  assert.equal(verdict(NaN, NaN), "not a number");
  assert.equal(verdict(4, 2), "no digit right");
  assert.equal(verdict(4, 0), "no digit right");
  assert.equal(verdict(3.9, 2), "");
});
