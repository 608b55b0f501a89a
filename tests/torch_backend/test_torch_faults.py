"""Faults of torch's batch norm that this package has not; a test fails when torch has mended its own."""

import pytest

torch = pytest.importorskip("torch")

from torch_helpers import ENOUGH, Case, error, half_ulp  # noqa: E402

from bnlib import torch as bt  # noqa: E402

nn, F = torch.nn, torch.nn.functional
MENDED = "torch has mended this: delete the test, and the copies in torch_helpers.results"


def input_gradient(batch_norm, z, dy, prepare=lambda x: x):
    """The gradient of z, a batch of sequences whose features are the channels of images one pixel wide."""
    leaf = z.clone().requires_grad_()
    images = prepare(leaf.transpose(1, 2).unsqueeze(-1))
    y = batch_norm(images, None, None, training=True)
    y.flatten(1).backward(dy)
    return leaf.grad


def sequences(dtype=torch.float64):
    z = torch.randn(8, 10, 16, generator=torch.Generator().manual_seed(0)).to(dtype)
    return z, torch.randn(8, 160, generator=torch.Generator().manual_seed(1)).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_ours_is_right_where_the_last_axis_has_one_element(dtype):
    z, dy = sequences(dtype)
    exact = input_gradient(F.batch_norm, z.double(), dy.double(), torch.Tensor.contiguous)
    theirs = input_gradient(F.batch_norm, z, dy, torch.Tensor.contiguous)
    allowed = max(error(theirs, exact), half_ulp(dtype, exact))
    assert error(input_gradient(bt.batch_norm, z, dy), exact) <= ENOUGH * allowed + 1e-14


def test_ours_passes_gradcheck_there():
    z = sequences()[0][:3, :2, :3].clone().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda z: bt.batch_norm(z.transpose(1, 2).unsqueeze(-1), None, None, training=True), z
    )


def test_torchs_is_wrong_there():
    z, dy = sequences()
    wanted = input_gradient(F.batch_norm, z, dy, torch.Tensor.contiguous)
    got = input_gradient(F.batch_norm, z, dy)
    assert error(got, wanted) > wanted.abs().max(), MENDED


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_torchs_second_derivative_of_forward_mode_is_wrong():
    x, func = Case((4, 3)).tensors()[0], torch.func
    wrong, right = (
        outer(func.jacfwd(lambda x: F.batch_norm(x, None, None, training=True).pow(3).sum()))(x)
        if outer
        else func.hessian(lambda x: F.batch_norm(x, None, None, training=True).pow(3).sum())(x)
        for outer in (func.jacrev, None)
    )
    mended = "torch has mended this: delete the test, and SAME_AS of test_torch_transforms"
    assert error(wrong, right) > 0.1 * right.abs().max(), mended
