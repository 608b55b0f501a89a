"""Folding batch norm into the layer before or after it, and the cases that cannot be folded."""

from itertools import product

import pytest

torch = pytest.importorskip("torch")

from bnlib.torch import BatchNorm1d, SyncBatchNorm, fold  # noqa: E402

nn = torch.nn
KINDS = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


def batch_norm(channels, axes, **options):
    """In evaluation mode, float64, every vector random."""
    generator = torch.Generator().manual_seed(1)
    bn = KINDS[axes](channels, eps=0.1, dtype=torch.float64, **options).eval()
    for name, value in bn.state_dict().items():
        if value.ndim:
            value.copy_(torch.rand(channels, generator=generator) + 0.5 * (name == "running_var"))
    return bn


def linear_layers(inputs=6, outputs=4):
    """Layers of every kind, with and without bias, groups, stride, dilation and padding, and an input."""
    torch.manual_seed(0)
    for bias in (True, False):
        yield nn.Linear(inputs, outputs, bias), torch.randn(3, inputs)
        for axes, name in product((1, 2, 3), ("Conv", "ConvTranspose")):
            for options in ({}, {"groups": 2}, {"stride": 2, "dilation": 2}, {"padding": 1}):
                layer = getattr(nn, f"{name}{axes}d")(inputs, outputs, 3, bias=bias, **options)
                yield layer, torch.randn(2, inputs, *[6] * axes)


LAYERS = [(layer.double(), x.double()) for layer, x in linear_layers()]
NAMES = [str(layer) for layer, _ in LAYERS]


def axes_of(layer):
    return 1 if isinstance(layer, nn.Linear) else len(layer.kernel_size)


@pytest.mark.parametrize("options", [{}, {"bias": False}, {"affine": False}], ids=str)
@pytest.mark.parametrize(("layer", "x"), LAYERS, ids=NAMES)
def test_batch_norm_after(layer, x, options):
    bn = batch_norm(4, axes_of(layer), **options)
    before = [parameter.clone() for parameter in layer.parameters()]
    folded = fold(layer, bn)
    assert type(folded) is type(layer)
    assert folded is not layer
    assert torch.allclose(folded(x), bn(layer(x)), rtol=1e-12, atol=1e-12)
    assert all(map(torch.equal, before, layer.parameters()))


@pytest.mark.parametrize(("layer", "x"), LAYERS, ids=NAMES)
def test_batch_norm_before(layer, x):
    bn = batch_norm(6, axes_of(layer))
    if "Transpose" in type(layer).__name__:
        with pytest.raises(ValueError, match="outputs at the border sum fewer terms"):
            fold(bn, layer)
    elif getattr(layer, "padding", (0,)) != (0,) * axes_of(layer) and not isinstance(layer, nn.Linear):
        with pytest.raises(ValueError, match="it shifts the input, but not the zeros around it"):
            fold(bn, layer)
    else:
        assert torch.allclose(fold(bn, layer)(x), layer(bn(x)), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_padding_with_values_of_the_input_can_be_folded(mode):
    conv = nn.Conv2d(6, 4, 3, padding="same", padding_mode=mode).double()
    bn, x = batch_norm(6, 2), torch.randn(2, 6, 5, 5, dtype=torch.float64)
    assert torch.allclose(fold(bn, conv)(x), conv(bn(x)), atol=1e-12)


def test_padding_in_words():
    bn = batch_norm(6, 2)
    assert fold(bn, nn.Conv2d(6, 4, 3, padding="valid"))
    with pytest.raises(ValueError, match="with padding same cannot be folded"):
        fold(bn, nn.Conv2d(6, 4, 3, padding="same"))


def test_the_border_is_where_a_padded_fold_would_be_wrong():
    """The reason that the error gives, as a fact: inside, the naive fold is right."""
    conv = nn.Conv2d(6, 4, 3, padding=1).double()
    bn, x = batch_norm(6, 2), torch.randn(2, 6, 5, 5, dtype=torch.float64)
    conv.padding = (0, 0)
    naive = fold(bn, conv)
    conv.padding = naive.padding = (1, 1)
    difference = (naive(x) - conv(bn(x))).abs().amax((0, 1))
    assert difference[1:-1, 1:-1].max() < 1e-12
    border = torch.ones(5, 5, dtype=torch.bool)
    border[1:-1, 1:-1] = False
    assert difference[border].min() > 1e-3


def test_low_precision_is_rounded_once():
    conv, bn = nn.Conv2d(6, 4, 3).half(), batch_norm(4, 2).half()
    folded = fold(conv, bn)
    exact = fold(conv.double(), bn.double())
    assert torch.equal(folded.weight, exact.weight.half())
    assert torch.equal(folded.bias, exact.bias.half())


def test_flags_are_kept():
    conv = nn.Conv2d(6, 4, 3).requires_grad_(False).eval()
    folded = fold(conv, batch_norm(4, 2))
    assert not folded.training
    assert not any(parameter.requires_grad for parameter in folded.parameters())
    assert fold(nn.Conv2d(6, 4, 3, bias=False), batch_norm(4, 2)).bias.requires_grad


def test_our_modules_fold():
    bn = SyncBatchNorm(4).eval()
    assert fold(nn.Conv3d(6, 4, 3), bn)
    assert fold(nn.Linear(6, 4), BatchNorm1d(4).eval())


def parametrized():
    return torch.nn.utils.parametrizations.weight_norm(nn.Conv2d(6, 4, 3))


conv, bn4 = nn.Conv2d(6, 4, 3), batch_norm(4, 2)
REFUSED = [
    (nn.ReLU(), bn4, TypeError, "got ReLU, which has no weights"),
    (bn4, nn.Softmax(1), TypeError, "got Softmax, which has no weights"),
    (conv, nn.ReLU(), TypeError, "must be a batch norm, got Conv2d and ReLU"),
    (bn4, bn4, TypeError, "got BatchNorm2d and BatchNorm2d"),
    (conv, nn.BatchNorm2d(4), ValueError, "in evaluation mode, got one in training mode"),
    (conv, nn.BatchNorm2d(4, track_running_stats=False).eval(), ValueError, "normalises by every batch"),
    (conv, batch_norm(5, 2), ValueError, "4 channels of Conv2d, got 5"),
    (bn4, conv, ValueError, "6 channels of Conv2d, got 4"),
    (nn.Linear(6, 4), batch_norm(5, 1), ValueError, "4 channels of Linear, got 5"),
    (conv, batch_norm(4, 1), ValueError, "BatchNorm1d takes tensors of another rank than Conv2d"),
    (nn.Linear(6, 4), bn4, ValueError, "BatchNorm2d takes tensors of another rank than Linear"),
    (parametrized(), bn4, ValueError, "remove_parametrizations first"),
]


@pytest.mark.parametrize(("first", "second", "kind", "message"), REFUSED, ids=[r[-1] for r in REFUSED])
def test_refused_with_the_reason(first, second, kind, message):
    with pytest.raises(kind, match=message):
        fold(first, second)
