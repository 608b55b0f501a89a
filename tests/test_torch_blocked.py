"""The passes in blocks against the plain formulas, and the blocks themselves."""

import pytest

torch = pytest.importorskip("torch")

from torch_helpers import LAYOUTS, Case  # noqa: E402

from bnlib.torch import blocked, plain  # noqa: E402
from bnlib.torch.function import passes  # noqa: E402

SHAPES = [(6, 5), (1, 5, 7), (4, 5, 3, 7), (3, 5, 2, 3, 4), (1, 5), (0, 5, 2)]


@pytest.mark.parametrize("room", [1, 12, 40, 10**6])
@pytest.mark.parametrize("layout", sorted(LAYOUTS))
@pytest.mark.parametrize("shape", SHAPES)
def test_equal_to_the_plain_formulas(shape, layout, room, monkeypatch):
    monkeypatch.setattr(blocked, "BLOCK_ELEMENTS", room)
    x, dy, scale, shift, mean, slope = Case(shape, torch.float64, layout).tensors()
    before = x.clone(), dy.clone()
    for name, arguments in {
        "moments": (x,),
        "affine": (x, mean, scale, shift),
        "gradient_sums": (dy, x, mean),
        "input_gradient": (dy, x, mean, shift, slope, scale),
    }.items():
        got, wanted = getattr(blocked, name)(*arguments), getattr(plain, name)(*arguments)
        torch.testing.assert_close(list(got), list(wanted), rtol=1e-12, atol=1e-12)
    assert torch.equal(x, before[0])
    assert torch.equal(dy, before[1])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_both_round_once(dtype):
    """Sums that overflow the dtype do not overflow, and a result is the float64 result, rounded."""
    x, dy, *vectors = Case((4, 5, 30), dtype).tensors()
    scale, shift, mean, slope = (vector.double() for vector in vectors)
    x, dy, scale, slope = x * 9e3, dy * 2e4, scale / 1e4, slope / 1e4
    wide = x.double(), dy.double()
    for passes_used in (plain, blocked):
        torch.testing.assert_close(passes_used.moments(x), plain.moments(wide[0]), rtol=1e-12, atol=0)
        sums = list(passes_used.gradient_sums(dy, x, mean))
        torch.testing.assert_close(
            sums, list(plain.gradient_sums(*wide[::-1], mean)), rtol=1e-10, atol=1e-3
        )
        y, exact = (passes_used.affine(x, mean, scale, shift), plain.affine(wide[0], mean, scale, shift))
        dx = passes_used.input_gradient(dy, x, mean, shift, slope, scale)
        exact_dx = plain.input_gradient(*wide[::-1], mean, shift, slope, scale)
        for got, right in ((y, exact), (dx, exact_dx)):
            assert got.dtype == dtype
            assert torch.equal(got, right.to(dtype))


@pytest.mark.parametrize("room", [1, 12, 40])
@pytest.mark.parametrize("layout", ["contiguous", "channels last"])
@pytest.mark.parametrize("shape", SHAPES)
def test_blocks_tile_the_tensor(shape, layout, room, monkeypatch):
    """Every element in one block, all channels in every block, and none larger than it must be."""
    monkeypatch.setattr(blocked, "BLOCK_ELEMENTS", room)
    x = LAYOUTS[layout](torch.zeros(shape))
    for (piece,) in blocked.blocks(x):
        assert piece.shape[1] == x.shape[1]
        assert piece.numel() <= max(room, x.shape[1])
        piece += 1
    assert torch.equal(x, torch.ones(shape))


def test_blocks_lie_together_in_memory(monkeypatch):
    """Cut along the outermost axis of the memory, so that channels-last pieces are dense."""
    monkeypatch.setattr(blocked, "BLOCK_ELEMENTS", 24)
    x = LAYOUTS["channels last"](torch.zeros(2, 3, 4, 2))
    pieces = [piece for (piece,) in blocked.blocks(x)]
    assert [tuple(piece.shape) for piece in pieces] == [(1, 3, 4, 2)] * 2
    assert all(piece.is_contiguous(memory_format=torch.channels_last) for piece in pieces)


def test_which_formulas_are_used():
    x = torch.ones(4, 3)
    assert passes(x) is plain
    with torch.no_grad():
        assert passes(x) is blocked
        seen = []
        torch.func.vmap(lambda row: seen.append(passes(row)) or row)(x)
        assert seen == [plain]
