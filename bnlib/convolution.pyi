from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bnlib.parts import Part, Weighted

_Floats: TypeAlias = NDArray[np.floating[Any]]
_Shape: TypeAlias = tuple[int, ...]
_DType: TypeAlias = np.dtype[np.floating[Any]] | type[np.floating[Any]] | type[float] | str

class Conv2d(Weighted):
    stride: int | tuple[int, int]
    padding: int
    groups: int
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        size: int,
        rng: np.random.Generator,
        stride: int | tuple[int, int] = 1,
        padding: int = 0,
        bias: bool = True,
        dtype: _DType = np.float64,
        groups: int = 1,
    ) -> None: ...
    def forward(self, x: _Floats) -> tuple[_Floats, tuple[_Floats, _Shape]]: ...
    def gradient(self, dy: _Floats, cache: tuple[_Floats, _Shape]) -> _Floats: ...
    def matrices(self) -> _Floats: ...

class MaxPool2d(Part):
    size: int
    stride: int
    def __init__(self, size: int, stride: int | None = None) -> None: ...
    def forward(self, x: _Floats) -> tuple[_Floats, tuple[NDArray[np.integer[Any]], _Shape]]: ...
    def gradient(self, dy: _Floats, cache: tuple[NDArray[np.integer[Any]], _Shape]) -> _Floats: ...

class GlobalMeanPool(Part):
    def forward(self, x: _Floats) -> tuple[_Floats, _Shape]: ...
    def gradient(self, dy: _Floats, shape: _Shape) -> _Floats: ...

class Flatten(Part):
    def forward(self, x: _Floats) -> tuple[_Floats, _Shape]: ...
    def gradient(self, dy: _Floats, shape: _Shape) -> _Floats: ...
