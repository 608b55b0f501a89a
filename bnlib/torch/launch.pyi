from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

_Result = TypeVar("_Result")

def launch(
    function: Callable[..., _Result],
    world_size: int,
    *arguments: Any,
    timeout: float = 60.0,
    executor: ProcessPoolExecutor | None = None,
) -> list[_Result]: ...
