// Five formulas for one variance, in float32 and float16 arithmetic: every single operation is rounded.

const view = new DataView(new ArrayBuffer(8));

/** Round to float16: to the nearest, ties to even, with subnormals, overflow and -0. */
export function half(x) {
  const size = Math.abs(x);
  if (!(size > 0 && size < Infinity)) return x;
  view.setFloat64(0, size);
  const exponent = Math.max(view.getUint16(0) >>> 4, 1023 - 14); // biased; below it float16 is subnormal
  // In float64, the numbers from 2**(e + 42) on are 2**(e - 10) apart: the spacing of float16 at 2**e.
  view.setFloat64(0, 0);
  view.setUint16(0, (exponent + 42) << 4);
  const far = view.getFloat64(0);
  const rounded = size + far - far;
  return Math.sign(x) * (rounded > 65504 ? Infinity : rounded);
}

/** `unit` is the rounding unit. float64 has more than twice the digits, so rounding its result is exact. */
export const FORMATS = {
  float32: { round: Math.fround, unit: 2 ** -24 },
  float16: { round: half, unit: 2 ** -11 },
};

export const COUNT = 64; // values in a channel, as in a tile of 8 by 8 pixels
export const CHANNELS = 11;
export const RATIOS = [1, 10, 100, 1e3, 1e4, 1e5].flatMap((ten) => [1, 1.8, 3.2, 5.6].map((k) => k * ten));
RATIOS.push(1e6);

/** Values of mean near 0 and std near 1: twelve uniform numbers each, from a congruential generator. */
export function noise(channel) {
  let state = channel;
  return Array.from({ length: COUNT }, () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) {
      state = (Math.imul(1664525, state) + 1013904223) >>> 0;
      sum += state / 2 ** 32;
    }
    return sum;
  });
}

const NOISES = Array.from({ length: CHANNELS }, (_, channel) => noise(channel));

/** A channel as the format stores it. */
export const stored = (ratio, channel, round) => NOISES[channel].map((value) => round(ratio + value));

function meanOf(values, round) {
  let sum = 0;
  for (const value of values) sum = round(sum + value);
  return round(sum / values.length);
}

function onePass(x, round) {
  const squares = meanOf(x.map((value) => round(value * value)), round);
  const mean = meanOf(x, round);
  return round(squares - round(mean * mean));
}

function welford(x, round) {
  let mean = 0;
  let squares = 0;
  for (let k = 1; k <= x.length; k++) {
    const value = x[k - 1];
    const deviation = round(value - mean);
    mean = round(mean + round(deviation / k));
    squares = round(squares + round(deviation * round(value - mean)));
  }
  return round(squares / x.length);
}

/** Mean and sum of squared deviations, by merging the two halves. */
function halves(x, round) {
  if (x.length === 1) return [x[0], 0];
  const left = x.length >>> 1;
  const right = x.length - left;
  const [meanA, a] = halves(x.slice(0, left), round);
  const [meanB, b] = halves(x.slice(left), round);
  const d = round(meanB - meanA);
  const mean = round(meanA + round(d * round(right / x.length)));
  const between = round(round(d * d) * round((left * right) / x.length));
  return [mean, round(round(a + b) + between)];
}

function twoPasses(x, round) {
  const mean = meanOf(x, round);
  const squares = x.map((value) => {
    const deviation = round(value - mean);
    return round(deviation * deviation);
  });
  return meanOf(squares, round);
}

const shifted = (x, round) => onePass(x.map((value) => round(value - x[0])), round);

/** In the order of the static figure. Each takes stored values and a rounding, and returns a variance. */
export const WAYS = {
  "one pass": onePass,
  Welford: welford,
  "Chan, halves": (x, round) => round(halves(x, round)[1] / x.length),
  "two passes": twoPasses,
  shifted,
};

/** The variance of the values as they are stored, in float64. */
export const exact = (x) => twoPasses(x, (value) => value);

/** Relative error; NaN where there is no variance to be wrong about. */
export function relativeError(computed, variance) {
  if (!(variance > 0)) return NaN;
  return Number.isFinite(computed) ? Math.abs(computed - variance) / variance : Infinity;
}

/** In words, what is wrong with a computed variance; nothing if some digit may be right. */
export function verdict(computed, variance) {
  if (Number.isNaN(computed)) return "not a number";
  if (!Number.isFinite(computed)) return "infinite";
  if (computed < 0) return "negative";
  if (computed === variance) return "";
  if (computed === 0) return "zero";
  return Math.abs(computed - variance) >= variance ? "no digit right" : "";
}

/** What one format makes of one channel: { variance, ways: { name: { computed, error } } }. */
export function measure(ratio, format, channel) {
  const { round } = FORMATS[format];
  const x = stored(ratio, channel, round);
  const variance = exact(x);
  const ways = {};
  for (const [name, way] of Object.entries(WAYS)) {
    const computed = way(x, round);
    ways[name] = { computed, error: relativeError(computed, variance) };
  }
  return { variance, ways };
}

/** The median of an odd number of errors; NaN if any is NaN. */
export function median(errors) {
  if (errors.some(Number.isNaN)) return NaN;
  return [...errors].sort((a, b) => a - b)[errors.length >>> 1];
}

/** At every ratio: the first channel's numbers, and the median error over all channels, { name: error }. */
export function sweep(format) {
  return RATIOS.map((ratio) => {
    const runs = NOISES.map((_, channel) => measure(ratio, format, channel));
    const medians = Object.fromEntries(Object.keys(WAYS).map((name) =>
      [name, median(runs.map((run) => run.ways[name].error))]));
    return { ...runs[0], medians };
  });
}
