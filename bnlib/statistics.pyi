from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

_Floats: TypeAlias = NDArray[np.floating[Any]]
_Float64s: TypeAlias = NDArray[np.float64]

@dataclass(frozen=True, eq=False)
class ChannelStats:
    count: int
    mean: _Float64s
    var: _Float64s
    def __init__(self, count: int, mean: _Floats, var: _Floats) -> None: ...
    @classmethod
    def trusted(cls, count: int, mean: _Float64s, var: _Float64s) -> Self: ...
    @property
    def var_unbiased(self) -> _Float64s: ...
    def merge(self, *others: ChannelStats) -> ChannelStats: ...

def channel_stats(x: _Floats, axis: int = 1) -> ChannelStats: ...
