"""bnlib.conventions: frameworks' momenta and divisors, and Caffe's sums, by hand and against each other."""

import ast
import json
from pathlib import Path

import numpy as np
import pytest
from helpers import assert_close, assert_same

from bnlib import ChannelStats, update_running
from bnlib.conventions import (
    CONVENTIONS,
    CaffeBlobs,
    Convention,
    convert_running_var,
    from_caffe,
    to_caffe,
    update_caffe,
    weight_of_new,
)
from bnlib.running import debias

MEAN, VAR = np.array([0.5, -2.0]), np.array([1.0, 4.0])
STATS = ChannelStats(4, np.array([10.0, 3.0]), np.array([3.0, 0.75]))  # unbiased 4 and 1
EMPTY = ChannelStats(0, np.full(2, np.nan), np.full(2, np.nan))
BOOK = Path(__file__).parents[1] / "book"
ANSWERS = json.loads((BOOK / "conventions.json").read_text())
ASKED = {  # a convention, and a framework whose answers are stored
    "pytorch": "pytorch", "keras": "keras", "tensorflow": "keras_2", "flax": "linen", "equinox": "equinox",
    "mlx": "mlx", "tinygrad": "tinygrad", "onnx": "onnx",
}  # fmt: skip


def test_conventions():
    """The momentum and eps that frameworks default to, what the momentum weighs, and the divisor."""
    assert CONVENTIONS == {
        "pytorch": Convention(0.1, 1e-5, "new", True),
        "keras": Convention(0.99, 1e-3, "old", False),
        "tensorflow": Convention(0.99, 1e-3, "old", True),
        "flax": Convention(0.99, 1e-5, "old", False),
        "equinox": Convention(0.99, 1e-5, "old", False),
        "mlx": Convention(0.1, 1e-5, "new", True),
        "tinygrad": Convention(0.1, 1e-5, "new", True),
        "caffe": Convention(0.999, 1e-5, "old", True),
        "onnx": Convention(0.9, 1e-5, "old", False),
    }


@pytest.mark.parametrize(("convention", "framework"), [*ASKED.items(), ("flax", "nnx")])
def test_what_the_framework_did_follows_the_convention(convention, framework):
    """Stored by benchmarks/conventions.py: batches [1, 1, 7] and [0, 2], from the start values 0 and 1."""
    told, rule = ANSWERS[framework], CONVENTIONS[convention]
    defaults = [told["arguments"][role][1] for role in ("momentum", "eps")]
    assert defaults == [rule.momentum, rule.eps]
    weight, batch = (
        weight_of_new(rule.momentum, convention),
        ChannelStats(3, np.array([3.0]), np.array([8.0])),
    )
    mean, var = update_running(np.zeros(1), np.ones(1), batch, weight, unbiased=rule.unbiased)
    assert_close([*mean, *var], told["kept"], rtol=1e-5)  # six digits are stored
    assert told["mean at momentum 1/4"] == 3 * weight_of_new(0.25, convention)
    assert told["var of [0, 2] at momentum 1/2"] == (1.5 if rule.unbiased else 1)


def test_the_chapter_has_the_stored_numbers():
    notebook = json.loads((BOOK / "running_averages.ipynb").read_text(encoding="utf-8"))
    (cell,) = [c for c in notebook["cells"] if "".join(c["source"]).startswith("told = {")]
    for name, (mean, var, largest) in ast.literal_eval(
        ast.parse("".join(cell["source"])).body[0].value
    ).items():
        answers = ANSWERS[ASKED[name]]
        assert [mean, var] == answers["kept"]
        assert largest == round(answers["largest of a hundredth"], 4)


def test_every_convention_but_caffes_was_asked():
    assert {*ASKED, "caffe"} == set(CONVENTIONS)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("momentum", [0, 0.1, 0.75, 1])
def test_weight_of_new(convention, momentum):
    wanted = momentum if convention in ("pytorch", "mlx", "tinygrad") else 1 - momentum
    weight = weight_of_new(momentum, convention)
    assert weight == wanted
    assert weight_of_new(weight, convention) == pytest.approx(momentum, abs=1e-16)  # 1 - x is rounded


def test_keras_update():
    """Keras: moving = moving * momentum + batch * (1 - momentum), with the biased variance."""
    weight = weight_of_new(0.99, "keras")
    mean, var = update_running(MEAN, VAR, STATS, weight, unbiased=CONVENTIONS["keras"].unbiased)
    assert_close(mean, MEAN * 0.99 + STATS.mean * 0.01)
    assert_close(var, VAR * 0.99 + STATS.var * 0.01)


@pytest.mark.parametrize("source", CONVENTIONS)
@pytest.mark.parametrize("target", CONVENTIONS)
@pytest.mark.parametrize("count", [2, 5])
def test_convert_running_var(source, target, count):
    unbiased = ("pytorch", "caffe", "tensorflow", "mlx", "tinygrad")
    kept = {name: 20.0 * (count / (count - 1) if name in unbiased else 1) for name in CONVENTIONS}
    for dtype in (np.float32, np.float64):
        var = np.array([kept[source], 3 * kept[source]], dtype)
        got = convert_running_var(var, count, source, target)
        assert got.dtype == dtype
        assert_close(
            got, [kept[target], 3 * kept[target]], rtol=np.finfo(dtype).eps
        )  # rounded once or twice
        assert not np.shares_memory(got, var)
        assert_same(var, np.array([kept[source], 3 * kept[source]], dtype))


