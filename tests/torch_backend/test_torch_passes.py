"""The ways that tensors take: recorded, as arrays, in pieces, or the shortest; and which is taken when."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch_helpers import LAYOUTS, Case, results  # noqa: E402

from bnlib import engine  # noqa: E402
from bnlib import torch as bt  # noqa: E402
from bnlib.engine import using  # noqa: E402
from bnlib.torch import arrays, batch_norm, eager, functional, pieces, plain  # noqa: E402
from bnlib.torch.function import BatchNormFunction, passes  # noqa: E402

F = torch.nn.functional
SHAPES = [(6, 5), (1, 5, 7), (4, 5, 3, 7), (3, 5, 2, 3, 4), (1, 5), (0, 5, 2)]


def all_passes(way, x, dy, mean, scale, shift, slope):
    """The results of the four passes, as one list."""
    numbers = mean, scale.abs(), slope
    return [
        *way.moments(x),
        way.affine(x, *numbers, shift),
        *way.gradient_sums(x, dy, *numbers),
        way.input_gradient(x, dy, *numbers, shift, mean),
    ]


@pytest.mark.parametrize("room", [1, 12, 40, 10**6])
@pytest.mark.parametrize("layout", sorted(LAYOUTS))
@pytest.mark.parametrize("shape", SHAPES)
def test_all_ways_agree(shape, layout, room, monkeypatch):
    monkeypatch.setattr(pieces, "PIECE", room)
    x, dy, *vectors = Case(shape, torch.float64, layout).tensors()
    before = x.clone(), dy.clone()
    wanted = all_passes(plain, x, dy, *vectors)
    for way in (arrays, pieces):
        got = all_passes(way, x, dy, *vectors)
        torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-12)
    assert torch.equal(x, before[0])
    assert torch.equal(dy, before[1])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_sixteen_bits_are_widened_before_they_are_added(dtype):
    """Sums that overflow the dtype do not overflow; a result is the float64 result, rounded."""
    x, dy, mean, scale, shift, slope = Case((4, 5, 30), dtype).tensors()
    x, dy = x * 9e3, dy * 2e4
    numbers = mean.double(), scale.double().abs() / 1e4, slope.double()
    wide = x.double(), dy.double()
    for got, wanted in zip(pieces.moments(x), plain.moments(wide[0]), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-6, atol=0)
    for got, wanted in zip(
        pieces.gradient_sums(x, dy, *numbers), plain.gradient_sums(*wide, *numbers), strict=True
    ):
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-6 * wanted.abs().max().item())
    for name, given, last in (
        ("affine", (0,), (shift.double(),)),
        ("input_gradient", (0, 1), (shift.double(), mean.double())),
    ):
        got = getattr(pieces, name)(*((x, dy)[i] for i in given), *numbers, *last)
        wanted = getattr(plain, name)(*(wide[i] for i in given), *numbers, *last)
        assert got.dtype == dtype
        # rounded to float32 first, and then once more: half a step, and a little
        step = torch.finfo(dtype).eps * wanted.abs() + torch.finfo(dtype).tiny
        assert ((got.double() - wanted).abs() <= 0.51 * step + 1e-6 * wanted.abs().max()).all()


@pytest.mark.parametrize("room", [1, 12, 40])
@pytest.mark.parametrize("layout", ["contiguous", "channels last"])
@pytest.mark.parametrize("shape", SHAPES)
def test_pieces_tile_the_tensor(shape, layout, room, monkeypatch):
    """Every element in one piece, all channels in every piece, and none larger than it must be."""
    monkeypatch.setattr(pieces, "PIECE", room)
    x = LAYOUTS[layout](torch.zeros(shape))
    for (piece,) in pieces.pieces(x):
        assert piece.shape[1] == x.shape[1]
        assert piece.numel() <= max(room, x.shape[1])
        piece += 1
    assert torch.equal(x, torch.ones(shape))


def test_pieces_lie_together_in_memory(monkeypatch):
    """Cut along the outermost axis of the memory, so that channels-last pieces are dense."""
    monkeypatch.setattr(pieces, "PIECE", 24)
    x = LAYOUTS["channels last"](torch.zeros(2, 3, 4, 2))
    cut = [piece for (piece,) in pieces.pieces(x)]
    assert [tuple(piece.shape) for piece in cut] == [(1, 3, 4, 2)] * 2
    assert all(piece.is_contiguous(memory_format=torch.channels_last) for piece in cut)


def test_which_way_is_taken():
    x = torch.ones(4, 3)
    assert passes(x) is plain  # autograd records
    with torch.no_grad():
        assert passes(x) is arrays
        assert passes(x.double()) is arrays
        assert passes(x.half()) is pieces
        assert passes(x.to("meta")) is pieces
        seen = []
        torch.func.vmap(lambda row: seen.append(passes(row)) or row)(x)
        assert seen == [plain]


class Wrapped(torch.Tensor):
    """A subclass that does not say what it does with its memory."""


def test_the_shortest_way_is_taken(monkeypatch):
    """Plain float tensors of the CPU take it; whatever else looks on does not."""
    taken = []
    monkeypatch.setattr(eager.EagerBatchNorm, "apply", lambda *given: taken.append("short") or given[0])
    monkeypatch.setattr(BatchNormFunction, "apply", lambda *given: taken.append("long") or given[:1])
    x, vector = torch.ones(4, 3), torch.ones(3)
    for given, wanted in (
        ((x, None, None), "short"),
        ((x.double(), None, None, torch.nn.Parameter(vector.double())), "short"),
        ((x.bfloat16(), None, None), "long"),
        ((x.to("meta"), None, None), "long"),
        ((x.as_subclass(Wrapped), None, None), "long"),
    ):
        batch_norm(*given, training=True)
        assert taken.pop() == wanted
    torch.func.vmap(lambda row: batch_norm(row, None, None, training=True))(torch.ones(2, 4, 3))
    assert taken.pop() == "long"
    from torch.utils._python_dispatch import TorchDispatchMode

    class Looks(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            return function(*args, **kwargs or {})

    with Looks():
        batch_norm(x, None, None, training=True)
    assert taken.pop() == "long"


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_both_functions_give_the_same(dtype, training, monkeypatch):
    case = Case((4, 5, 3, 7), dtype, training=training)
    tensors = case.tensors()
    short = results(batch_norm, case, tensors)
    monkeypatch.setattr(functional, "takes_the_shortest_way", lambda tensors: False)
    long = results(batch_norm, case, tensors)
    tight = 1e-12 if dtype == torch.float64 else 1e-6
    torch.testing.assert_close(short, long, rtol=tight, atol=tight)


@pytest.mark.parametrize("training", [True, False])
def test_a_device_without_float64(training, monkeypatch):
    """Sums in float32, centred: no worse than torch's own, and nothing on the way has float64."""
    monkeypatch.setattr(plain, "NO_FLOAT64", {"cpu"})
    monkeypatch.setattr(arrays, "takes", lambda *tensors: False)
    monkeypatch.setattr(functional, "takes", lambda *tensors: False)
    case = Case((16, 5, 6, 7), torch.float32, training=training, center=10.0)
    tensors = case.tensors()
    with NoFloat64():
        ours = results(batch_norm, case, tensors)
    exact = results(F.batch_norm, case, tensors, torch.float64)
    theirs = results(F.batch_norm, case, tensors)
    for got, other, right in zip(ours, theirs, exact, strict=True):
        assert got.dtype == torch.float32
        allowed = max((other.double() - right).abs().max(), 2**-24 * right.abs().max())
        assert (got.double() - right).abs().max() <= 4 * allowed


