from collections.abc import Iterable
from typing import Any, TypeVar

from torch import Tensor, nn

_Model = TypeVar("_Model", bound=nn.Module)

def recalibrate(
    model: _Model,
    batches: Iterable[Tensor | tuple[Any, ...] | list[Any]],
    *,
    prior: float = 0.0,
    one_pass: bool = False,
    progress: bool | None = None,
) -> _Model: ...