def test_convert_running_var_agrees_with_running_updates():
    """Two averages of the same batches, one of each divisor."""
    averages = {name: (np.zeros(2), np.zeros(2)) for name in ("pytorch", "keras")}
    for scale in (1.0, 2.5):
        stats = ChannelStats(4, STATS.mean, scale * STATS.var)
        for name, average in averages.items():
            averages[name] = update_running(*average, stats, 0.3, unbiased=CONVENTIONS[name].unbiased)
    assert_close(convert_running_var(averages["keras"][1], 4, "keras", "pytorch"), averages["pytorch"][1])


def test_caffe_by_hand():
    """Two batches at fraction 0.5: sums 0.5 * 10 + 4 = 9, 0.5 * 4 + 2 = 4 and weight 1.5."""
    blobs = CaffeBlobs(np.zeros(2), np.zeros(2), 0.0)
    blobs = update_caffe(blobs, STATS, 0.5)
    second = ChannelStats(2, np.array([4.0, -6.0]), np.array([1.0, 4.0]))
    start, blobs = blobs, update_caffe(blobs, second, 0.5)
    assert_close(start.mean_sum, [10, 3])
    assert_close(start.var_sum, [4, 1])
    assert_close(blobs.mean_sum, [9, -4.5])
    assert_close(blobs.var_sum, [4, 8.5])
    assert blobs.factor == 1.5
    mean, var = from_caffe(blobs)
    assert_close(mean, [6, -3])
    assert_close(var, [4 / 1.5, 8.5 / 1.5])


def test_caffe_is_a_debiased_average():
    blobs, average = CaffeBlobs(np.zeros(2), np.zeros(2), 0.0), (np.zeros(2), np.zeros(2))
    for scale in (1.0, -2.0, 4.0):
        stats = ChannelStats(4, scale * STATS.mean, scale**2 * STATS.var)
        blobs, average = update_caffe(blobs, stats), update_running(*average, stats, 0.001)
    for got, biased in zip(from_caffe(blobs), average, strict=True):
        assert_close(got, debias(biased, 0.001, 3, 0.0), rtol=1e-9)  # debias divides by 0.003


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_caffe_keeps_the_dtype_and_its_input(dtype):
    blobs = CaffeBlobs(np.full(2, 0.5, dtype), np.full(2, 0.25, dtype), 1.0)
    moved = update_caffe(blobs, STATS, 0.5)
    assert_same(moved.mean_sum, np.array([10.25, 3.25], dtype))
    assert_same(moved.var_sum, np.array([4.125, 1.125], dtype))
    assert_same(blobs.mean_sum, np.full(2, 0.5, dtype))
    assert_same(blobs.var_sum, np.full(2, 0.25, dtype))


def test_caffe_of_one_value_and_of_none():
    blobs = CaffeBlobs(np.ones(2), np.ones(2), 1.0)
    one = update_caffe(blobs, ChannelStats(1, np.array([10.0, 3.0]), np.array([0.0, 0.0])), 0.5)
    assert_close(one.var_sum, [0.5, 0.5])
    assert one.factor == 1.5
    two = update_caffe(blobs, ChannelStats(2, np.array([10.0, 3.0]), np.array([1.0, 2.0])), 0.5)
    assert_close(two.var_sum, [2.5, 4.5])
    none = update_caffe(blobs, EMPTY, 0.5)
    assert_same(none.mean_sum, np.ones(2))
    assert_same(none.var_sum, np.ones(2))
    assert none.factor == 1


@pytest.mark.parametrize("factor", [0, 0.0, np.zeros(1, np.float32)])
def test_from_caffe_before_any_batch_is_refused(factor):
    with pytest.raises(
        ValueError, match=r"^blobs.factor must be positive, got 0.0: no batch was averaged$"
    ):
        from_caffe(CaffeBlobs(np.full(2, 3.0), np.full(2, 4.0), factor))


@pytest.mark.parametrize("factor", [np.array([2.0], np.float32), [2.0], np.array(2.0), np.float32(2)])
def test_caffes_factor_as_files_have_it(factor):
    blobs = CaffeBlobs(np.array([3.0, 5.0]), np.array([4.0, 8.0]), factor)
    mean, var = from_caffe(blobs)
    assert (mean.tolist(), var.tolist()) == ([1.5, 2.5], [2, 4])
    moved = update_caffe(blobs, STATS, 0.5)
    assert (moved.factor, type(moved.factor)) == (2, float)


def test_to_caffe_and_back():
    blobs = to_caffe(MEAN, VAR)
    assert blobs.factor == 1
    for got, blob, wanted in zip(from_caffe(blobs), blobs, (MEAN, VAR), strict=False):
        assert_same(got, wanted)
        assert_same(blob, wanted)
        assert not np.shares_memory(blob, wanted)


def test_momentum_fraction_bounds_are_allowed():
    assert update_caffe(to_caffe(MEAN, VAR), STATS, 1).factor == 2
    assert update_caffe(to_caffe(MEAN, VAR), STATS, 0).factor == 1
    assert debias(MEAN, 1, 1, 5.0).tolist() == MEAN.tolist()


def test_update_of_caffe_gives_arrays_of_its_own():
    blobs = CaffeBlobs(np.ones(2), np.ones(2), 1.0)
    same = update_caffe(blobs, ChannelStats(0, np.zeros(2), np.zeros(2)))
    same.mean_sum[:] = 7
    assert blobs.mean_sum.tolist() == [1, 1]
