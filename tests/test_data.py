"""bnlib.data: the shipped files are scikit-learn's data, and a split is a partition."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from helpers import assert_same

from bnlib.data import Digits, load, load_digits, load_photographs, standardised_pixels

MAKE_DATA = Path(__file__).parent.parent / "tools" / "make_data.py"


def make_data():
    pytest.importorskip("sklearn")
    spec = importlib.util.spec_from_file_location("make_data", MAKE_DATA)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["digits", "photographs"])
def test_files_are_what_the_script_makes_of_scikit_learns(name):
    if name == "photographs":
        pytest.importorskip("PIL")
    wanted, got = getattr(make_data(), name)(), load(f"{name}.npz")
    assert got.keys() == wanted.keys()
    for key, array in wanted.items():
        assert_same(got[key], array)


def test_digits():
    """The counts of each label are those that scikit-learn's documentation gives; 0 to 9 come first."""
    digits = load_digits()
    assert (digits.images.shape, digits.images.dtype) == ((1797, 1, 8, 8), np.float32)
    assert (digits.labels.shape, digits.labels.dtype) == ((1797,), np.int64)
    assert (digits.images.min(), digits.images.max()) == (0, 16)
    assert np.array_equal(digits.images, digits.images.round())
    assert np.bincount(digits.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert digits.labels[:10].tolist() == list(range(10))


def test_photographs():
    photographs = load_photographs()
    assert (photographs.shape, photographs.dtype) == ((2, 3, 213, 320), np.float32)
    assert 0 <= photographs.min() < 10
    assert 245 < photographs.max() <= 255
    red, _, blue = photographs[0, :, :40].mean(axis=(1, 2))
    assert blue > red  # the sky over the temple is at the top


def test_every_load_is_a_fresh_copy():
    first = load_digits()
    first.images[:] = -1
    assert load_digits().images.min() == 0


@pytest.mark.parametrize(("fraction", "test_size"), [(None, 449), (0.5, 898), (0.001, 2), (0.999, 1795)])
def test_split_is_a_partition(fraction, test_size):
    digits = load_digits()
    train, test = digits.split(3) if fraction is None else digits.split(3, fraction)
    assert isinstance(train, Digits)
    assert isinstance(test, Digits)
    assert (len(train.labels), len(test.labels)) == (1797 - test_size, test_size)
    parts = sorted_rows(
        np.concatenate([train.images, test.images]), np.concatenate([train.labels, test.labels])
    )
    assert np.array_equal(parts, sorted_rows(digits.images, digits.labels))


def sorted_rows(images, labels):
    rows = np.column_stack([images.reshape(len(images), -1), labels])
    return rows[np.lexsort(rows.T)]


def test_split_follows_its_seed():
    digits = load_digits()
    first, again, other = (digits.split(seed)[1] for seed in (3, 3, 4))
    assert_same(first.images, again.images)
    assert_same(first.labels, again.labels)
    assert not np.array_equal(first.labels, other.labels)


def test_split_of_a_few_digits():
    digits = Digits(np.arange(4.0).reshape(4, 1, 1, 1), np.arange(4))
    train, test = digits.split(0)
    assert (len(train.labels), len(test.labels)) == (3, 1)
    for part in (train, test):
        assert np.array_equal(part.images.ravel(), part.labels)


@pytest.mark.parametrize("fraction", [0.0, 1.0, 1e-4, 0.9999])
def test_split_leaves_both_parts_some_digits(fraction):
    with pytest.raises(
        ValueError, match=f"^test_fraction must leave both parts some digits, got {fraction}$"
    ):
        load_digits().split(0, fraction)


@pytest.mark.parametrize(
    ("arguments", "error", "name"),
    [
        ((0, -0.1), ValueError, "test_fraction"),
        ((0, 1.5), ValueError, "test_fraction"),
        ((0, "0.5"), TypeError, "test_fraction"),
        ((0, True), TypeError, "test_fraction"),
        ((0, None), TypeError, "test_fraction"),
        ((0.5,), TypeError, "seed"),
        ((None,), TypeError, "seed"),
        ((True,), TypeError, "seed"),
    ],
)
def test_split_rejects(arguments, error, name):
    with pytest.raises(error, match=f"^{name} must be .*, got "):
        load_digits().split(*arguments)


def test_standardised_pixels():
    """One mean for each pixel and one std for all, both of the training images alone."""
    train, test = load_digits().split(0)
    x, x_test = standardised_pixels(train, test)
    ink, ink_test = (part.images.reshape(-1, 64).astype(np.float64) for part in (train, test))
    factor = np.sqrt(np.mean([np.mean((pixel - pixel.mean()) ** 2) for pixel in ink.T]))
    np.testing.assert_allclose(x, (ink - ink.mean(axis=0)) / factor, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(x_test, (ink_test - ink.mean(axis=0)) / factor, rtol=1e-12, atol=1e-12)
    assert train.images.max() == 16  # and it was left as it was


def test_standardised_pixels_wants_a_pixel_that_varies():
    blank = Digits(np.ones((3, 1, 2, 2)), np.arange(3))
    with pytest.raises(ValueError, match=r"^train must have a pixel that varies, got images"):
        standardised_pixels(blank, blank)
