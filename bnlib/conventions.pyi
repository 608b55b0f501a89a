from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from bnlib.statistics import ChannelStats

__all__ = [
    "CONVENTIONS",
    "CaffeBlobs",
    "Convention",
    "convert_running_var",
    "from_caffe",
    "to_caffe",
    "update_caffe",
    "weight_of_new",
]

_F = TypeVar("_F", bound=np.floating[Any])
_Floats: TypeAlias = NDArray[np.floating[Any]]
_Name: TypeAlias = Literal[
    "pytorch", "keras", "tensorflow", "flax", "equinox", "mlx", "tinygrad", "caffe", "onnx"
]

@dataclass(frozen=True)
class Convention:
    momentum: float
    eps: float
    weight_of: Literal["new", "old"]
    unbiased: bool

CONVENTIONS: dict[_Name, Convention]

def weight_of_new(momentum: float, convention: _Name) -> float: ...
def convert_running_var(
    running_var: NDArray[_F], count: int, source: _Name, target: _Name
) -> NDArray[_F]: ...

class CaffeBlobs(NamedTuple):
    mean_sum: _Floats
    var_sum: _Floats
    factor: float | _Floats

def update_caffe(
    blobs: CaffeBlobs, stats: ChannelStats, moving_average_fraction: float = 0.999
) -> CaffeBlobs: ...
def from_caffe(blobs: CaffeBlobs) -> tuple[_Floats, _Floats]: ...
def to_caffe(running_mean: _Floats, running_var: _Floats) -> CaffeBlobs: ...
