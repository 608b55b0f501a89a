from collections.abc import Iterator, Mapping
from typing import Any, Literal, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

_F = TypeVar("_F", bound=np.floating[Any])
_Floats: TypeAlias = NDArray[np.floating[Any]]
_OrNone: TypeAlias = _Floats | Any  # Any, in place of the None of a layer that has no such array
_DType: TypeAlias = np.dtype[np.floating[Any]] | type[np.floating[Any]] | type[float] | str

class BatchNorm:
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    axis: int
    engine: Literal["numpy", "compiled"] | None
    training: bool
    gamma: _OrNone
    beta: _OrNone
    dgamma: _OrNone
    dbeta: _OrNone
    running_mean: _OrNone
    running_var: _OrNone
    num_batches_tracked: int | Any
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
        axis: int = 1,
        dtype: _DType = np.float32,
        engine: Literal["numpy", "compiled"] | None = None,
    ) -> None: ...
    def __call__(self, x: NDArray[_F]) -> NDArray[_F]: ...
    def backward(self, dy: _Floats) -> _Floats: ...
    def train(self, mode: bool = True) -> Self: ...
    def eval(self) -> Self: ...
    def parameters(self) -> Iterator[tuple[Self, str]]: ...
    def state_dict(self) -> dict[str, NDArray[Any]]: ...
    def load_state_dict(self, state: Mapping[str, ArrayLike]) -> None: ...
