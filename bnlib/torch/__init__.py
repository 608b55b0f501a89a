"""The torch backend: batch norm under torch's own names, over one process or several.

Needs torch: `pip install torch`. Nothing else in bnlib imports it.
"""

from bnlib.torch.folding import fold
from bnlib.torch.freezing import freeze, unfreeze
from bnlib.torch.functional import batch_norm
from bnlib.torch.graphs import fold_all
from bnlib.torch.interop import from_numpy, to_numpy
from bnlib.torch.launch import launch
from bnlib.torch.modules import BatchNorm1d, BatchNorm2d, BatchNorm3d, SyncBatchNorm, convert
from bnlib.torch.recalibration import recalibrate

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "SyncBatchNorm",
    "batch_norm",
    "convert",
    "fold",
    "fold_all",
    "freeze",
    "from_numpy",
    "launch",
    "recalibrate",
    "to_numpy",
    "unfreeze",
]
