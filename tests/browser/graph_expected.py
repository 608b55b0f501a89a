"""Batch norm of one channel by bnlib, as JSON; the gradients of inner nodes by central differences."""

import json

import numpy as np

import bnlib
from bnlib import gradcheck

rng = np.random.default_rng(0)
inputs = [([1, 1, 7], [1, 0, 2], -4.0, 10.0, 8.0)]  # the figure's
inputs += [(rng.normal(size=m), rng.normal(size=m), rng.normal(), rng.normal(), 0.3) for m in (2, 3, 3, 5)]

cases = []
for x, dy, gamma, beta, eps in inputs:
    x, dy = np.array(x, dtype=np.float64), np.array(dy, dtype=np.float64)
    y, cache = bnlib.batch_norm(x[:, None], np.array([gamma]), np.array([beta]), eps=eps)
    dx, dgamma, dbeta = bnlib.batch_norm_backward(dy[:, None], cache)
    mean, var, inv_std = cache.stats.mean, cache.stats.var, cache.inv_std.ravel()
    xhat, centered = cache.xhat[:, 0], x - mean

    # The tail of the forward pass behind each node, with all that does not follow from it held fixed.
    def from_inv_std(value, centered=centered, gamma=gamma):
        return gamma * centered * value

    def from_var(value, eps=eps, tail=from_inv_std):
        return tail(1 / np.sqrt(value + eps))

    def from_centered(value, gamma=gamma, eps=eps):
        return gamma * value / np.sqrt((value**2).mean() + eps)

    tails = {
        "xhat": (xhat, lambda value, gamma=gamma: gamma * value),
        "inv_std": (inv_std, from_inv_std),
        "var": (var, from_var),
        "square": (centered**2, lambda value, tail=from_var: tail(value.mean())),
        "centered": (centered, from_centered),
        "mean": (mean, lambda value, x=x, tail=from_centered: tail(x - value)),
    }
    gradients = {name: gradcheck.numerical_gradient(tail, at, dy) for name, (at, tail) in tails.items()}
    exact = {"mean": mean, "var": var, "inv_std": inv_std, "xhat": xhat, "y": y[:, 0]}
    exact |= {"dx": dx[:, 0], "dgamma": dgamma, "dbeta": dbeta}
    given = {"x": x.tolist(), "dy": dy.tolist(), "gamma": gamma, "beta": beta, "eps": eps}
    cases.append(
        {
            "given": given,
            "exact": {name: np.ravel(value).tolist() for name, value in exact.items()},
            "near": {f"d{name}": np.ravel(value).tolist() for name, value in gradients.items()},
        }
    )
print(json.dumps(cases))
