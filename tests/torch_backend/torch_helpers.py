"""Batch norm by torch and by bnlib.torch on the same input, and the rule by which their errors compare."""

from typing import NamedTuple

import numpy as np
import torch

DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
ENOUGH = 4  # times torch's own error against float64


class Case(NamedTuple):
    """One call of batch_norm, and the upstream gradient of its backward pass."""

    shape: tuple
    dtype: torch.dtype = torch.float64
    layout: str = "contiguous"
    weight: bool = True
    bias: bool = True
    running: bool = True
    training: bool = True
    narrow: bool = False  # parameters and statistics of 16 bits, too, where the input has 16
    momentum: float = 0.3
    eps: float = 1e-3
    center: float = 3.0
    seed: int = 0
    device: str = "cpu"

    def tensors(self):
        """Return (x, dy, weight, bias, running_mean, running_var); channels differ in mean and scale."""
        rng = np.random.default_rng(self.seed)
        channels = self.shape[1]
        along = (-1, *[1] * (len(self.shape) - 2))
        scale, shift = rng.uniform(0.5, 2, channels), self.center * rng.uniform(-1, 1, channels)
        x = rng.normal(size=self.shape) * scale.reshape(along) + shift.reshape(along)
        vectors = [rng.uniform(0.5, 2, channels) * rng.choice([-1, 1], channels), rng.normal(size=channels)]
        vectors += [rng.normal(size=channels), rng.uniform(0.5, 2, channels)]
        given = self.weight, self.bias, self.running, self.running
        wide = self.dtype if self.narrow or self.dtype.itemsize > 2 else torch.float32
        vectors = [self.put(v, wide) if g else None for v, g in zip(vectors, given, strict=True)]
        arrays = (x, rng.normal(size=self.shape))
        return *(LAYOUTS[self.layout](self.put(a, self.dtype)) for a in arrays), *vectors

    def put(self, array, dtype):
        return torch.tensor(array).to(self.device, dtype)


def sliced(x):
    """The same values as every second of a larger tensor, in each axis."""
    larger = x.new_full([2 * n for n in x.shape], 7.0)
    view = larger[tuple(slice(None, None, 2) for _ in x.shape)]
    return view.copy_(x)


LAYOUTS = {
    "contiguous": lambda x: x,
    "channels last": lambda x: x.movedim(1, -1).contiguous().movedim(-1, 1),
    "reversed axes": lambda x: x.permute(*range(x.ndim)[::-1]).contiguous().permute(*range(x.ndim)[::-1]),
    "sliced": sliced,
}


def results(batch_norm, case, tensors, dtype=None):
    """y, dx, dweight, dbias, running_mean and running_var of a case; None where there is none."""
    x, dy, *vectors = (None if t is None else t.detach().to(dtype or t.dtype) for t in tensors)
    weight, bias, mean, var = (None if v is None else v.clone() for v in vectors)
    if batch_norm is torch.nn.functional.batch_norm:  # which is wrong in some layouts: test_torch_faults
        x, dy = x.contiguous(), dy.contiguous()
    leaves = [None if t is None else t.requires_grad_() for t in (x, weight, bias)]
    y = batch_norm(leaves[0], mean, var, *leaves[1:], case.training, case.momentum, case.eps)
    y.backward(dy)
    return [y.detach(), *(None if leaf is None else leaf.grad for leaf in leaves), mean, var]


def error(got, exact):
    return (got.double() - exact).abs().max().item() if exact.numel() else 0.0


def half_ulp(dtype, exact):
    """What rounding the largest number of the exact result to a dtype may cost."""
    return torch.finfo(dtype).eps / 2 * exact.abs().max().item() if exact.numel() else 0.0
