from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bnlib.layers import BatchNorm
from bnlib.parts import _IsPart

_Network = TypeVar("_Network", bound=_IsPart)

def recalibrate(
    network: _Network,
    batches: Iterable[NDArray[np.floating[Any]]],
    *,
    prior: float = 0.0,
    one_pass: bool = False,
    norms: Iterable[BatchNorm] | None = None,
    progress: bool | None = None,
) -> _Network: ...