def test_a_variance_without_float64_is_taken_about_the_mean_that_was_meant(monkeypatch):
    """At a million the float32 mean is some hundredths off; what is left of it is taken out again."""
    monkeypatch.setattr(plain, "NO_FLOAT64", {"cpu"})
    x = Case((64, 3, 5), torch.float32, center=1e6).tensors()[0]
    _, var = plain.moments(x)
    torch.testing.assert_close(var.double(), x.double().var((0, 2), correction=0), rtol=1e-5, atol=0)


class NoFloat64(torch.utils._python_dispatch.TorchDispatchMode):
    """Every operation on a float64 tensor is an error."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **kwargs or {})
        found = result if isinstance(result, (tuple, list)) else [result]
        assert all(v.dtype != torch.float64 for v in found if isinstance(v, torch.Tensor)), function
        return result


def test_the_way_back_is_by_the_engine_of_the_way_there(monkeypatch):
    """Also where it is in another thread, or outside of the block."""
    pytest.importorskip("numba")
    from bnlib.engine import compiled

    taken = []
    for name in ("forward", "backward"):
        monkeypatch.setattr(compiled, name, lambda *given, name=name: taken.append(name))
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    with using("compiled"):
        y = batch_norm(x, None, None, training=True)
    assert engine._compiled.get() is None
    y.sum().backward()
    assert taken == ["forward", "backward"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_compiled(dtype):
    pytest.importorskip("numba")
    case = Case((4, 5, 3, 7), dtype)
    tensors = case.tensors()
    wanted = results(batch_norm, case, tensors)
    with using("compiled"):
        got = results(batch_norm, case, tensors)
    close = 1e-6 if dtype == torch.float32 else 1e-2
    torch.testing.assert_close(got, wanted, rtol=close, atol=close)


def test_a_change_in_place_before_the_backward_pass_is_an_error():
    x = torch.randn(4, 3).requires_grad_()
    weight = torch.ones(3, requires_grad=True)
    for changed in (weight, None):
        leaf = x.clone()
        y = batch_norm(leaf, None, None, weight, training=True)
        with torch.no_grad():
            (leaf if changed is None else changed).add_(1)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()


def test_memory_is_shared_and_not_kept_twice():
    """The node holds x through torch alone, so that hooks on saved tensors see all there is."""
    x = torch.randn(4, 3).requires_grad_()
    node = batch_norm(x, None, None, training=True).grad_fn
    held = [v for v in vars(node).values() if isinstance(v, np.ndarray)]
    assert len(held) == 2
    assert all(v.size == 3 for v in held)


def test_a_converted_model_keeps_its_engine(monkeypatch):
    pytest.importorskip("numba")
    from bnlib.engine import compiled

    taken = []
    for name in ("forward", "backward", "affine"):
        monkeypatch.setattr(compiled, name, lambda *given, name=name: taken.append(name))
    model = bt.convert(
        torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.BatchNorm1d(3)), engine="compiled"
    )
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    model(x).sum().backward()
    model.eval()(x)
    assert taken == ["forward", "affine", "backward", "affine"]  # as they decline
    bt.convert(model, back=True)
    assert "engine" not in vars(model[1])
    bt.convert(model)(x)
    assert len(taken) == 4


def test_convert_to_an_engine_that_is_none():
    model = torch.nn.BatchNorm1d(3)
    with pytest.raises(ValueError, match='engine must be "numpy" or "compiled", got'):
        bt.convert(model, engine="fast")
    assert type(model) is torch.nn.BatchNorm1d
