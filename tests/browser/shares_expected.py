"""What bnlib says about shared means, as JSON: the batch of the widget and some awkward ones."""

import json

import numpy as np

import bnlib
from bnlib import data

photographs = data.load_photographs().astype(np.float64)
six = np.concatenate([photographs[..., :-1], np.diff(photographs, axis=3)], axis=1)
rng = np.random.default_rng(0)
batches = [six[:, :, 120:122, 160:162], rng.normal(1e6, 1, (3, 4, 1, 2)), rng.normal(size=(1, 6, 3, 2))]
batches += [rng.normal(size=(5, 1, 2, 2)), rng.normal(size=(2, 12, 1, 3))]


def case(x, norm, groups=None):
    forward = {
        "batch": bnlib.batch_norm,
        "layer": lambda x: bnlib.layer_norm(x, x.shape[1:]),
        "instance": bnlib.instance_norm,
        "group": lambda x: bnlib.group_norm(x, groups),
    }[norm]
    y, cache = forward(x)
    # The layer is a sealed box here: a value shares its mean with all outputs that its nudge moves.
    shares = []
    for i in range(x.size):
        nudged = x.copy()
        nudged.flat[i] += 1
        shares.append((np.abs(forward(nudged)[0] - y) > 1e-9).ravel().astype(int).tolist())
    spread = np.broadcast_to(cache.mean, cache.x.shape).ravel().tolist()
    shape = {"seen": cache.x.shape, "axes": cache.axes, "kept": cache.mean.shape}
    if norm == "instance":  # bnlib computes it as a group norm with one channel a group
        shape = {"seen": x.shape, "axes": [2, 3], "kept": [*x.shape[:2], 1, 1]}
        assert cache.mean.shape == (*x.shape[:2], 1, 1, 1)
    if norm == "batch":
        assert np.allclose(np.unique(spread), np.unique(bnlib.channel_stats(x).mean), rtol=1e-14)
    twins = {
        "layer": lambda: bnlib.layer_norm(x, x.shape[1:])[0],
        "instance": lambda: bnlib.instance_norm(x)[0],
    }
    same = [name for name, twin in twins.items() if norm == "group" and np.allclose(y, twin())]
    about = {"norm": norm, "groups": groups, "shape": x.shape, "values": x.ravel().tolist(), "same": same}
    return about | shape | {"shares": shares, "mean": spread}


cases = []
for x in batches:
    cases += [case(x, norm) for norm in ("batch", "layer", "instance")]
    cases += [case(x, "group", groups) for groups in range(1, x.shape[1] + 1) if x.shape[1] % groups == 0]
print(json.dumps(cases))
