from typing import TypeVar, overload

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

_Linear = TypeVar(
    "_Linear",
    bound=nn.Linear
    | nn.Conv1d
    | nn.Conv2d
    | nn.Conv3d
    | nn.ConvTranspose1d
    | nn.ConvTranspose2d
    | nn.ConvTranspose3d,
)

@overload
def fold(first: _Linear, second: _BatchNorm) -> _Linear: ...
@overload
def fold(first: _BatchNorm, second: _Linear) -> _Linear: ...
@overload
def fold(first: nn.Module, second: nn.Module) -> nn.Module: ...
