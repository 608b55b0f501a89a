// The forward pass of batch norm on one channel of a photograph, as a histogram. No DOM.

/** How many pixels of the flower's green channel have intensity 0, 1, 2, ... */
export const COUNTS = [
  11, 51, 179, 70, 63, 24, 37, 15, 23, 11, 138, 267, 490, 441, 625, 267, 361, 209, 389, 229, 437, 251,
  480, 298, 501, 317, 484, 336, 600, 376, 686, 378, 625, 384, 595, 365, 636, 411, 715, 456, 802, 550,
  1033, 536, 1044, 618, 1196, 805, 1338, 758, 1352, 846, 1240, 809, 1301, 772, 1311, 743, 1280, 642, 1128,
  657, 1078, 600, 1022, 563, 851, 452, 866, 498, 830, 528, 1048, 554, 1040, 636, 1040, 518, 759, 389, 637,
  353, 520, 281, 455, 322, 598, 317, 598, 309, 565, 323, 467, 265, 451, 197, 266, 140, 236, 150, 208, 123,
  116, 76, 101, 55, 111, 58, 111, 69, 110, 66, 114, 59, 103, 63, 126, 66, 123, 67, 113, 75, 117, 84, 139,
  83, 138, 104, 171, 99, 149, 84, 170, 112, 193, 97, 180, 109, 201, 105, 186, 119, 180, 111, 193, 112,
  233, 122, 231, 115, 232, 128, 196, 129, 237, 132, 230, 152, 237, 147, 243, 145, 241, 143, 226, 137, 244,
  137, 242, 138, 261, 119, 231, 116, 190, 119, 179, 116, 156, 102, 176, 72, 140, 86, 130, 77, 131, 74,
  128, 65, 92, 57, 88, 50, 74, 43, 83, 44, 54, 35, 55, 36, 51, 25, 43, 23, 37, 25, 25, 8, 15, 6, 17, 7, 8,
  3, 2, 3, 3,
];
const PIXELS = COUNTS.reduce((a, b) => a + b, 0);
const WIDTH = 4; // intensities in a bin

/** The ends of the bins, as intensities, and the share of the pixels in each: those of the figure above. */
export const EDGES = Array.from({ length: Math.ceil(COUNTS.length / WIDTH) + 1 }, (_, i) => WIDTH * i - 0.5);
export const SHARES = EDGES.slice(1).map((_, i) =>
  COUNTS.slice(WIDTH * i, WIDTH * (i + 1)).reduce((a, b) => a + b, 0) / PIXELS);

const average = (f) => COUNTS.reduce((sum, count, value) => sum + count * f(value), 0) / PIXELS;
const MEAN = average((value) => value);
const VAR = average((value) => (value - MEAN) ** 2);

/**
 * x in a unit of so many intensities, then xhat, then y: the ends of the bins, the mean and the std of each.
 * The shares of the bins are the same in all three; where gamma is negative, the ends of y fall.
 */
export function forward({ unit, eps, gamma, beta }) {
  const [mean, variance] = [MEAN / unit, VAR / unit ** 2];
  const std = Math.sqrt(variance);
  const invStd = 1 / Math.sqrt(variance + eps);
  const x = EDGES.map((edge) => edge / unit);
  const xhat = x.map((edge) => (edge - mean) * invStd);
  return {
    variance,
    x: { edges: x, mean, std },
    xhat: { edges: xhat, mean: 0, std: std * invStd },
    y: { edges: xhat.map((edge) => gamma * edge + beta), mean: beta, std: Math.abs(gamma) * std * invStd },
  };
}
