// Who speaks in a running average: three rules, the weights they give, and one stream that they follow.

/** Ink (0 to 16) of one pixel, summed over each batch of 16 digits: the chapter's stream begins so. */
export const SUMS = [
  123, 116, 168, 173, 160, 182, 160, 203, 204, 168, 185, 157, 140, 155, 132, 144, 177, 159, 155, 180,
  181, 143, 131, 146, 171, 152, 160, 155, 150, 89, 152, 136, 190, 148, 199, 195, 160, 157, 134, 170,
  143, 156, 176, 145, 152, 164, 193, 146, 162, 176, 125, 159, 177, 203, 167, 131, 137, 191, 145, 90,
  138, 129, 139, 190, 174, 174, 147, 194, 172, 157, 172, 121, 180, 168, 124, 187, 120, 175, 183, 201,
  111, 140, 128, 189, 183, 151, 132, 212, 150, 151, 122, 164, 143, 201, 132, 187, 147, 147, 150, 137,
  159, 120, 172, 222, 147, 166, 172, 178, 127, 166, 168, 175, 182, 171, 207, 137, 161, 134, 167, 177,
  200, 138, 159, 168, 145, 177, 128, 205, 124, 176, 143, 173, 106, 154, 201, 130, 133, 173, 160, 186,
  106, 169, 154, 173, 99, 212, 184, 188, 153, 156, 209, 170, 148, 135, 126, 197, 180, 161, 115, 118,
  144, 117, 162, 188, 132, 187, 94, 226, 154, 167, 142, 198, 114, 175, 212, 100, 104, 188, 166, 144,
  166, 118, 150, 136, 144, 191, 122, 148, 164, 140, 184, 172, 173, 133, 177, 180, 189, 179, 163, 129,
];
export const BATCH_MEANS = SUMS.map((sum) => sum / 256);
export const DATA_MEAN = 17839 / (16 * 1797);
export const RULES = ["ema", "debiased", "cumulative"];

/** 1 - (1 - momentum)**steps, without the cancellation of a small momentum. */
const heard = (momentum, steps) => -Math.expm1(steps * Math.log1p(-momentum));

/** The weight of the start value, and of every batch from the oldest to the newest. */
export function weights(rule, momentum, steps) {
  const ages = Array.from({ length: steps }, (_, i) => steps - 1 - i);
  if (rule === "cumulative") return { start: steps === 0 ? 1 : 0, batches: ages.map(() => 1 / steps) };
  const batches = ages.map((age) => momentum * (1 - momentum) ** age);
  if (rule === "ema") return { start: (1 - momentum) ** steps, batches };
  return { start: 0, batches: batches.map((weight) => weight / heard(momentum, steps)) };
}

/** The running mean before the first batch and after each one; NaN where the rule has nothing to average. */
export function runningMeans(rule, momentum, start, stream = BATCH_MEANS) {
  const means = [start];
  for (const [i, mean] of stream.entries()) {
    const weight = rule === "cumulative" ? 1 / (i + 1) : momentum;
    means.push((1 - weight) * means[i] + weight * mean);
  }
  if (rule !== "debiased") return means;
  return means.map((mean, steps) => {
    const share = heard(momentum, steps);
    return (mean - (1 - share) * start) / share;
  });
}

const ROUNDING = 1e-12;

/** How many of the newest batches hold half of the weight together; null if all of them hold less. */
export function newestWithHalf(batches) {
  let held = 0;
  for (let n = 1; n <= batches.length; n++) {
    held += batches[batches.length - n];
    if (held >= 0.5 - ROUNDING) return n;
  }
  return null;
}
