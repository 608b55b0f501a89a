from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bnlib.statistics import ChannelStats

_Floats: TypeAlias = NDArray[np.floating[Any]]

class NormCache(NamedTuple):
    norm: str
    x: _Floats
    mean: NDArray[np.float64]
    var: NDArray[np.float64]
    inv_std: NDArray[np.float64]
    gamma: _Floats | None
    beta: _Floats | None
    axes: tuple[int, ...]
    parameter_axes: tuple[int, ...]
    shape: tuple[int, ...]
    mean_share: float = 1.0
    std_share: float = 1.0
    own: tuple[Any, ...] = ()
    @property
    def xhat(self) -> _Floats: ...
    @property
    def stats(self) -> ChannelStats | Any: ...  # Any, in place of the None after norms that have no such
