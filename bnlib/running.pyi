from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from bnlib.statistics import ChannelStats

_F = TypeVar("_F", bound=np.floating[Any])
_G = TypeVar("_G", bound=np.floating[Any])
_Floats: TypeAlias = NDArray[np.floating[Any]]

def update_running(
    running_mean: NDArray[_F],
    running_var: NDArray[_G],
    stats: ChannelStats,
    momentum: float = 0.1,
    *,
    unbiased: bool = True,
) -> tuple[NDArray[_F], NDArray[_G]]: ...
def debias(running: NDArray[_F], momentum: float, steps: int, start: float | _Floats) -> NDArray[_F]: ...
