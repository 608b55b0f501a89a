"""The files that lie beside this one."""

from importlib.resources import as_file, files

import numpy as np


def load(name):
    with as_file(files(__package__) / name) as path, np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)
