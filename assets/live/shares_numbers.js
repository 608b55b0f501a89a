// Which values of a batch share a mean, for batch norm and its relatives. No DOM.

export const SHAPE = [2, 6, 2, 2]; // N, C, H, W
export const CHANNELS = ["red", "green", "blue", "change of red", "change of green", "change of blue"];
// The pixels of the figure above: two photographs, their colours and how these change to the right.
export const VALUES = [
  105, 91, 176, 126,  111, 104, 182, 138,  97, 95, 164, 121,
  -14, 54, -50, -3,  -7, 54, -44, 16,  -2, 61, -43, 10,
  142, 91, 208, 148,  5, 4, 10, 4,  3, 4, 10, 4,
  -51, 17, -60, 59,  -1, 10, -6, 66,  1, 4, -6, 15,
];

export const divisors = (n) => [...Array(n).keys()].map((i) => i + 1).filter((i) => n % i === 0);

/** The shape in which a norm sees x, the axes it averages over, and the shape that the mean keeps. */
export function layout(norm, shape, groups) {
  const [n, c, ...places] = shape;
  const { seen, axes } = {
    batch: { seen: shape, axes: [0, 2, 3] },
    layer: { seen: shape, axes: [1, 2, 3] },
    instance: { seen: shape, axes: [2, 3] },
    group: { seen: [n, groups, c / groups, ...places], axes: [2, 3, 4] },
  }[norm];
  return { seen, axes, kept: seen.map((size, axis) => (axes.includes(axis) ? 1 : size)) };
}

/** For every value, in the order of memory, the number of the mean that it goes into. */
export function owners({ seen, kept }) {
  const size = seen.reduce((a, b) => a * b);
  return Array.from({ length: size }, (_, flat) => {
    let owner = 0;
    let stride = 1;
    for (let axis = seen.length - 1; axis >= 0; axis--) {
      const index = flat % seen[axis];
      flat = (flat - index) / seen[axis];
      if (kept[axis] > 1) {
        owner += index * stride;
        stride *= kept[axis];
      }
    }
    return owner;
  });
}

/** Every mean, in the order of memory. */
export function means(values, owner) {
  const count = values.length / (Math.max(...owner) + 1);
  const sums = Array(values.length / count).fill(0);
  values.forEach((value, i) => (sums[owner[i]] += value));
  return sums.map((sum) => sum / count);
}

/** The other norm that a group norm is, or null. */
export function sameAs(norm, groups, channels) {
  if (norm !== "group") return null;
  return { 1: "layer", [channels]: "instance" }[groups] ?? null;
}
