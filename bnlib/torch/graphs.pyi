from torch import fx, nn

from bnlib.folds import Folds

def fold_all(model: nn.Module) -> tuple[fx.GraphModule, Folds]: ...
