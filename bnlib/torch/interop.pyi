from typing import TypeVar, overload

from torch.nn.modules.batchnorm import _BatchNorm

from bnlib.layers import BatchNorm
from bnlib.torch.modules import BatchNorm1d

_Kind = TypeVar("_Kind", bound=_BatchNorm)

def to_numpy(module: _BatchNorm) -> BatchNorm: ...
@overload
def from_numpy(layer: BatchNorm) -> BatchNorm1d: ...
@overload
def from_numpy(layer: BatchNorm, kind: type[_Kind]) -> _Kind: ...
