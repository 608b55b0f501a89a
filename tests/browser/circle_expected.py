"""Batch norm of three samples by bnlib, as JSON, with the parts of g by linear algebra of another kind."""

import json

import numpy as np

import bnlib

rng = np.random.default_rng(0)
inputs = [([2, 15, 13], [1.4, -0.6, 2.2], 1.0, 1e-5)]  # the chapter's drawing
inputs += [(rng.uniform(0, 16, 3), rng.normal(size=3), rng.normal(), 10.0**power) for power in range(-5, 3)]
inputs += [([7, 7, 7], rng.normal(size=3), 1.0, 1e-5), ([0.1, 0.1, 0.1], rng.normal(size=3), -1.0, 10.0)]
inputs += [([4, 4, 9], rng.normal(size=3), 1.0, 0.1), ([5, 5.1, 5], rng.normal(size=3), 0.5, 1.0)]
inputs += [(rng.normal(1e5, 1, 3), rng.normal(size=3), 1.0, 1e-5), ([0, 8, 16], np.zeros(3), 0.0, 1e-5)]


def seen(v):
    """[right, up] by rotations of space: about the ones vector, and then towards the reader."""
    east = np.array([-1, 1, 0]) / np.sqrt(2)
    upright = np.ones(3) / np.sqrt(3)
    turn, tilt = np.radians(-144), np.radians(35)
    turned = (
        np.cos(turn) * v
        + np.sin(turn) * np.cross(upright, v)
        + (1 - np.cos(turn)) * (upright @ v) * upright
    )
    towards = np.cos(tilt) * upright + np.sin(tilt) * np.cross(upright, east)
    return [turned @ east, turned @ towards]


cases = []
for x, dy, gamma, eps in inputs:
    x, dy = np.array(x, dtype=np.float64), np.array(dy, dtype=np.float64)
    _, cache = bnlib.batch_norm(x[:, None], np.array([gamma]), eps=eps)
    dx = bnlib.batch_norm_backward(dy[:, None], cache)[0][:, 0]
    g, xhat = gamma * dy, cache.xhat[:, 0]
    if np.ptp(x) == 0:  # no direction of xhat: the plane keeps all but the mean
        parts = {"ones": np.full(3, g.mean()), "along": np.zeros(3), "tangent": g - g.mean()}
    else:
        directions = np.array([np.ones(3), xhat, np.cross(np.ones(3), xhat)])
        shares = np.linalg.solve(directions.T, g)
        parts = dict(zip(("ones", "along", "tangent"), shares[:, None] * directions, strict=True))
    stats = cache.stats
    forward = {
        "mean": stats.mean[0],
        "variance": stats.var[0],
        "invStd": cache.inv_std.item(),
        "xhat": xhat,
    }
    wanted = {
        key: np.asarray(value).tolist()
        for key, value in (forward | parts | {"g": g, "dx": dx, "seen": seen(g)}).items()
    }
    cases.append({"x": x.tolist(), "dy": dy.tolist(), "gamma": gamma, "eps": eps, "wanted": wanted})
print(json.dumps(cases))
