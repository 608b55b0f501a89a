// The numbers of the figure "What is left of g" against bnlib.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import test from "node:test";
import { fileURLToPath } from "node:url";

import * as numbers from "../../assets/live/circle_numbers.js";
import { python } from "./site.mjs";


const script = fileURLToPath(new URL("circle_expected.py", import.meta.url));
const cases = JSON.parse(execFileSync(python, [script]));

function near(got, wanted, size, what) {
  for (const [i, value] of [got].flat().entries()) {
    const error = Math.abs(value - [wanted].flat()[i]);
    assert.ok(error <= 1e-12 * size, `${what} ${i}: ${value}, wanted ${[wanted].flat()[i]}`);
  }
}

for (const { x, dy, gamma, eps, wanted } of cases) {
  const about = `x ${x.map((a) => a.toFixed(1))}, eps ${eps}`;
  // Rounding x - mean costs ulp(x), and dividing by a small std makes that larger.
  const condition = Math.max(1, Math.max(...x.map(Math.abs)) * wanted.invStd);
  test(`forward, ${about}`, () => {
    const got = numbers.forward(x, eps);
    near(got.mean, wanted.mean, Math.max(1, Math.abs(wanted.mean)), "mean");
    near(got.variance, wanted.variance, Math.max(1, wanted.variance) * Math.max(...x, 1), "variance");
    near(got.std ** 2, wanted.variance, Math.max(1, wanted.variance) * Math.max(...x, 1), "std squared");
    near(got.xhat, wanted.xhat, condition, "xhat");
    near(got.invStd, wanted.invStd, wanted.invStd * condition, "inv_std");
  });
  test(`backward, ${about}`, () => {
    const got = numbers.backward(x, dy, gamma, eps);
    for (const part of ["g", "ones", "along", "tangent"]) near(got[part], wanted[part], condition, part);
    near(got.dx, wanted.dx, Math.max(1, wanted.invStd) * condition, "dx");
  });
}

test("the plane is orthogonal to the ones vector, and keeps lengths", () => {
  for (const { x } of cases) {
    const mean = (x[0] + x[1] + x[2]) / 3;
    const centered = x.map((a) => a - mean);
    const back = numbers.fromPlane(numbers.toPlane(x));
    near(back, centered, Math.max(...x), "there and back");
    near(Math.hypot(...numbers.toPlane(x)), numbers.length(centered), Math.max(...x, 1), "length");
  }
});

test("a dragged point stays in the range, keeps its angle, and its mean where it can", () => {
  for (let angle = 0; angle < 6.3; angle += 0.1) {
    for (const [radius, mean] of [[0, 3], [2, 8], [2, 0], [9, 15], [50, 8]]) {
      const point = [radius * Math.cos(angle), radius * Math.sin(angle)];
      const x = numbers.valuesAt(point, mean, 0, 16);
      for (const value of x) assert.ok(value > -1e-12 && value < 16 + 1e-12, `${x}`);
      const [a, b] = numbers.toPlane(x);
      assert.ok(Math.abs(a * point[1] - b * point[0]) < 1e-9 * (1 + radius), "angle");
      assert.ok(a * point[0] + b * point[1] >= 0, "direction");
      if (radius === 2 && mean === 8) {
        near([a, b], point, 1, "place");
        near((x[0] + x[1] + x[2]) / 3, 8, 8, "mean");
      }
    }
  }
});

test("what is seen of a vector, and the point of the plane under it", () => {
  for (const { wanted } of cases) {
    near(numbers.look(wanted.g), wanted.seen, Math.max(1, numbers.length(wanted.g)), "seen");
    const [ones] = numbers.lengths(wanted.g, numbers.directions(wanted.xhat));
    near(numbers.under(wanted.seen, ones), numbers.toPlane(wanted.g), 10, "under");
  }
});

test("the lengths along the directions are those of the parts, and give g again", () => {
  for (const { wanted } of cases) {
    const axes = numbers.directions(wanted.xhat);
    const sizes = numbers.lengths(wanted.g, axes);
    near(numbers.compose(sizes, axes), wanted.g, 10, "g");
    near(Math.abs(sizes[0]), numbers.length(wanted.ones), 10, "ones");
    if (numbers.length(wanted.xhat) === 0) continue;
    near(Math.abs(sizes[1]), numbers.length(wanted.along), 10, "along xhat");
    near(Math.abs(sizes[2]), numbers.length(wanted.tangent), 10, "tangent");
  }
});
