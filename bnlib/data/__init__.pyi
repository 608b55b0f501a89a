from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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
    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    def split(self, seed: int, test_fraction: float = 0.25) -> tuple[Digits, Digits]: ...

def load_digits() -> Digits: ...
def standardised_pixels(train: Digits, test: Digits) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
def load_photographs() -> NDArray[np.float32]: ...
