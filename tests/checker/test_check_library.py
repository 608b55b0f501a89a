"""The checker: every misconception refused and named, right code in many styles accepted."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from checker_score import score, wrong_function
from right_code import RIGHT, Handmade, core_backward, numpy_stats, rows, staged_forward

import bnlib
from bnlib import check
from bnlib.check.diagnosis import diagnose
from bnlib.check.exercises import EXERCISES
from bnlib.check.library import CHAPTERS, MISCONCEPTIONS, STATS, TITLES, misconceptions_of
from bnlib.check.probes import probes

every_exercise = pytest.mark.parametrize("name", EXERCISES)


@every_exercise
def test_every_misconception_is_refused_and_named(name):
    for entry in misconceptions_of(name):
        report = diagnose(name, wrong_function(name, [entry.id]))
        assert not report.ok
        assert report.misconceptions == [entry.id], report.text
        assert entry.says in report.text
        assert f"see: {TITLES[entry.chapter]}" in report.text


@every_exercise
def test_the_score_is_full_and_published(name):
    """Every misconception and every compatible pair refused and named, six styles or more accepted."""
    row = score(name)
    assert row["mistakes"] == row["refused and named"]
    assert row["pairs"] == row["both named"] + row["named as their equal"]
    assert row["accepted"] == row["styles of right code"] >= 6
    if "torch" in RIGHT[name]:
        published = (Path(__file__).parents[2] / "book" / "exercises.md").read_text()
        assert f"| `{name}` | {' | '.join(f'{n:,}' for n in row.values())} |" in published


def test_entries_are_complete():
    for key, entry in MISCONCEPTIONS.items():
        assert key.startswith(f"{entry.exercise}/")
        assert set(entry.steps) <= set(EXERCISES[entry.exercise].steps)
        assert entry.says.endswith(".")
        assert len(entry.says) < 110


@every_exercise
def test_the_right_steps_are_the_packages(name):
    """The specification inside the checker against bnlib, on every probe of float64."""
    core = {
        "channel_stats": lambda x: (bnlib.channel_stats(x).mean, bnlib.channel_stats(x).var),
        "forward": lambda x, gamma, beta, eps: (bnlib.batch_norm(x, gamma, beta, eps=eps)[0],),
        "backward": lambda dy, x, gamma, eps: bnlib.batch_norm_backward(
            dy, bnlib.batch_norm(x, gamma, np.zeros_like(gamma), eps=eps)[1]
        ),
        "running": lambda mean, var, x, momentum: bnlib.update_running(
            mean, var, bnlib.channel_stats(x), momentum
        ),
        "eval_forward": lambda x, *rest: (bnlib.batch_norm_eval(x, *rest[:-1], eps=rest[-1])[0],),
        "eval_backward": lambda dy, x, mean, var, gamma, eps: bnlib.batch_norm_eval_backward(
            dy, bnlib.batch_norm_eval(x, mean, var, gamma, np.zeros_like(gamma), eps=eps)[1]
        ),
        "layer": partial(check.play, partial(bnlib.BatchNorm, dtype=np.float64)),
    }[name]
    for inputs in probes(name)[:-1]:
        for got, right in zip(EXERCISES[name].run(inputs), core(*inputs.values()), strict=True):
            assert np.allclose(got, right, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize(
    ("name", "style"), [(name, style) for name, styles in RIGHT.items() for style in styles]
)
def test_right_code_is_accepted(name, style):
    report = getattr(check, name)(RIGHT[name][style])
    assert report.ok, str(report)
    assert report.text.splitlines()[0] == "right"
    assert report.misconceptions == []


# What a function does besides its numbers


def changes(x):
    mean, var = numpy_stats(x)
    x -= 1
    return mean, var


def remembers(x, calls=[]):  # noqa: B006
    calls.append(0)
    return numpy_stats(x)[0] + 0.1 * (len(calls) > 7), numpy_stats(x)[1]


def fails(x):
    return numpy_stats(x)[0], numpy_stats(x)[1] / undefined  # noqa: F821


BEHAVIOUR = [
    (lambda x: None, "not tried yet", []),
    (lambda x: (None, None), "not tried yet", []),
    (lambda x: numpy_stats(x)[0], "return 2 results: mean, var", ["number-of-results"]),
    (changes, "your code changes x, which is the caller's", ["changes-its-input"]),
    (remembers, "something is remembered", ["hidden-state"]),
    (fails, "raises NameError: name 'undefined' is not defined, in your line", ["raises"]),
    (fails, "/ undefined", ["raises"]),
    (lambda x: ("a", "b"), "mean is a str; return an array", ["not-numbers"]),
    (lambda x: (None, 1.0), "mean is None; return an array", ["not-numbers"]),
    (lambda x: (np.array("a"), 1.0), "mean has dtype", ["dtype"]),
    (lambda x: ([[1.0], [1.0, 2.0]], 1.0), "return arrays of numbers: mean, var", ["not-numbers"]),
    (lambda x: (numpy_stats(x)[0].astype(int), numpy_stats(x)[1]), "mean has dtype int64", ["dtype"]),
    (
        lambda x: (numpy_stats(x)[0][None], numpy_stats(x)[1]),
        "For an input of shape (5, 3) mean has shape (1, 3), where (3,) is wanted, perhaps because an axis "
        "of length one is left in, as by keepdims=True",
        ["shape"],
    ),
]


@pytest.mark.parametrize(("function", "text", "ids"), BEHAVIOUR, ids=[text for _, text, _ in BEHAVIOUR])
def test_behaviour_is_reported(function, text, ids):
    report = check.channel_stats(function)
    assert not report.ok
    assert text in report.text
    assert report.misconceptions == ids
    assert (f"see: {TITLES[STATS]}" in report.text) is (ids == ["shape"])


def test_wider_results_are_right_with_a_remark():
    assert check.channel_stats(RIGHT["channel_stats"]["numpy"]).text == "right"
    wider = check.channel_stats(RIGHT["channel_stats"]["loops"])
    assert wider.text.startswith("right\nFrom float32 values it makes float64 ones")


def test_a_stub_may_raise():
    def stub(x):
        raise NotImplementedError

    assert str(check.channel_stats(stub)) == "not tried yet"


def test_an_interrupt_is_not_caught():
    def interrupted(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check.channel_stats(interrupted)


def test_not_a_function():
    with pytest.raises(TypeError, match="channel_stats checks a function, got tuple"):
        check.channel_stats((1.0, 2.0))


def test_a_counterexample_can_be_followed_by_hand():
    """The mean of 1, 1, 7 is 3 and their variance 8; with eps 8 the deviation is 4."""
    report = check.forward(wrong_function("forward", ["forward/beta-missing"]))
    assert report.text.splitlines() == [
        "right already: the batch's mean, the batch's variance, the deviation, xhat, gamma * xhat",
        "wrong: beta has no effect. For x = [1, 1, 7] of shape (3, 1), gamma = -4, beta = 10, eps = 8 your "
        "y is [2, 2, -4], the right one [12, 12, 6].",
        "see: Scale and shift",
    ]


def test_a_counterexample_has_two_channels_where_one_does_not_show_it():
    report = check.forward(wrong_function("forward", ["forward/one-statistic-for-everything"]))
    assert (
        "For x = [1, 1, 7] and [-4, 0, -2] of shape (3, 2), gamma = [-4, 2], beta = [10, 2], eps = 8 your"
        in report.text
    )


def test_what_no_example_shows_is_shown_by_the_largest_error():
    report = check.channel_stats(float32_sums)
    assert "For float32 input of shape (7, 3) your var[" in report.text


def spoilt(i, change):
    """The right backward pass with one result changed."""

    def function(*arguments):
        results = list(core_backward(*arguments))
        results[i] = change(results[i], *arguments)
        return tuple(results)

    return function


def only_rows(dy, x, gamma, eps):
    return core_backward(dy, x, gamma, eps if x.ndim == 2 else 2 * eps)


def float32_sums(x):
    x = np.float32(rows(x)) if x.dtype == np.float32 else rows(x)
    mean = x.mean(axis=0)
    return mean, (x * x - 2 * mean * x).mean(axis=0) + mean * mean


def shifted(dx, dy, x, *_):
    return dx + x - x.mean(axis=(0, *range(2, x.ndim)), keepdims=True)


def by_places(dx, *_):
    return dx * (1 + 0.1 * np.arange(dx.size).reshape(dx.shape))


def other_channel(dx, *_):
    return dx + np.roll(dx, 1, axis=1)


CLUES = [
    (check.backward, spoilt(0, lambda dx, *_: 1.25 * dx), "dx is the right one times 1.25", "dx-scaled"),
    (
        check.backward,
        spoilt(1, lambda v, dy, *_: dy.size * v),
        "times a factor that changes with the input: 15, 18",
        "dgamma-scaled",
    ),
    (
        check.backward,
        spoilt(0, lambda dx, dy, x, gamma, eps: dx + 0.1 * dy**2),
        "dx is not linear in dy",
        "dx-not-linear",
    ),
    (check.backward, spoilt(0, shifted), "what the variance's path adds", "dx-along-xhat"),
    (check.backward, spoilt(0, lambda dx, *_: dx + 1), "what the mean's path adds, the same", "dx-shift"),
    (check.backward, spoilt(0, by_places), "The Jacobian of x to y is symmetric", "jacobian-not-symmetric"),
    (check.backward, spoilt(0, by_places), "dx does not add up to 0", "dx-does-not-sum-to-0"),
    (check.backward, spoilt(0, other_channel), "dy of another channel", "channels-mixed"),
    (check.backward, only_rows, "It is written for 2 axes", "written-for-2-axes"),
    (check.forward, lambda x, g, b, eps: staged_forward(x, g, 1.5 * b, eps),
     "In y, what is added is 1.5 times the right one", "y-shift"),
    (check.forward, lambda x, g, b, eps: staged_forward(x, np.cos(g), b, eps),
     "In y, the factor of x - mean is wrong", "y-factor"),
    (check.forward, lambda x, g, b, eps: staged_forward(x**2, g, b, eps),
     "y is no multiple of x plus a number", "y-not-affine"),
    (check.channel_stats, float32_sums, "It is right in float64, but loses the digits", "cancellation"),
]  # fmt: skip


@pytest.mark.parametrize(("checker", "function", "clue", "id"), CLUES, ids=[clue for *_, clue, _ in CLUES])
def test_clues_of_an_unknown_mistake(checker, function, clue, id):
    report = checker(function)
    assert not report.ok
    assert clue in report.text
    assert f"{checker.__name__}/{id}" in report.misconceptions


def test_importing_the_package_leaves_the_library_out():
    import subprocess
    import sys

    code = "import bnlib, sys; sys.exit(any(name.startswith('bnlib.check') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@every_exercise
def test_stubs_of_every_exercise(name):
    class Stub(Handmade):
        def __call__(self, x):
            return None

    stub = Stub if name == "layer" else lambda *arguments: None
    assert str(getattr(check, name)(stub)) == "not tried yet"


def test_a_wrong_layer_is_named():
    class NeverEvaluates(Handmade):
        def eval(self):
            pass

    report = check.layer(NeverEvaluates)
    assert report.misconceptions == ["layer/evaluates-by-the-batch"]
    assert (
        report.text.splitlines()[0] == "right already: output 1 (train), output 2 (train), output 5 (train)"
    )
    assert "eval [1, 3, 5], of shape (3, 1), with eps = 8" in report.text
    with pytest.raises(TypeError, match="layer checks a class, got int"):
        check.layer(3)


class Shared:
    """Statistics on the class: right for one layer at a time."""

    def __init__(self, channels, eps, momentum):
        Shared.inner = Handmade(channels, eps, momentum)

    def train(self):
        Shared.inner.train()

    def eval(self):
        Shared.inner.eval()

    def __call__(self, x):
        return Shared.inner(x)


class BusyAfterEval(Handmade):
    def __call__(self, x):
        return super().__call__(x) if self.training else x / 2 + 1


LAYERS = [
    (Shared, "two layers share their statistics", "layer/shared-by-all-layers"),
    (BusyAfterEval, "divides by 2, where", "layer/eval-deviation"),
]


@pytest.mark.parametrize(("kind", "text", "id"), LAYERS, ids=[id for *_, id in LAYERS])
def test_other_wrong_layers(kind, text, id):
    report = check.layer(kind)
    assert text in report.text
    assert id in report.misconceptions


MORE_CLUES = [
    (lambda x: numpy_stats(x.clip(-50, 50)), "It is wrong where the values are near 3000", "large-values"),
    (
        lambda x: (numpy_stats(x)[0], np.sqrt(numpy_stats(x)[0])),
        "There is nan or inf in it: a root of a negative number, or a division by 0. For x = [1, 1, 7] and "
        "[-4, 0, -2] of shape (3, 2) your var is [1.732, nan], the right one [8, 2.667].",
        "not-finite",
    ),
    (
        lambda x: (numpy_stats(x)[0] + 1, numpy_stats(x)[1] / (numpy_stats(x)[0] != 2.5)),
        "For float64 input of shape (2, 3, 1, 3) your var[1] is nan, the right one 0.",
        "not-finite",
    ),
    (
        lambda x: (numpy_stats(x)[0], numpy_stats(x)[1] ** 2 / numpy_stats(x)[1]),
        "For x = [2, 2, 2] of shape (3, 1) your var is nan, the right one 0.",
        "not-finite",
    ),
    (
        lambda x: tuple(1.00002 * part for part in numpy_stats(x)),
        "mean is the right one times 1.00002",
        "mean-scaled",
    ),
]


@pytest.mark.parametrize(("function", "text", "id"), MORE_CLUES, ids=[id for *_, id in MORE_CLUES])
def test_more_clues(function, text, id):
    report = check.channel_stats(function)
    assert text in report.text
    assert f"channel_stats/{id}" in report.misconceptions
    assert report.text.splitlines()[-1] == f"see: {TITLES[CHAPTERS['channel_stats']]}"
