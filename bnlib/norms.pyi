from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from bnlib.core import NormCache

_F = TypeVar("_F", bound=np.floating[Any])
_Floats: TypeAlias = NDArray[np.floating[Any]]
_Gradient: TypeAlias = _Floats | Any  # Any, in place of the None for a parameter that was None

def batch_norm(
    x: NDArray[_F],
    gamma: _Floats | None = None,
    beta: _Floats | None = None,
    *,
    eps: float = 1e-5,
    axis: int = 1,
) -> tuple[NDArray[_F], NormCache]: ...
def batch_norm_backward(dy: _Floats, cache: NormCache) -> tuple[_Floats, _Gradient, _Gradient]: ...
def batch_norm_eval(
    x: NDArray[_F],
    mean: _Floats,
    var: _Floats,
    gamma: _Floats | None = None,
    beta: _Floats | None = None,
    *,
    eps: float = 1e-5,
    axis: int = 1,
) -> tuple[NDArray[_F], NormCache]: ...
def batch_norm_eval_backward(dy: _Floats, cache: NormCache) -> tuple[_Floats, _Gradient, _Gradient]: ...
def layer_norm(
    x: NDArray[_F],
    normalized_shape: int | tuple[int, ...] | list[int],
    gamma: _Floats | None = None,
    beta: _Floats | None = None,
    *,
    eps: float = 1e-5,
) -> tuple[NDArray[_F], NormCache]: ...
def layer_norm_backward(dy: _Floats, cache: NormCache) -> tuple[_Floats, _Gradient, _Gradient]: ...
def rms_norm(
    x: NDArray[_F],
    normalized_shape: int | tuple[int, ...] | list[int],
    gamma: _Floats | None = None,
    *,
    eps: float = 1e-5,
) -> tuple[NDArray[_F], NormCache]: ...
def rms_norm_backward(dy: _Floats, cache: NormCache) -> tuple[_Floats, _Gradient]: ...
def group_norm(
    x: NDArray[_F],
    num_groups: int,
    gamma: _Floats | None = None,
    beta: _Floats | None = None,
    *,
    eps: float = 1e-5,
    axis: int = 1,
) -> tuple[NDArray[_F], NormCache]: ...
def group_norm_backward(dy: _Floats, cache: NormCache) -> tuple[_Floats, _Gradient, _Gradient]: ...
def instance_norm(
    x: NDArray[_F],
    gamma: _Floats | None = None,
    beta: _Floats | None = None,
    *,
    eps: float = 1e-5,
    axis: int = 1,
) -> tuple[NDArray[_F], NormCache]: ...
def instance_norm_backward(dy: _Floats, cache: NormCache) -> tuple[_Floats, _Gradient, _Gradient]: ...
