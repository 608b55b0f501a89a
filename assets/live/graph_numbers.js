// Batch norm of one channel and its gradient, one node of the graph a step. No DOM.

export const GIVEN = { x: [1, 1, 7], dy: [1, 0, 2], gamma: -4, beta: 10, eps: 8 };

const sum = (v) => v.reduce((a, b) => a + b, 0);
const average = (v) => sum(v) / v.length;
const product = (v, w) => v.map((a, i) => a * (Array.isArray(w) ? w[i] : w));

/**
 * The walk: which node is filled, from which neighbours, by which formula, and why.
 * `example` writes the formula out for the last sample, or for the whole sum, and stops before the result.
 */
export const STEPS = [
  { fills: ["x", "gamma", "beta"], from: [], why: "Given: three samples of one channel, its gamma and beta. eps is 8." },
  {
    fills: ["mean"], from: ["x"], value: ({ x }) => average(x),
    formula: "mean = average of x", example: ({ x }) => `(${x.map(term).join(" + ")}) / ${x.length}`,
    why: "Each sample has an equal share in the mean.",
  },
  {
    fills: ["centered"], from: ["x", "mean"], value: ({ x, mean }) => x.map((a) => a - mean),
    formula: "centered = x − mean", example: ({ x, mean }) => `${term(x.at(-1))} − ${term(mean)}`,
    why: "All samples lose the same mean.",
  },
  {
    fills: ["square"], from: ["centered"], value: ({ centered }) => product(centered, centered),
    formula: "square = centered · centered", example: ({ centered: c }) => `${term(c.at(-1))} · ${term(c.at(-1))}`,
    why: "Each sample for itself. centered is used a second time later.",
  },
  {
    fills: ["var"], from: ["square"], value: ({ square }) => average(square),
    formula: "var = average of square", example: ({ square: q }) => `(${q.map(term).join(" + ")}) / ${q.length}`,
    why: "Three samples become one number.",
  },
  {
    fills: ["inv_std"], from: ["var"], value: (v) => 1 / Math.sqrt(v.var + v.eps),
    formula: "inv_std = 1 / √(var + eps)", example: (v) => `1 / √(${term(v.var)} + ${term(v.eps)})`,
    why: "The only step that bends: its slope is not one of the numbers drawn.",
  },
  {
    fills: ["xhat"], from: ["centered", "inv_std"], value: (v) => product(v.centered, v.inv_std),
    formula: "xhat = centered · inv_std", example: (v) => `${term(v.centered.at(-1))} · ${term(v.inv_std)}`,
    why: "One inv_std serves all samples.",
  },
  {
    fills: ["scaled"], from: ["xhat", "gamma"], value: ({ xhat, gamma }) => product(xhat, gamma),
    formula: "scaled = gamma · xhat", example: (v) => `${term(v.gamma)} · ${term(v.xhat.at(-1))}`,
    why: "One gamma serves all samples.",
  },
  {
    fills: ["y"], from: ["scaled", "beta"], value: ({ scaled, beta }) => scaled.map((a) => a + beta),
    formula: "y = scaled + beta", example: (v) => `${term(v.scaled.at(-1))} + ${term(v.beta)}`,
    why: "The forward pass is done.",
  },
  {
    fills: ["dy"], from: [], why: "Backward. From above comes how much the loss changes per unit of each y.",
  },
  {
    fills: ["dbeta"], from: ["dy"], value: ({ dy }) => sum(dy),
    formula: "dbeta = sum of dy", example: ({ dy }) => dy.map(term).join(" + "),
    why: "Addition has slope 1. beta is used by every sample: add over the uses.",
  },
  {
    fills: ["dscaled"], from: ["dy"], value: ({ dy }) => [...dy],
    formula: "dscaled = dy", example: ({ dy }) => `1 · ${term(dy.at(-1))}`,
    why: "Addition has slope 1: the gradient passes unchanged.",
  },
  {
    fills: ["dgamma"], from: ["dscaled"], value: (v) => sum(product(v.dscaled, v.xhat)),
    formula: "dgamma = sum of dscaled · xhat", example: (v) => terms(v.dscaled, v.xhat),
    why: "The slope of a product is the other factor, here xhat. Many uses: add.",
  },
  {
    fills: ["dxhat"], from: ["dscaled"], value: (v) => product(v.dscaled, v.gamma),
    formula: "dxhat = gamma · dscaled", example: (v) => `${term(v.gamma)} · ${term(v.dscaled.at(-1))}`,
    why: "The slope of a product is the other factor, here gamma. Each xhat is used once.",
  },
  {
    fills: ["dinv_std"], from: ["dxhat"], value: (v) => sum(product(v.dxhat, v.centered)),
    formula: "dinv_std = sum of dxhat · centered", example: (v) => terms(v.dxhat, v.centered),
    why: "A product again, the other factor is centered. One inv_std, many uses: add.",
  },
  {
    fills: ["dvar"], from: ["dinv_std"], value: (v) => -0.5 * v.inv_std ** 3 * v.dinv_std,
    formula: "dvar = −½ · inv_std³ · dinv_std",
    example: (v) => `−1/2 · ${[v.inv_std, v.inv_std, v.inv_std, v.dinv_std].map(term).join(" · ")}`,
    why: "More variance, smaller inv_std: the sign turns over.",
  },
  {
    fills: ["dsquare"], from: ["dvar"], value: (v) => v.square.map(() => v.dvar / v.square.length),
    formula: "dsquare = dvar / 3", example: (v) => `${term(v.dvar)} / ${v.square.length}`,
    why: "An average hands each of its members an equal share.",
  },
  {
    fills: ["dcentered"], from: ["dxhat", "dsquare"],
    value: (v) => v.centered.map((c, i) => v.inv_std * v.dxhat[i] + 2 * c * v.dsquare[i]),
    formula: "dcentered = inv_std · dxhat + 2 · centered · dsquare",
    example: (v) => `${term(v.inv_std)} · ${term(v.dxhat.at(-1))} + 2 · ${term(v.centered.at(-1))} · ${term(v.dsquare.at(-1))}`,
    why: "Two uses: add. In xhat the slope is inv_std, in square it is 2 · centered.",
  },
  {
    fills: ["dmean"], from: ["dcentered"], value: ({ dcentered }) => -sum(dcentered),
    formula: "dmean = −(sum of dcentered)", example: (v) => `−(${v.dcentered.map(term).join(" + ")})`,
    why: "mean is subtracted from every sample: slope −1, many uses.",
  },
  {
    fills: ["dx"], from: ["dcentered", "dmean"], value: (v) => v.dcentered.map((a) => a + v.dmean / v.x.length),
    formula: "dx = dcentered + dmean / 3", example: (v) => `${term(v.dcentered.at(-1))} + ${term(v.dmean)} / ${v.x.length}`,
    why: "Two uses: add. In centered the slope is 1, in mean it is 1/3. dx sums to 0.",
  },
];

/** The values and gradients of all nodes. */
export function walk(given = GIVEN) {
  const values = { ...given };
  for (const { fills, value } of STEPS) if (value) values[fills[0]] = value(values);
  return values;
}

/** A number as a fraction with a divisor of at most 16, if it is one. */
export function fraction(value) {
  const divisor = [1, 2, 4, 8, 16].find((n) => Number.isInteger(value * n));
  const digits = divisor ? String(Math.abs(value) * divisor) : String(Math.abs(value));
  return `${value < 0 ? "−" : ""}${digits}${divisor > 1 ? `/${divisor}` : ""}`;
}

/** The same as a term of a longer expression. */
function term(value) {
  const words = fraction(value);
  return value < 0 ? `(${words})` : words;
}
const terms = (v, w) => v.map((a, i) => `${term(a)} · ${term(w[i])}`).join(" + ");
