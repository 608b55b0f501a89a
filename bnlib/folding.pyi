from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

_F = TypeVar("_F", bound=np.floating[Any])
_Floats: TypeAlias = NDArray[np.floating[Any]]

def fold(
    weight: NDArray[_F],
    bias: _Floats | None,
    mean: _Floats,
    var: _Floats,
    gamma: _Floats | None = None,
    beta: _Floats | None = None,
    *,
    eps: float = 1e-5,
    axis: int = 0,
) -> tuple[NDArray[_F], NDArray[_F]]: ...
