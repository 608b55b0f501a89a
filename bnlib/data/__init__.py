"""Real data that travels with the package: digits and photographs, and a network with lines of text."""

from typing import NamedTuple

import numpy as np

from bnlib import arguments
from bnlib.data.files import load
from bnlib.data.text import TextLines, load_direction_network, load_text_lines

__all__ = [
    "Digits",
    "TextLines",
    "load_digits",
    "load_direction_network",
    "load_photographs",
    "load_text_lines",
    "standardised_pixels",
]


class Digits(NamedTuple):
    """Handwritten digits, and which they are.

    Parameters
    ----------
    images : (N, 1, 8, 8) float32 array
        The ink of every pixel, 0 (paper) to 16; axes are digit, channel, row and column.
    labels : (N,) int64 array
        0 to 9.

    Examples
    --------
    >>> images, labels = load_digits()
    >>> images.shape, images.max(), labels[:5].tolist()
    ((1797, 1, 8, 8), np.float32(16.0), [0, 1, 2, 3, 4])
    """

    images: np.ndarray
    labels: np.ndarray

    def split(self, seed, test_fraction=0.25):
        """Return (train, test), drawn by `seed`; the same seed gives the same split.

        Parameters
        ----------
        seed : int
            Not negative.
        test_fraction : float in (0, 1), default 0.25
            The share of the digits that are in the second part, rounded to whole digits.

        Returns
        -------
        train, test : Digits

        Raises
        ------
        TypeError
            If seed is not an integer, or test_fraction is not a number.
        ValueError
            If seed is negative, or test_fraction leaves one of the two empty.

        Examples
        --------
        >>> train, test = load_digits().split(0)
        >>> len(train.labels), len(test.labels)
        (1348, 449)
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


def standardised_pixels(train, test):
    """Both parts of the digits as rows of pixels: less one mean for each pixel, over one std for all.

    Mean and std are those of the training images alone, so nothing of the test images is used.

    Parameters
    ----------
    train, test : Digits
        With images (N, ...) of one shape.

    Returns
    -------
    two (N, pixels) float64 arrays, without unit
        Each pixel of the first has mean 0; all of them together have mean 0 and standard deviation 1.

    Raises
    ------
    ValueError
        If no pixel of the training images varies.

    Examples
    --------
    >>> x, x_test = standardised_pixels(*load_digits().split(0))
    >>> x.shape, x_test.shape, round(float(x.std()), 12)
    ((1348, 64), (449, 64), 1.0)
    """
    x, x_test = (part.images.reshape(len(part.images), -1).astype(np.float64) for part in (train, test))
    mean = x.mean(axis=0)
    std = (x - mean).std()
    if std == 0:
        raise ValueError("train must have a pixel that varies, got images that are all the same")
    return (x - mean) / std, (x_test - mean) / std


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
