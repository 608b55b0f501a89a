from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["max_error", "numerical_gradient"]

_Float64s: TypeAlias = NDArray[np.float64]
_Function: TypeAlias = Callable[[_Float64s], NDArray[np.floating[Any]] | float]

def numerical_gradient(
    function: _Function, x: _Float64s, dy: _Float64s, step: float = 1e-6
) -> _Float64s: ...
def max_error(
    function: _Function, x: _Float64s, dy: _Float64s, dx: _Float64s, step: float = 1e-6
) -> float: ...
