from typing import TypeVar

from torch import nn

_Model = TypeVar("_Model", bound=nn.Module)

def freeze(model: _Model, *, parameters: bool = False) -> _Model: ...
def unfreeze(model: _Model, *, parameters: bool = False) -> _Model: ...
