"""check.function: an exercise of a teacher's own, what its reports say, and which exercises it refuses."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from bnlib.check import Report, answer, function
from bnlib.check.clues import NOT_FINITE
from bnlib.check.diagnosis import WIDER
from bnlib.check.library import TITLES
from bnlib.check.results import tolerance
from bnlib.check.task import prepare
from bnlib.network import Linear

rng = np.random.default_rng(0)

# Three exercises, as a chapter would have them


def correlate_backward(dy, x, w):
    """Of y[i] = sum(x[i + k] * w[k]): a convolution of one channel."""
    dx = np.zeros(len(x))
    for i, each in enumerate(dy):
        dx[i : i + len(w)] += each * w
    return dx, np.array([dy @ x[k : k + len(dy)] for k in range(len(w))])


def with_dx(dx):
    return lambda dy, x, w: (dx(dy, x, w), correlate_backward(dy, x, w)[1])


def with_dw(dw):
    return lambda dy, x, w: (correlate_backward(dy, x, w)[0], dw(dy, x, w))


def overwritten(dy, x, w):
    dx = np.zeros(len(x))
    for i, each in enumerate(dy):
        dx[i : i + len(w)] = each * w
    return dx


CONVOLUTION = {
    "right": correlate_backward,
    "probes": [
        (np.array([1.0, 0.0, 2.0]), np.array([1.0, 1.0, 7.0, 2.0]), np.array([3.0, -1.0])),
        (rng.normal(size=6), rng.normal(size=8), rng.normal(size=3)),
    ],
    "mistakes": {
        "The kernel is turned round once too often.": with_dx(lambda dy, x, w: np.convolve(dy, w[::-1])),
        "An input is used several times: its gradients add up.": with_dx(overwritten),
        "dw is a mean over the places; it must be a sum.": with_dw(
            lambda dy, x, w: correlate_backward(dy, x, w)[1] / len(dy)
        ),
        "Both gradients are set to the sum of dy.": lambda dy, x, w: (
            np.full(len(x), dy.sum()),
            np.full(len(w), dy.sum()),
        ),
    },
    "results": ("dx", "dw"),
}


def relu_moments(mean, std):
    """The mean and the variance of max(z, 0) for a normal z of mean 0."""
    return std / np.sqrt(2 * np.pi) + mean, std**2 * (0.5 - 0.5 / np.pi)


MOMENTS = {
    "right": lambda std: relu_moments(0.0, std)[1],
    "probes": [(2.0,), (0.5,)],
    "mistakes": {
        "That is the mean square: take the squared mean away.": lambda std: std**2 / 2,
        "Half of z is cut off, but half its variance is the mean square.": lambda std: std**2 / 4,
        "The variance grows with the square of std.": lambda std: std * relu_moments(0.0, 1.0)[1],
        "That is the standard deviation.": lambda std: np.sqrt(relu_moments(0.0, std)[1]),
    },
}


def dropout(x, keep, rng):
    """What goes on, what was kept, and its share."""
    mask = rng.random(x.shape) < keep
    return {"y": x * mask / keep, "mask": mask, "kept": [int(mask.sum()), float(mask.mean())]}


DROPOUT = {
    "right": dropout,
    "probes": [(np.array([1.0, 2.0, 4.0]), 0.5, np.random.default_rng(1)), (np.ones((5, 4)), 0.8, rng)],
    "mistakes": {
        "What stays is divided by keep, so that the mean stays, too.": lambda x, keep, rng: (
            (made := dropout(x, keep, rng)) | {"y": x * made["mask"]}
        ),
        "keep is the share that stays, not the one that goes.": lambda x, keep, rng: dropout(
            x, 1 - keep, rng
        ),
    },
}
EXERCISES = {"convolution": CONVOLUTION, "moments": MOMENTS, "dropout": DROPOUT}
every_exercise = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)


def tried(exercise, mine, **more):
    return function(mine, **(exercise | more))


@every_exercise
def test_the_right_function_is_right_and_each_mistake_has_its_sentence(exercise):
    assert str(tried(exercise, exercise["right"])) == "right"
    for sentence, wrong in exercise["mistakes"].items():
        report = tried(exercise, wrong)
        assert not report.ok
        assert report.misconceptions == [sentence]
        assert f"wrong: {sentence} For " in report.text
        assert "perhaps" not in report.text


def ellipsis(*arguments): ...


def refuses(*arguments):
    raise NotImplementedError


@every_exercise
@pytest.mark.parametrize(
    "stub",
    [ellipsis, refuses, lambda *a: ..., lambda *a: (None, None), lambda *a: {"y": None, "m": [None]}],
)
def test_a_stub_was_not_tried(exercise, stub):
    assert repr(tried(exercise, stub, see="speed")) == "not tried yet"
    assert 'data-verdict="untried"' in tried(exercise, stub)._repr_html_()


def test_an_ellipsis_is_no_answer_either():
    assert str(answer(..., 1.0)) == str(answer((..., None), (1.0, 2.0))) == "not tried yet"


# The report


def test_a_report_can_be_followed_by_hand():
    mistakes = {"The sum is missing.": lambda x, a: x * a}
    probes = [(np.ones((4, 9)), 2.0), (np.array([[1.0, 2.0], [3.0, 4.0]]), -1.5)]
    report = function(lambda x, a: x * a, lambda x, a: a * (x + x.sum()), probes, mistakes, see="speed")
    assert isinstance(report, Report)
    assert report.text.splitlines() == [
        "wrong: The sum is missing. For x = [[1, 2], [3, 4]], a = -1.5 (probe 2 of 2) your result is "
        "[[-1.5, -3], [-4.5, -6]], the right one [[-16.5, -18], [-19.5, -21]]. The first that differs is "
        "probe 1.",
        "see: Speed",
    ]
    assert '<span data-chapter="speed">Speed</span>' in report._repr_html_()


def test_a_single_probe_has_no_number():
    report = function(lambda n: n + 5, lambda n: n, [(3,)], {})
    assert report.text == "wrong: For n = 3 your result is 8, the right one 3."


def test_of_large_arrays_the_largest_error_is_told():
    x = np.arange(20, dtype=np.float32).reshape(4, 5)
    report = function(lambda x: x + (x > 17) * x / 8, lambda x: x, [(x,)], {}, results="y")
    assert report.text == (
        "wrong: For x of shape (4, 5) of float32 your y[3, 4] is 21.38, the right one 19."
    )


def test_values_that_differ_late_are_told_in_more_digits():
    report = function(lambda x: x + 1e-5, lambda x: x, [(1.0,)], {})
    assert "your result is 1.00001, the right one 1." in report.text


def test_results_that_are_right_come_first_and_else_the_probes():
    wrong = with_dx(lambda dy, x, w: np.cos(dy[0]) * x)
    assert tried(CONVOLUTION, wrong).text.startswith("right already: dw\nwrong: For dy = [1, 0, 2], x = ")
    numbered = tried(CONVOLUTION, wrong, results=None).text
    assert numbered.startswith("right already: result 2\n")
    assert "your result 1 is" in numbered
    probes = [(np.full(k, float(k)),) for k in (1, 2, 3, 4)]
    report = function(lambda x: x[:3].sum() + 0.123 * (len(x) == 2), np.sum, probes, {})
    assert report.text.splitlines()[0] == "right already: probes 1 and 3 of 4"
    assert "(probe 2 of 4)" in report.text
    assert function(lambda x: x[0], np.sum, probes, {}).text.startswith("right already: probe 1 of 4\n")


def test_two_mistakes_in_different_results_are_both_named():
    wrong = CONVOLUTION["mistakes"]
    _, overwrite, mean, _ = wrong

    def mine(*arguments):
        return wrong[overwrite](*arguments)[0], wrong[mean](*arguments)[1]

    report = tried(CONVOLUTION, mine)
    assert report.misconceptions == [overwrite, mean]
    assert "right already" not in report.text


def test_a_mistake_is_named_only_where_all_of_it_is_there():
    """Else its sentence could speak of a result that the line above calls right."""
    wrong = CONVOLUTION["mistakes"]
    both = "Both gradients are set to the sum of dy."
    report = tried(CONVOLUTION, with_dx(lambda *given: wrong[both](*given)[0]))
    assert both not in report.text
    assert report.text.startswith("right already: dw\n")
    part = wrong | {"dx is the sum of dy.": with_dx(lambda *given: wrong[both](*given)[0])}
    assert tried(CONVOLUTION, wrong[both], mistakes=part).misconceptions == [both]


def test_what_no_mistake_explains_is_told_beside_one():
    _, overwrite, *_ = CONVOLUTION["mistakes"]

    def mine(dy, x, w):
        return overwritten(dy, x, w), -correlate_backward(dy, x, w)[1]

    report = tried(CONVOLUTION, mine)
    assert report.misconceptions == [overwrite, "in dw, the sign is the wrong way round"]
    first, second, perhaps = report.text.splitlines()
    assert "your dx is" in first
    assert "your dw is" in second
    assert perhaps == "perhaps: in dw, the sign is the wrong way round"


SLIPS = [
    (lambda v: -v, ["the sign is the wrong way round"]),
    (lambda v: v * v, ["this is the square of it"]),
    (lambda v: 2 * v, ["a factor of 2 is too many"]),
    (lambda v: 1.37 * v, ["result is the right one times 1.37."]),
    (lambda v: v * v.sum(), ["result is the right one times a factor that changes with the input: 6, 17."]),
    (lambda v: 1.37 * v + 0.01 * np.arange(3), []),
    (lambda v: v + 1e-3 * (np.arange(3) == 1), []),  # nearly in proportion, and yet no factor
    (lambda v: -v if v[0] == 3 else v, ["result is the right one times a factor that changes with the "
     "input: 1, -1."]),
    (lambda v: v + v.max(), ["all of it is off by the same number"]),
    (lambda v: np.sqrt(v - 4), [NOT_FINITE]),
]  # fmt: skip


@pytest.mark.parametrize(("slip", "ids"), SLIPS)
def test_a_slip_has_to_explain_all_probes(slip, ids):
    probes = [(np.array([1.0, 2.0, 3.0]),), (np.array([3.0, 5.0, 9.0]),)]
    assert function(slip, lambda v: v, probes, {}).misconceptions == ids


def test_a_factor_of_single_numbers_has_to_be_the_same_on_all_probes():
    probes = [(3.0,), (5.0,)]
    found = partial(function, right=lambda v: v, mistakes={})
    assert found(lambda v: 1.3 * v, probes=probes).misconceptions == ["result is the right one times 1.3."]
    assert found(lambda v: v + np.pi, probes=probes).misconceptions == []
    assert found(lambda v: 1.3 * v, probes=probes[:1]).misconceptions == []


def test_the_probe_that_shows_nan_is_told():
    mine = lambda x: np.sqrt(x - 2) + (x == 3)  # noqa: E731
    report = function(mine, lambda x: np.sqrt(abs(x - 2)), [(3.0,), (np.ones(3),)], {})
    assert "For x = [1, 1, 1] (probe 2 of 2) your result is [nan, nan, nan]" in report.text
    assert "The first that differs is probe 1." in report.text


# What the learner's function does besides its numbers


def two(x, a):
    return x * a, x.sum(axis=0)


def in_place(x, a):
    x *= a
    return x, x.sum(axis=0)


def undefined(x, a):
    return x * a, x.sum(axis=0) / nowhere  # noqa: F821


def only_squares(x, a):
    if len(x) != x.shape[1]:
        raise ValueError("not square\nor so")
    return two(x, a)


BEHAVIOUR = [
    (in_place, "your code changes x, which is the caller's: copy first.", "changes-its-input"),
    (undefined, "your code raises NameError: name 'nowhere' is not defined, in your line ", "raises"),
    (undefined, "return x * a, x.sum(axis=0) / nowhere", "raises"),
    (only_squares, "For x = [[1, 2, 3], [4, 5, 6]], a = 2 (probe 2 of 2) your code raises ValueErr",
     "raises"),
    (only_squares, "right already: probe 1 of 2\n", "raises"),
    (lambda x: x, "your code raises TypeError: <lambda>() takes 1 positional argument but 2", "raises"),
    (lambda x, a: x * a, "your code returns one result, where 2 results are wanted: y, total.",
     "number-of-results"),
    (lambda x, a: (*two(x, a), 1), "your code returns 3 results, where 2", "number-of-results"),
    (lambda x, a: (two(x, a), 1), "y is a tuple of 2, where one array or number is wanted",
     "number-of-results"),
    (lambda x, a: (None, x), "y is None, wanted real numbers of shape (2, 2).", "not-numbers"),
    (lambda x, a: ("a", x), "y is the text 'a', wanted real numbers of shape (2, 2).", "not-numbers"),
    (lambda x, a: (two, x), "y is a function, not what it returns, wanted", "not-numbers"),
    (lambda x, a: (1j * x, x), "y is complex numbers, wanted", "not-numbers"),
    (lambda x, a: (x, x.sum(axis=0, keepdims=True)), "total has shape (1, 2), where (2,) is wanted, "
     "perhaps because an axis of length one is left in", "shape"),
    (lambda x, a: (x, x.sum()), "total has shape (), where (2,) is wanted, perhaps because one number for",
     "shape"),
    (lambda x, a: ((x * a).astype(int), x), "y has dtype int64, where float64 is wanted.", "dtype"),
    (lambda x, a: (np.float16(x * a), x), "y has dtype float16, where float64 is wanted.", "dtype"),
    (lambda x, a: two(x, a) if len(x) == x.shape[1] else None, "(probe 2 of 2) your code returns nothing",
     "returns-nothing"),
    (lambda x, a: two(x, a) if len(x) != x.shape[1] else None, "(probe 1 of 2) your code returns nothing",
     "returns-nothing"),
]  # fmt: skip


@pytest.mark.parametrize(("mine", "text", "id"), BEHAVIOUR)
def test_behaviour_is_reported(mine, text, id):
    probes = [(np.array([[1.0, 2.0], [3.0, 4.0]]), 2.0), (np.arange(1.0, 7).reshape(2, 3), 2.0)]
    report = function(mine, two, probes, {}, results=("y", "total"))
    assert not report.ok
    assert text in report.text
    assert report.misconceptions == [id]
    assert (probes[0][0][0, 0], probes[1][0][1, 2]) == (1, 6)  # the teacher's own stay as they are


KINDS = [
    (3, 3.0, True),
    (3.0, np.int64(3), True),
    (3, 3 + 1e-6, False),
    (10**8, 10**8 + 1, False),
    (3.0, 3 + 5e-6, True),
    (3.0, 3 + 7e-6, False),
    (np.ones(2, np.float32), np.full(2, 1 + 5e-5), True),
    (np.ones(2), np.full(2, 1 + 5e-5, np.float32), True),
    (np.ones(2), np.full(2, 1 + 5e-5), False),
    (np.ones(2, np.float16), np.full(2, 1.005, np.float16), True),
    (np.ones(2), [1.0, 1.0], True),
    (np.ones(2), (1, 1), True),
    ([1.0, 2.0], np.array([1.0, 2.0]), True),
    (np.array([1, 0]), np.array([1.0, 0.0]), False),
    (np.array([1, 0]), np.array([1, 0], np.uint8), True),
    (True, np.True_, True),
    (True, 1, False),
    (np.array([True, False]), np.array([True, True]), False),
    ("train", "train", True),
    ("train", "eval", False),
    ("train", 3, False),
    ({"a": 1.0, "b": [2.0]}, {"b": [2.0], "a": 1.0}, True),
    ({"a": 1.0, "b": 2.0}, {"a": 1.0}, False),
    ({"a": 1.0}, 1.0, False),
    (np.array([1.0, np.nan]), np.array([1.0, np.nan]), True),
    (np.empty((0, 2)), np.empty((0, 2)), True),
    (np.empty((0, 2)), np.empty((0, 3)), False),
]


@pytest.mark.parametrize(("right", "mine", "ok"), KINDS)
def test_kinds_of_results(right, mine, ok):
    report = function(lambda: mine, lambda: right, [()], {})
    assert report.ok is ok, report.text
    assert ok or "For no arguments " in report.text


NESTED = [
    ({"a": 1.0, "b": [2.0, 3.0]}, {"a": 1.0, "b": [2.0, 4.5]}, "right already: a, b.1\nwrong: For no "
     "arguments your b.2 is 4.5, the right one 3."),
    ((1.0, (2.0, 3.0)), (1.0, 2.0), "result 2 is one result, where 2 results are wanted"),
    ((1.0, (2.0, 3.0)), (1.0, (2.0, 7.7)), "your result 2.2 is 7.7, the right one 3."),
    ({"a": 1.0}, {"b": 1.0}, "code returns a dict with the keys b, where a dict with the keys a is wanted"),
    ("train", "eval", "your result is 'eval', the right one 'train'."),
    (True, False, "your result is False, the right one True."),
    (True, 1, "result is 1, wanted True or False."),
    ("train", 3, "result is 3, wanted a text."),
]  # fmt: skip


@pytest.mark.parametrize(("right", "mine", "text"), NESTED)
def test_results_have_names(right, mine, text):
    assert text in function(lambda: mine, lambda: right, [()], {}).text


def test_the_tolerance_can_be_given_but_whole_numbers_stay_whole():
    assert function(lambda: 1.09, lambda: 1.0, [()], {}, close=0.1).ok
    assert not function(lambda: 1.11, lambda: 1.0, [()], {}, close=0.1).ok
    assert not function(lambda: 1 + 1e-9, lambda: 1.0, [()], {}, close=1e-12).ok
    assert not function(lambda: 100.01, lambda: 100, [()], {}, close=0.1).ok
    assert tolerance((np.array(1.0), np.array(1)), 0.1) == 1e-12


def test_wider_results_are_right_with_a_remark():
    probes = [(np.ones(2, np.float32),)]
    assert function(lambda x: x.astype(float), lambda x: x, probes, {}).text == f"right\n{WIDER}"
    assert function(lambda x: x + 0, lambda x: x, probes, {}).text == "right"
    assert function(lambda x: 2.0, lambda x: np.float32(2), probes, {}).text == "right"


def test_warnings_stay_away():
    """Warnings are errors here."""
    report = function(lambda x: np.log(x) / 0, lambda x: x, [(np.array([-1.0, 1e300]),)], {})
    assert "There is nan or inf in it" in report.text
    assert not function(lambda x: 1.5 * x, lambda x: x, [(np.array([-1.0, 1e300]),)], {}).ok


def test_what_is_printed_is_shown_once(capsys):
    function(lambda x: print("hello") or x, lambda x: x, [(1.0,), (2.0,)], {})
    first, note = capsys.readouterr().out.splitlines()
    assert first == "hello"
    assert "first call" in note


def test_results_may_stand_in_the_same_array_at_every_call():
    place = np.empty(2)
    assert function(lambda x: np.multiply(x, 2, out=place), lambda x: x * 2, [(X,), (-X,)], {}).ok


def test_what_is_remembered_is_found():
    calls = []
    report = function(lambda x: x + 0.1 * len(calls.append(0) or calls), lambda x: x, [(1.0,)], {})
    assert report.misconceptions == ["hidden-state"]
    assert "generator" not in report.text
    count = iter(range(9))
    late = function(lambda x: x + 0.1 * (next(count) > 1), lambda x: x, [(1.0,), (2.0,)], {})
    assert late.misconceptions == ["hidden-state"]  # right at first


def test_a_generator_that_is_not_the_arguments_is_found():
    own = np.random.default_rng(3)
    report = tried(DROPOUT, lambda x, keep, rng: dropout(x, keep, own))
    assert report.misconceptions == ["hidden-state"]
    assert "another generator" in report.text


# Parts with a backward pass, behind a function


class Part:
    def __init__(self, weight):
        self.weight = weight

    def __call__(self, x):
        self._x = x
        return x @ self.weight

    def backward(self, dy):
        self.dweight = self._x.T @ dy
        return dy @ self.weight.T


def gradients(kind, x, weight, dy):
    part = kind(weight)
    y = part(x)
    dx = part.backward(dy)
    return y, dx, part.dweight


class Averaging(Part):
    def backward(self, dy):
        dx = super().backward(dy)
        self.dweight = self.dweight / len(dy)
        return dx


class Unwritten(Part):
    def backward(self, dy):
        raise NotImplementedError


class Failing(Part):
    def backward(self, dy):
        return dy @ self.weigth.T


class Forgetful(Part):
    def backward(self, dy):
        return dy @ self.weight.T


PART = {
    "right": partial(gradients, Part),
    "probes": [
        (np.ones((2, 1)), np.array([[3.0]]), np.array([[1.0], [2.0]])),
        (rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=(4, 2))),
    ],
    "mistakes": {"dweight is a sum over the batch, not a mean.": partial(gradients, Averaging)},
    "results": ("y", "dx", "dweight"),
}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Part, "right"),
        (Unwritten, "not tried yet"),
        (Averaging, "right already: y, dx\nwrong: dweight is a sum over the batch, not a mean."),
        (Failing, "has no attribute 'weigth', in your line"),
        (Forgetful, "AttributeError: 'Forgetful' object has no attribute 'dweight', in your line"),
    ],
)
def test_a_class_behind_a_function(kind, text):
    report = tried(PART, lambda x, weight, dy: gradients(kind, x, weight, dy))
    assert text in report.text
    assert "x = [[1], [1]]" in report.text or kind in (Part, Unwritten)


def test_an_argument_may_be_a_layer_which_every_call_has_anew():
    layer = Linear(2, 1, np.random.default_rng(0))
    kept = layer.weight.copy()

    def step(layer, x):
        layer(x)
        layer.backward(np.ones((len(x), 1)))
        layer.weight -= layer.dweight
        return layer.weight

    report = function(lambda layer, x: step(layer, x) + 1, step, [(layer, np.ones((3, 2)))], {})
    assert "For layer = a Linear, x = [[1, 1], [1, 1], [1, 1]] your result is" in report.text
    assert function(step, step, [(layer, np.ones((3, 2)))], {}).ok
    assert np.array_equal(layer.weight, kept)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda xs, names: xs[1].fill(0), "xs"),
        (lambda xs, names: xs.append(0), "xs"),
        (lambda xs, names: xs.__setitem__(0, 2.0), "xs"),
        (lambda xs, names: names.update(a=3), "names"),
        (lambda xs, names: names["c"].reverse(), "names"),
        (lambda xs, names: names.update(d=1), "names"),
        (lambda xs, names: names.update(c="none"), "names"),
    ],
)
def test_a_change_inside_of_a_list_or_a_dict_is_seen(change, name):
    probes = [([np.array([np.nan, 1.0]), np.ones(2), 3.0, "s"], {"a": np.nan, "c": [1, 2]})]
    assert function(lambda xs, names: 1.0, lambda xs, names: 1.0, probes, {}).ok
    report = function(lambda xs, names: change(xs, names) or 1.0, lambda xs, names: 1.0, probes, {})
    assert f"your code changes {name}" in report.text


# The teacher's errors


def changing(x):
    x += 1
    return x


X = np.array([1.0, 2.0])
count = iter(range(100))
TEACHER = [
    ({"probes": []}, ValueError, r"probes must be a list of tuples of arguments, got \[\]"),
    ({"probes": [X]}, ValueError, "probe 1 must be a tuple of arguments, got ndarray"),
    ({"probes": [(X,), (X, 1)]}, ValueError, "right must return results on every probe; on probe 2 your "
     "code raises TypeError"),
    ({"probes": [((k for k in X),)]}, ValueError, "probe 1 cannot be copied: cannot pickle 'generator'"),
    ({"right": 3.0}, TypeError, "right must be a function, got float"),
    ({"right": lambda x: None}, ValueError, "on probe 1 your code returns nothing"),
    ({"right": changing}, ValueError, "right must return .* your code changes x"),
    ({"right": lambda x: 1j * x}, ValueError, "its result has dtype complex128"),
    ({"right": lambda x: (x, {1, 2})}, ValueError, "its result 2 has dtype object"),
    ({"right": lambda x: (x, None)}, ValueError, "its result 2 has dtype object"),
    ({"right": lambda x: ()}, ValueError, "right must return at least one result"),
    ({"right": lambda x: [1.0] * len(x), "probes": [(X,), (X[:1],)]}, ValueError, "of the same names on"),
    ({"right": lambda x: x + next(count)}, ValueError, "right gives other results for the same probe"),
    ({"results": ("y", "z")}, ValueError, "results must name the results of right, 1 here, got"),
    ({"right": lambda x: {"a": x}, "results": "y"}, ValueError, "results must name"),
    ({"mistakes": {"It is X.": X}}, TypeError, r"mistakes\['It is X.'\] must be a function, got ndarray"),
    ({"mistakes": ["It is X."]}, TypeError, "mistakes must map sentences to wrong functions, got list"),
    ({"mistakes": {"A slip.": lambda x: nowhere}}, ValueError,  # noqa: F821
     "the mistake 'A slip.' must return results on every probe; on probe 1 your code raises NameError"),
    ({"mistakes": {"None.": lambda x: None}}, ValueError, "the mistake 'None.' must return results"),
    ({"mistakes": {"In place.": changing}}, ValueError, "the mistake 'In place.' .* your code changes x"),
    ({"mistakes": {"Doubled.": lambda x: 2 * x, "Sign.": abs}}, ValueError,
     "the mistake 'Sign.' has the same results as 'right' on every probe: add a probe that tells them"),
    ({"mistakes": {"Doubled.": lambda x: 2 * x, "Added.": lambda x: x + abs(x)}}, ValueError,
     "the mistake 'Added.' has the same results as 'Doubled.' on every probe: add a probe"),
    ({"see": "speeds"}, ValueError, "see must be one of channel_statistics, .* got 'speeds'"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "error", "words"), TEACHER)
def test_the_teachers_errors_come_before_the_learners_function_runs(given, error, words):
    given = {"right": lambda x: x, "probes": [(X,)], "mistakes": {}} | given

    ran = []
    with pytest.raises(error, match=words):
        function(lambda x: ran.append(0), **given)
    assert not ran


def test_a_further_probe_tells_two_mistakes_apart():
    mistakes = {"Doubled.": lambda x: 2 * x, "Added.": lambda x: x + abs(x)}
    assert function(lambda x: x + abs(x), lambda x: x, [(X,), (-X,)], mistakes).misconceptions == ["Added."]


def test_mine_must_be_a_function():
    with pytest.raises(TypeError, match="function checks a function, got tuple"):
        function((1.0, 2.0), abs, [(1.0,)], {})


def test_a_mistake_may_have_another_shape():
    mistakes = {"The axes are left in.": lambda x: x.sum(axis=0, keepdims=True)}
    probes = [(np.ones((2, 3)),), (np.ones((4, 1)),)]
    found = partial(function, right=lambda x: x.sum(axis=0), probes=probes, mistakes=mistakes)
    assert found(lambda x: x.sum(axis=0)[None]).misconceptions == ["The axes are left in."]
    assert found(lambda x: x.sum(axis=0)[:, None]).misconceptions == ["shape"]


def test_arguments_have_a_name_where_the_right_function_gives_none():
    assert (
        "For argument 1 = 1, argument 2 = 2 your"
        in function(lambda x, y: x, lambda *given: sum(given), [(1.0, 2.0)], {}).text
    )


def test_every_chapter_can_be_named():
    for chapter, title in TITLES.items():
        report = function(lambda: 1, lambda: 2, [()], {}, see=chapter)
        assert report.text.splitlines()[-1] == f"see: {title}"


def test_the_tasks_mistakes_are_told_apart_pair_by_pair():
    for exercise in EXERCISES.values():
        given = {"results": None, "close": None} | exercise
        task = prepare(**given)
        assert list(task.mistakes) == list(exercise["mistakes"])
        assert all(task.differing(a, b) for a, b in pairwise([task.right, *task.mistakes.values()]))
