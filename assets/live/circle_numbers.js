// Batch norm of three samples in one channel, and its gradient in three parts. No DOM.

const sum = (v) => v.reduce((a, b) => a + b, 0);
const dot = (v, w) => sum(v.map((a, i) => a * w[i]));
const times = (a, v) => v.map((b) => a * b);
const plus = (v, w) => v.map((a, i) => a + w[i]);
const minus = (v, w) => v.map((a, i) => a - w[i]);
const average = (v) => {
  const rough = sum(v) / v.length;
  return rough + sum(v.map((a) => a - rough)) / v.length; // equal values have exactly their own mean
};

export const length = (v) => Math.sqrt(dot(v, v));
const cross = ([a, b, c], [d, e, f]) => [b * f - c * e, c * d - a * f, a * e - b * d];

/** An orthonormal basis of the plane orthogonal to the ones vector. */
export const BASIS = [
  [-1, 1, 0].map((a) => a / Math.sqrt(2)),
  [-1, -1, 2].map((a) => a / Math.sqrt(6)),
];
export const toPlane = (v) => BASIS.map((axis) => dot(v, axis));
export const fromPlane = ([a, b]) => plus(times(a, BASIS[0]), times(b, BASIS[1]));

// The view: the plane turned about the ones vector, which points up, and seen from so far above it.
const [TURN, TILT] = [-144, 35].map((degrees) => (degrees * Math.PI) / 180);
export const FLAT = Math.sin(TILT); // what is left of the depth of a circle in the plane
const UP = [1, 1, 1].map((a) => a / Math.sqrt(3));
const turned = ([a, b], by) =>
  [a * Math.cos(by) - b * Math.sin(by), a * Math.sin(by) + b * Math.cos(by)];

/** Where a vector is seen: [right, up]. */
export function look(v) {
  const [right, away] = turned(toPlane(v), TURN);
  return [right, away * FLAT + dot(v, UP) * Math.cos(TILT)];
}

/** The point of the plane under what is seen there, where that has the length `ones` along the ones. */
export function under([right, up], ones = 0) {
  return turned([right, (up - ones * Math.cos(TILT)) / FLAT], -TURN);
}

/** Unit vectors along the ones, along xhat, and along the circle; where xhat is 0, any that fit together. */
export function directions(xhat) {
  const size = length(xhat);
  const radial = size > 0 ? times(1 / size, xhat) : BASIS[0];
  return [UP, radial, cross(UP, radial)];
}
export const lengths = (v, axes) => axes.map((axis) => dot(v, axis));
export const compose = (sizes, axes) => sizes.map((size, i) => times(size, axes[i])).reduce(plus);

export function forward(x, eps) {
  const mean = average(x);
  const centered = x.map((a) => a - mean);
  const variance = dot(centered, centered) / x.length;
  const invStd = 1 / Math.sqrt(variance + eps);
  return { mean, centered, variance, std: Math.sqrt(variance), invStd, xhat: times(invStd, centered) };
}

/**
 * g = gamma * dy as a sum of three parts: `ones`, `along` xhat, and the `tangent` of the circle.
 * Then dx = invStd * (tangent + leak * along): eps lets the share eps / (var + eps) of `along` through.
 * Where all x are equal, xhat has no direction: `along` is 0, and all that is not `ones` is `tangent`.
 */
export function backward(x, dy, gamma, eps) {
  const { variance, invStd, xhat } = forward(x, eps);
  const g = times(gamma, dy);
  const ones = g.map(() => average(g));
  const square = dot(xhat, xhat);
  const along = times(square > 0 ? dot(g, xhat) / square : 0, xhat);
  const tangent = minus(minus(g, ones), along);
  const leak = eps / (variance + eps);
  return { g, ones, along, tangent, leak, dx: times(invStd, plus(tangent, times(leak, along))) };
}

/**
 * Three values whose place in the plane is as near to `point` as the range from low to high allows.
 * Their mean stays where that is possible.
 */
export function valuesAt(point, mean, low, high) {
  let centered = fromPlane(point);
  const spread = Math.max(...centered) - Math.min(...centered);
  if (spread > high - low) centered = times((high - low) / spread, centered);
  const shift = Math.min(Math.max(mean, low - Math.min(...centered)), high - Math.max(...centered));
  return centered.map((a) => a + shift);
}
