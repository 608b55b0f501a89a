from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bnlib.parts import Sequential

_DType: TypeAlias = np.dtype[np.floating[Any]] | type[np.floating[Any]] | type[float] | str

class TextLines(NamedTuple):
    images: NDArray[np.float32]
    text: NDArray[np.str_]
    def both_ways(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]: ...

def load_text_lines() -> TextLines: ...
def load_direction_network(dtype: _DType = np.float32) -> Sequential: ...
