"""Real data that travels with the package: the digits and two photographs that scikit-learn ships."""

from importlib.resources import as_file, files
from typing import NamedTuple

import numpy as np

from bnlib import arguments


class Digits(NamedTuple):
    """Handwritten digits: images (N, 1, 8, 8) float32 of 0 (paper) to 16 (ink), labels (N,) int64."""

    images: np.ndarray
    labels: np.ndarray

    def split(self, seed, test_fraction=0.25):
        """Return (train, test), drawn by `seed`; the same seed gives the same split.

        Raises
        ------
        TypeError
            If seed is not an integer, or test_fraction is not a number.
        ValueError
            If seed is negative, or test_fraction leaves one of the two empty.
        """
        test = round(len(self.labels) * arguments.fraction("test_fraction", test_fraction))
        if not 0 < test < len(self.labels):
            raise ValueError(f"test_fraction must leave both parts some digits, got {test_fraction}")
        seed = arguments.integer("seed", seed)
        if seed < 0:
            raise ValueError(f"seed must be at least 0, got {seed}")
        order = np.random.default_rng(seed).permutation(len(self.labels))
        train, test = order[test:], order[:test]
        return Digits(self.images[train], self.labels[train]), Digits(self.images[test], self.labels[test])


def load_digits():
    """Load the 1797 handwritten digits of 8 x 8 pixels.

    Returns
    -------
    Digits
        images (1797, 1, 8, 8) float32 of ink counts 0 to 16, labels (1797,) int64 of 0 to 9.

    References
    ----------
    E. Alpaydin, C. Kaynak (1998). Optical Recognition of Handwritten Digits. UCI Machine Learning
    Repository. The test part, as shipped by scikit-learn.

    Examples
    --------
    >>> load_digits().images.shape
    (1797, 1, 8, 8)
    """
    arrays = load("digits.npz")
    return Digits(arrays["images"].astype(np.float32), arrays["labels"].astype(np.int64))


def load_photographs():
    """Load two RGB photographs, a temple in China and a flower.

    Returns
    -------
    (2, 3, 213, 320) float32 array
        Intensities 0 to 255 in sRGB; axes are photograph, channel (red, green, blue), row and column.

    References
    ----------
    See CREDITS.md beside this file. Half the size of the originals that scikit-learn ships.

    Examples
    --------
    >>> load_photographs().shape
    (2, 3, 213, 320)
    """
    return load("photographs.npz")["images"].astype(np.float32)


def load(name):
    with as_file(files(__name__) / name) as path, np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)
