"""What bnlib's five norms make of two small photographs and their changes, as JSON."""

import itertools
import json

import numpy as np

import bnlib
from bnlib import data

NORMS = {
    "BN": lambda x: bnlib.batch_norm(x)[0],
    "LN": lambda x: bnlib.layer_norm(x, x.shape[1:])[0],
    "IN": lambda x: bnlib.instance_norm(x)[0],
    "RMS": lambda x: bnlib.rms_norm(x, x.shape[1:])[0],
    "FRN": lambda x: bnlib.filter_response_norm(x, eps=1e-5)[0],
}
# The chapter's three changes, several at once, one lamp for all, the ends of all sliders.
SETTINGS = [
    (1, (1, 1, 1), 0),
    (0.4, (1, 1, 1), 0),
    (1, (1, 0.7, 0.4), 0),
    (1, (1, 1, 1), 40),
    (0.4, (1, 0.7, 0.4), 40),
    (0.95, (1, 1, 1), 0),
    (1, (0.5, 0.5, 0.5), 0),
    (1, (0.1, 0.1, 0.1), 5),
    (0.1, (0.1, 0.1, 0.1), 100),
    (0.1, (0.1, 1, 0.1), 100),
]

full = data.load_photographs()[:, :, :208].astype(np.float64)
x = np.rint(full.reshape(2, 3, 26, 8, 40, 8).mean(axis=(3, 5)))


def changed(flower, tint, red):
    """The chapter's three changes, one after the other."""
    z = x * np.array([1, flower]).reshape(2, 1, 1, 1) * np.array(tint).reshape(1, 3, 1, 1)
    return z + np.array([red, 0, 0]).reshape(1, 3, 1, 1)


def case(flower, tint, red, top):
    z = changed(flower, tint, red)
    scaled = z * (top / 255)
    outputs = {name: norm(scaled) for name, norm in NORMS.items()}
    sizes = {name: np.abs(y - NORMS[name](x * (top / 255))).max() for name, y in outputs.items()}
    given = {"flower": flower, "tint": tint, "red": red, "top": top}
    # One row of one channel of the flower is enough to see that a picture is of these numbers.
    rows = {name: y[1, 2, 13].tolist() for name, y in {"x": z, **outputs}.items()}
    calmest = scaled.var(axis=(2, 3)).min()
    return {"given": given, "sizes": sizes, "rows": rows, "calmest": calmest}


cases = [case(*settings, top) for settings, top in itertools.product(SETTINGS, (255, 1))]
print(json.dumps({"values": x.ravel().tolist(), "cases": cases}))
