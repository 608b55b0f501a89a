"""Make the data files of bnlib.data from scikit-learn's copies of them: python tools/make_data.py."""

from pathlib import Path

import numpy as np
from sklearn import datasets

DATA = Path(__file__).parent.parent / "bnlib" / "data"


def digits():
    """The 1797 digits: images (1797, 1, 8, 8) of 0 to 16, and labels."""
    source = datasets.load_digits()
    return {"images": source.images[:, None].astype(np.uint8), "labels": source.target.astype(np.uint8)}


def photographs():
    """Both photographs at half size, (2, 3, 213, 320): a pixel is the rounded mean of a 2 x 2 block."""
    full = np.stack(datasets.load_sample_images().images)[:, :426]
    blocks = full.reshape(2, 213, 2, 320, 2, 3).astype(float)
    return {"images": blocks.mean(axis=(2, 4)).round().astype(np.uint8).transpose(0, 3, 1, 2)}


if __name__ == "__main__":
    np.savez_compressed(DATA / "digits.npz", **digits())
    np.savez_compressed(DATA / "photographs.npz", **photographs())
