from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from bnlib.core import NormCache

_F = TypeVar("_F", bound=np.floating[Any])
_Floats: TypeAlias = NDArray[np.floating[Any]]
_Gradient: TypeAlias = _Floats | Any  # Any, in place of the None for a parameter that was None

def filter_response_norm(
    x: NDArray[_F],
    gamma: _Floats | None = None,
    beta: _Floats | None = None,
    *,
    eps: float | _Floats = 1e-6,
    axis: int = 1,
) -> tuple[NDArray[_F], NormCache]: ...
def filter_response_norm_backward(
    dy: _Floats, cache: NormCache
) -> tuple[_Floats, _Gradient, _Gradient, _Gradient]: ...
