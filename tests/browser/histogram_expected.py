"""The green channel of the flower through bnlib's batch norm, as JSON: counts in bins, means and stds."""

import json

import numpy as np

import bnlib
from bnlib import data

green = data.load_photographs()[1, 1].astype(np.float64).ravel()
edges = np.arange(-0.5, 223, 4)  # the chapter's

settings = [(1, 1e-5, 1.0, 0.0), (1, 1e4, -0.5, 2.0), (255, 1e-5, 1.5, -2.0), (255, 0.1, -1.5, 0.25)]
settings += [(255, 1e4, 1.0, 1.0), (1, 100.0, 0.0, 0.5)]

cases = []
for unit, eps, gamma, beta in settings:
    x = green / unit
    y, cache = bnlib.batch_norm(x[:, None], np.array([gamma]), np.array([beta]), eps=eps)
    values = {"x": x, "xhat": cache.xhat[:, 0], "y": y[:, 0]}
    # Where the layer sends a darkest and a brightest pixel.
    low, high = (green == green.min()).argmax(), (green == green.max()).argmax()
    about = {
        name: {"mean": v.mean(), "std": v.std(), "low": v[low], "high": v[high]}
        for name, v in values.items()
    }
    given = {"unit": unit, "eps": eps, "gamma": gamma, "beta": beta}
    cases.append({"given": given, "var": float(x.var()), "about": about})
shares = np.histogram(green, edges)[0] / green.size
print(
    json.dumps(
        {
            "counts": np.bincount(green.astype(int)).tolist(),
            "edges": edges.tolist(),
            "shares": shares.tolist(),
            "ends": [green.min(), green.max()],
            "cases": cases,
        }
    )
)
