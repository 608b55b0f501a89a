"""A network that is in use: it tells which lines of text are upside down. And lines for it to look at."""

from typing import NamedTuple

import numpy as np

from bnlib.convolution import Conv2d, GlobalMeanPool, MaxPool2d
from bnlib.data.files import load
from bnlib.layers import BatchNorm
from bnlib.mobile import HardSigmoid, HardSwish, SqueezeExcitation
from bnlib.parts import Linear, ReLU, Residual, Sequential

BLOCKS = {  # stride of the depthwise convolution, down and across; activation
    "conv2": ((2, 1), ReLU),
    "conv3": ((2, 1), ReLU),
    "conv4": (1, ReLU),
    "conv5": ((2, 1), HardSwish),
    "conv6": (1, HardSwish),
    "conv7": (1, HardSwish),
    "conv8": (1, HardSwish),
    "conv9": (1, HardSwish),
    "conv10": ((2, 1), HardSwish),
    "conv11": (1, HardSwish),
    "conv12": (1, HardSwish),
}
LEARNED = "gamma", "beta", "running_mean", "running_var"


class TextLines(NamedTuple):
    """Lines of text, and what they say.

    Parameters
    ----------
    images : (N, 1, 48, 192) float32 array
        0 (black) to 255; axes are line, channel, row and column.
    text : (N,) str array

    Examples
    --------
    >>> lines = load_text_lines()
    >>> lines.images.shape, lines.text.shape
    ((96, 1, 48, 192), (96,))
    """

    images: np.ndarray
    text: np.ndarray

    def both_ways(self):
        """Return the lines upright and then turned by 180 degrees, as the direction network takes them.

        Returns
        -------
        x : (2 N, 3, 48, 192) float32 array
            -1 (black) to 1, three times the same.
        labels : (2 N,) int64 array
            0 for upright, 1 for turned.

        Examples
        --------
        >>> x, labels = load_text_lines().both_ways()
        >>> x.shape, labels[[0, 95, 96]].tolist()
        ((192, 3, 48, 192), [0, 0, 1])
        """
        both = np.concatenate([self.images, self.images[:, :, ::-1, ::-1]])
        return np.repeat(both / np.float32(127.5) - 1, 3, axis=1), np.repeat([0, 1], len(self.images))


def load_text_lines():
    """Load 96 lines of the book's own words, upright, in ten fonts.

    Returns
    -------
    TextLines
        images (96, 1, 48, 192) float32, in 16 greys, 0 black; text (96,) str. Grey where a line ends early.

    Examples
    --------
    >>> lines = load_text_lines()
    >>> lines.images.shape, lines.both_ways()[0].shape
    ((96, 1, 48, 192), (192, 3, 48, 192))
    """
    arrays = load("text_lines.npz")
    return TextLines(arrays["images"][:, None].astype(np.float32) * 17, arrays["text"])


def load_direction_network(dtype=np.float32):
    """Load a trained network that tells whether a line of text is upright or turned by 180 degrees.

    MobileNetV3-small of a third of the width: 53 convolutions, 35 batch norms, 133,628 numbers, as used in
    text recognition before a line is read.

    Parameters
    ----------
    dtype : float dtype, default float32
        What the numbers are in the file; float64 to compare two ways to compute the same.

    Returns
    -------
    Sequential
        In evaluation mode. Takes (N, 3, 48, 192) images of -1 to 1, such as `TextLines.both_ways` gives,
        and returns (N, 2) logits: upright, turned. Some tens of images at a time are fastest: every part
        keeps what its backward pass needs, some MB an image in all.

    References
    ----------
    PaddlePaddle Authors (2020). PaddleOCR, text direction classifier of PP-OCR v2.0. See CREDITS.md beside
    this file. A. Howard et al. (2019). Searching for MobileNetV3. arXiv:1905.02244.

    Examples
    --------
    >>> network = load_direction_network()
    >>> x, labels = load_text_lines().both_ways()
    >>> network(x[[0, 96]]).argmax(axis=1).tolist(), len(network.batch_norms())
    ([0, 1], 35)
    """
    layers = {}
    for key, array in load("text_direction.npz").items():
        layer, name = key.split("/")
        layers.setdefault(layer, {})[name] = array.astype(dtype)
    blocks = [block(layers, name, *how) for name, how in BLOCKS.items()]
    head = MaxPool2d(2), GlobalMeanPool(), linear(layers["fc"])
    first, last = convolution(layers["conv1"], 2), convolution(layers["conv_last"])
    return Sequential(*first, HardSwish(), *blocks, *last, HardSwish(), *head).eval()


def block(layers, name, stride, activation):
    """Widen, look around in every channel by itself, weigh the channels, and narrow again; and add x."""
    expand, depthwise, narrow = (layers[f"{name}_{part}"] for part in ("expand", "depthwise", "linear"))
    parts = [*convolution(expand), activation(), *convolution(depthwise, stride), activation()]
    if f"{name}_se_1" in layers:
        squeeze, excite = (linear(layers[f"{name}_se_{i}"]) for i in (1, 2))
        gate = Sequential(GlobalMeanPool(), squeeze, ReLU(), excite, HardSigmoid(slope=0.2))
        parts.append(SqueezeExcitation(gate))
    branch = Sequential(*parts, *convolution(narrow))
    same = stride == 1 and expand["weight"].shape[1] == len(narrow["weight"])
    return Residual(branch) if same else branch


def convolution(arrays, stride=1):
    """A convolution that keeps height and width at stride 1, and the batch norm after it."""
    weight = arrays["weight"]
    outputs, channels, size, _ = weight.shape
    groups = outputs if channels == 1 else 1
    how = {"stride": stride, "padding": size // 2, "bias": False, "groups": groups}
    conv = Conv2d(channels * groups, outputs, size, np.random.default_rng(0), **how)
    norm = BatchNorm(outputs, dtype=weight.dtype)
    conv.weight = weight
    vars(norm).update({name: arrays[name] for name in LEARNED})
    return conv, norm


def linear(arrays):
    """A layer for (N, C), also of the weights of a 1 x 1 convolution, (outputs, inputs, 1, 1)."""
    weight = arrays["weight"]
    weight = weight[:, :, 0, 0].T if weight.ndim == 4 else weight
    part = Linear(*weight.shape, np.random.default_rng(0))
    part.weight, part.bias = np.ascontiguousarray(weight), arrays["bias"]
    return part
