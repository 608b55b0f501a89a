from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bnlib.convolution import Conv2d, Flatten, GlobalMeanPool, MaxPool2d
from bnlib.folds import fold_all
from bnlib.layers import BatchNorm
from bnlib.mobile import HardSigmoid, HardSwish, SqueezeExcitation
from bnlib.parts import (
    TLU,
    Container,
    Dropout,
    Linear,
    Part,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    _IsPart,
    parts_of,
    unchanged_on_error,
)
from bnlib.recalibration import recalibrate

__all__ = [
    "TLU",
    "Container",
    "Conv2d",
    "Dropout",
    "Flatten",
    "GlobalMeanPool",
    "HardSigmoid",
    "HardSwish",
    "Linear",
    "MaxPool2d",
    "Part",
    "ReLU",
    "Residual",
    "Sequential",
    "Sigmoid",
    "SqueezeExcitation",
    "accuracy",
    "batches",
    "cross_entropy",
    "float64_batch_norm",
    "fold_all",
    "mlp",
    "parts_of",
    "recalibrate",
    "sgd_step",
    "train",
    "unchanged_on_error",
]

_Floats: TypeAlias = NDArray[np.floating[Any]]
_Integers: TypeAlias = NDArray[np.integer[Any]]
_Chooses: TypeAlias = Callable[[Any, str], bool]

float64_batch_norm: partial[BatchNorm]

def any_parameter(part: object, name: str) -> bool: ...
def weights_only(part: object, name: str) -> bool: ...
def mlp(
    widths: Sequence[int],
    rng: np.random.Generator,
    norm: Callable[[int], _IsPart] | None = float64_batch_norm,
    activation: Callable[[], _IsPart] = ReLU,
) -> Sequential: ...
def cross_entropy(logits: _Floats, labels: _Integers) -> tuple[float, _Floats]: ...
def sgd_step(
    network: _IsPart,
    x: _Floats,
    labels: _Integers,
    learning_rate: float,
    trainable: _Chooses = any_parameter,
    decay: float = 0.0,
    decays: _Chooses = weights_only,
) -> float: ...
def train(
    network: _IsPart,
    x: _Floats,
    labels: _Integers,
    *,
    learning_rate: float,
    steps: int,
    size: int,
    rng: np.random.Generator,
    trainable: _Chooses = any_parameter,
    decay: float = 0.0,
    decays: _Chooses = weights_only,
    after: Callable[[int], object] | None = None,
    progress: bool | None = None,
) -> NDArray[np.float64]: ...
def accuracy(network: _IsPart, x: _Floats, labels: _Integers) -> float: ...
def batches(count: int, size: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]: ...
