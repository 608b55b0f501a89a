"""The compiled engine: the same as NumPy's on every norm, layout and dtype, and chosen on purpose alone."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_fast import FLOAT32, FLOAT64, HOSTILE, SHAPES, both_passes, drawn, near

import bnlib
from bnlib import core, engine, statistics
from bnlib.engine import using

numba = pytest.importorskip("numba")

from bnlib.engine import compiled  # noqa: E402


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def threads(request, set_threads):
    set_threads(request.param)


@given(
    shape=st.lists(st.integers(1, 9), min_size=2, max_size=4)
    .map(tuple)
    .filter(lambda s: np.prod(s) // s[1] > 7),
    dtype=st.sampled_from([np.float32, np.float64]),
    far=st.sampled_from([0.0, 1.0, 1e3]),
    memory=st.randoms(use_true_random=False),
)
@settings(max_examples=100, deadline=None)
def test_any_shape_and_memory_order(shape, dtype, far, memory):
    x, dy, gamma, beta = drawn(np.random.default_rng(memory.randrange(2**32)), shape, dtype, far)
    order = memory.sample(range(len(shape)), len(shape))
    x, dy = (np.ascontiguousarray(a.transpose(order)).transpose(np.argsort(order)) for a in (x, dy))
    with using("compiled"):
        got = both_passes("batch_norm", x, dy, gamma, beta, 1e-5)
    near(
        got,
        both_passes("batch_norm", x, dy, gamma, beta, 1e-5),
        FLOAT32 if dtype == np.float32 else FLOAT64,
    )
    assert got[0].strides == x.strides or 1 in shape


@pytest.mark.parametrize("shape", [(600, 5), (40, 6, 30), (300, 4, 3), (64, 3, 8, 9)])
def test_it_is_taken(shape, threads, monkeypatch):
    """Nothing falls back in silence: the formulas of NumPy's ways are not called."""
    x, dy, gamma, beta = drawn(np.random.default_rng(2), shape, np.float32)
    wanted = both_passes("batch_norm", x, dy, gamma, beta, 1e-5)
    for name in ("block_map", "block_sums"):
        monkeypatch.setattr(engine.blocks, name, unwanted)
    monkeypatch.setattr(engine, "SMALL", -1)
    monkeypatch.setattr(engine.fast, "matrix_of", unwanted)
    with using("compiled"):
        near(both_passes("batch_norm", x, dy, gamma, beta, 1e-5), wanted, FLOAT32)


def unwanted(*_):
    raise AssertionError("NumPy's way was taken")


@pytest.mark.parametrize("change", HOSTILE, ids=HOSTILE)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_hostile_values(change, shape, threads):
    """Every output is as near to the float64 formulas as float32 allows."""
    x, dy, gamma, beta = drawn(np.random.default_rng(6), shape, np.float32)
    HOSTILE[change](x, dy, gamma, beta)
    wide = [array.astype(np.float64) for array in (x, dy, gamma, beta)]
    right = both_passes("batch_norm", *wide, 1e-5)
    with using("compiled"):
        got = both_passes("batch_norm", x, dy, gamma, beta, 1e-5)
    for a, b in zip(got, right, strict=True):
        assert np.isfinite(a).all()
        axes = (0, *range(2, b.ndim)) if b.ndim > 1 else ()
        size = np.abs(b).max(axis=axes, keepdims=True)
        assert (np.abs(a - b) <= FLOAT32 * size + 1e-30).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_inf_stay_in_their_channel(bad, threads):
    x, dy, gamma, beta = drawn(np.random.default_rng(8), (40, 5, 6), np.float32)
    clean = both_passes("batch_norm", x, dy, gamma, beta, 1e-5)
    x[3, 1] = bad
    with using("compiled"):
        spoilt = both_passes("batch_norm", x, dy, gamma, beta, 1e-5)
    for a, b in zip(clean, spoilt, strict=True):
        a, b = (np.moveaxis(v, 1, 0) if v.ndim > 1 else v for v in (a, b))
        near([np.delete(b, 1, axis=0)], [np.delete(a, 1, axis=0)], FLOAT32)
    assert np.isnan(spoilt[0][:, 1]).all()


ODD = {
    "gaps": lambda x: np.repeat(x, 2, axis=0)[::2],
    "a cut": lambda x: np.concatenate([x, x], axis=-1)[..., : x.shape[-1]],
    "backwards": lambda x: x[::-1].copy()[::-1],
    "another order": np.asfortranarray,
    "float16": lambda x: x.astype(np.float16),
    "big-endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "one sample for all": lambda x: np.broadcast_to(x[:1], x.shape),
    "read-only": lambda x: np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape),
    "unaligned": lambda x: np.frombuffer(b"\0" + x.tobytes(), x.dtype, offset=1).reshape(x.shape),
}


@pytest.mark.parametrize("which", ["x", "dy"])
@pytest.mark.parametrize("odd", ODD)
def test_odd_arrays(odd, which):
    x, dy, gamma, beta = drawn(np.random.default_rng(9), (12, 4, 5), np.float32)
    if which == "x" and odd != "one sample for all":
        x = ODD[odd](x)
    else:
        dy = ODD[odd](dy)
    wanted = both_passes("batch_norm", x, dy, gamma, beta, 1e-5)
    with using("compiled"):
        near(
            both_passes("batch_norm", x, dy, gamma, beta, 1e-5),
            wanted,
            1e-3 if odd == "float16" else FLOAT32,
        )


@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 2), (4, 3, 0)])
def test_empty_batches(shape):
    with using("compiled"):
        y, cache = bnlib.batch_norm(np.empty(shape))
        dx, _, _ = bnlib.batch_norm_backward(y, cache)
    assert y.shape == dx.shape == shape


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("layer", ["workqueue", "omp"])
def test_many_threads_and_a_fork(layer):
    """Numba ends the process where its threads are used from two sides at once, or after a fork."""
    code = """
import os, threading
import numba, numpy as np
import bnlib
from bnlib.engine import using

x = np.random.default_rng(0).normal(size=(64, 16, 20, 20)).astype(np.float32)
right, wrong = bnlib.batch_norm(x)[0], []

def work(times):
    for _ in range(times):
        with using("compiled"):
            y, _ = bnlib.batch_norm(x)
        if np.abs(y - right).max() > 1e-5:
            wrong.append(y)

work(1)
threads = [threading.Thread(target=work, args=(20,)) for _ in range(4)]
for each in threads: each.start()
for each in threads: each.join()
if (child := os.fork()) == 0:
    work(2)
    os._exit(len(wrong))
assert os.waitpid(child, 0)[1] == 0
assert not wrong
print("right")
"""
    environment = os.environ | {"NUMBA_THREADING_LAYER": layer}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    if "No threading layer could be loaded" in done.stderr:
        pytest.skip(f"this machine has no {layer}")
    assert done.stdout.strip() == "right", done.stderr


def test_kernels_on_disk_are_those_of_these_formulas():
    """Numba looks at the file of a kernel alone; its name changes with the formulas and their numbers."""
    edition = compiled.edition_of
    assert edition([lambda x: 2 * x]) == edition([lambda x: 2 * x]) != edition([lambda x: 3 * x])
    for one, several in (compiled.affine_in_runs, compiled.gradient_sums_in_columns):
        names = [each.py_func.__qualname__ for each in (one, several)]
        assert len(set(names)) == 2
        assert all(compiled.EDITION in name for name in names)
    formulas = statistics.deviations, core.gradient_sums, core.affine, core.input_gradient
    assert set(compiled.FORMULAS) >= {each.formula for each in formulas}
