from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from bnlib.core import NormCache
from bnlib.statistics import ChannelStats

_F = TypeVar("_F", bound=np.floating[Any])
_Floats: TypeAlias = NDArray[np.floating[Any]]
_Gradient: TypeAlias = _Floats | Any  # Any, in place of the None for a parameter that was None

def pooled_batch_norm(
    x: NDArray[_F],
    past: ChannelStats,
    gamma: _Floats | None = None,
    beta: _Floats | None = None,
    *,
    eps: float = 1e-5,
    axis: int = 1,
) -> tuple[NDArray[_F], NormCache]: ...
def pooled_batch_norm_backward(dy: _Floats, cache: NormCache) -> tuple[_Floats, _Gradient, _Gradient]: ...
def ghost_batch_norm(
    x: NDArray[_F],
    ghost_size: int,
    gamma: _Floats | None = None,
    beta: _Floats | None = None,
    *,
    eps: float = 1e-5,
    axis: int = 1,
) -> tuple[NDArray[_F], NormCache]: ...
def ghost_batch_norm_backward(dy: _Floats, cache: NormCache) -> tuple[_Floats, _Gradient, _Gradient]: ...
def batch_renorm(
    x: NDArray[_F],
    running_mean: _Floats,
    running_var: _Floats,
    gamma: _Floats | None = None,
    beta: _Floats | None = None,
    *,
    r_max: float = 3.0,
    d_max: float = 5.0,
    eps: float = 1e-5,
    axis: int = 1,
) -> tuple[NDArray[_F], NormCache]: ...
def batch_renorm_backward(dy: _Floats, cache: NormCache) -> tuple[_Floats, _Gradient, _Gradient]: ...
