from typing import NamedTuple, TypeVar

from bnlib.parts import _IsPart

_Network = TypeVar("_Network", bound=_IsPart)

class Folds(NamedTuple):
    folded: dict[str, str]
    left: dict[str, str]

def fold_all(network: _Network) -> tuple[_Network, Folds]: ...
