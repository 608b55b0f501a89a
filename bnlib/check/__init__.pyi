from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from numpy.typing import ArrayLike

from bnlib.check.report import Report

__all__ = [
    "Report",
    "answer",
    "backward",
    "channel_stats",
    "eval_backward",
    "eval_forward",
    "forward",
    "function",
    "gradient_test",
    "layer",
    "running",
]

_Function: TypeAlias = Callable[..., object]  # a reader's or a teacher's: what it returns is looked at
_Answer: TypeAlias = ArrayLike | tuple[ArrayLike, ...]

def channel_stats(function: _Function) -> Report: ...
def forward(function: _Function) -> Report: ...
def backward(function: _Function) -> Report: ...
def running(function: _Function) -> Report: ...
def eval_forward(function: _Function) -> Report: ...
def eval_backward(function: _Function) -> Report: ...
def layer(kind: _Function) -> Report: ...
def gradient_test(test: Callable[[Callable[..., Any]], object]) -> Report: ...
def answer(
    got: object,
    wanted: _Answer,
    *,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    digits: int | None = None,
    mistakes: Mapping[str, _Answer] | None = None,
    see: str | None = None,
    apart: bool = True,
) -> Report: ...
def function(
    mine: _Function,
    right: _Function,
    probes: Sequence[tuple[Any, ...]],
    mistakes: Mapping[str, _Function],
    *,
    results: str | Sequence[str] | None = None,
    close: float | None = None,
    see: str | None = None,
) -> Report: ...
