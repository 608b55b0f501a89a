"""bnlib.engine: one place chooses how a formula is run, and says what is wrong with a choice."""

import subprocess
import sys

import numpy as np
import pytest
from helpers import assert_close, assert_same

import bnlib
from bnlib import BatchNorm, core, engine, statistics
from bnlib.engine import SMALL, blocks, composed, fast, returns_sums, returns_values, using


def double_and_sum(x, other):
    return x + other, x * other


def test_a_formula_stays_what_it_is():
    for run in (core.affine, core.gradient_sums, core.input_gradient, statistics.deviations):
        assert run.__name__ == run.formula.__name__
        assert run is not run.formula
    assert core.affine.formula(3.0, 1.0, 2.0, 10.0, 5.0) == 45.0  # of plain numbers, too


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_value_has_the_dtype_of_x(dtype):
    run = returns_values(lambda x, other: x * other)
    assert_same(run(np.array([[1, 2]], dtype), np.array([[3.0]])), np.array([[3, 6]], dtype))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_sums_are_float64_and_keep_their_axes(dtype):
    x = np.full((3, 4), 60_000, dtype)  # in float16 the sum would overflow
    total, products = returns_sums(double_and_sum)(x, np.array([[0.0]]), over=(0,))
    assert_same(total, np.full((1, 4), 3 * float(x[0, 0])))
    assert_same(products, np.zeros((1, 4)))


@pytest.mark.parametrize("size", [SMALL, SMALL + 1])
def test_small_arrays_are_run_at_once_and_others_in_blocks(size, monkeypatch):
    """A formula without a fast namesake, so that large arrays go by blocks."""
    taken = []
    for name in ("block_map", "block_sums"):
        whole = getattr(blocks, name)
        monkeypatch.setattr(blocks, name, lambda *given, whole=whole: taken.append(1) or whole(*given))
    x, other = np.random.default_rng(0).normal(size=(size, 1)), np.array([[2.0]])
    assert_close(returns_values(lambda x, other: x * other)(x, other), 2 * x)
    total, products = returns_sums(double_and_sum)(x, other, over=(0,))
    assert_close(total, x.sum(keepdims=True) + 2 * size)
    assert_close(products, 2 * x.sum(keepdims=True))
    assert len(taken) == (0 if size == SMALL else 2)


def test_large_arrays_take_the_fast_namesake_unless_it_declines(monkeypatch):
    x = np.random.default_rng(1).normal(size=(SMALL + 1, 1))

    def namesake(x):
        return x * 3

    run, whole = returns_values(namesake), composed(namesake)
    for answer, wanted in ((None, x * 3), ("taken", "taken")):
        monkeypatch.setattr(fast, "namesake", lambda x, answer=answer: answer, raising=False)
        assert np.all(run(x) == wanted)
        assert np.all(whole(x) == wanted)
    assert_same(run(x[:5]), x[:5] * 3)  # small arrays do not ask
    assert_same(whole(x[:5]), x[:5] * 3)


class Recorder:
    """A compiled engine that notes what it is asked, and declines every second time."""

    def __init__(self):
        self.asked = []

    def __getattr__(self, name):
        def function(x, *others, **over):
            self.asked.append(name)
            self.given = x, *others, over
            return x + 100 if len(self.asked) % 2 else None

        return function


def test_the_compiled_engine_is_asked_first_inside_its_block_alone(monkeypatch):
    recorder, x = Recorder(), np.ones((2, 3))
    monkeypatch.setattr(engine, "load", lambda name: {"compiled": recorder, "numpy": None}[name])
    given = x, np.zeros((1, 3)), 1.0, 1.0, 0.0
    assert_same(core.affine(*given), x)
    with using("compiled"):
        assert_same(core.affine(*given), x + 100)
        assert_same(core.affine(*given), x)  # it declined
        with using("numpy"):
            core.affine(*given)
        with using(None):
            core.affine(*given)
    core.affine(*given)
    assert recorder.asked == ["affine"] * 3
    assert recorder.given == (*given, {})
    with using("compiled"):
        statistics.deviations(*given[:2], over=(0,))
    assert recorder.given == (*given[:2], {"over": (0,)})


def test_an_engine_is_left_with_an_error(monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr(engine, "load", lambda name: recorder)
    with pytest.raises(KeyError), using("compiled"):
        raise KeyError
    bnlib.batch_norm(np.ones((3, 2)))
    assert recorder.asked == []


def test_a_layer_keeps_its_engine(monkeypatch):
    recorder, x = Recorder(), np.random.default_rng(0).normal(size=(4, 3))
    monkeypatch.setattr(engine, "load", lambda name: recorder if name == "compiled" else None)
    recorder.__class__ = type("Declines", (Recorder,), {"__getattr__": declining})
    layer, plain = BatchNorm(3, engine="compiled"), BatchNorm(3)
    for mode in (True, False):
        layer.train(mode)(x)
        layer.backward(x)
    there = ["forward", "moments", "deviations", "affine"]
    back = ["backward", "gradient_sums"]
    assert recorder.asked == [*there, *back, "input_gradient", "affine", *back, "affine"]
    plain(x)
    plain.backward(x)
    assert len(recorder.asked) == 11
    assert plain.engine is None


def declining(self, name):
    return lambda *given, **over: self.asked.append(name)


def test_without_numba_it_says_what_to_install():
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "from bnlib import batch_norm, engine\n"
        "import numpy as np\n"
        "with engine.using('numpy'): batch_norm(np.ones((2, 1)))\n"
        "try: engine.using('compiled')\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    said = 'engine "compiled" needs numba: pip install numba'
    assert done.stdout.strip() == said, done.stderr


def test_without_numba_in_this_process(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "bnlib.engine.compiled", raising=False)
    with pytest.raises(ImportError) as caught:
        using("compiled")
    assert str(caught.value) == 'engine "compiled" needs numba: pip install numba'
    assert using("numpy").module is None
