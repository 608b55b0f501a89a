"""The score of a reader's own gradient test: which wrong backward passes it lets through, and why."""

import numpy as np
import pytest
from helpers import GRADCHECK

import bnlib
from bnlib import check, gradcheck
from bnlib.check.exercises import EXERCISES
from bnlib.check.library import misconceptions_of

ALL = misconceptions_of("backward")
BACKWARD = EXERCISES["backward"]


def inputs(m=5, gamma=(1.5, -0.7), eps=0.4, seed=0, places=3):
    """A batch (m, 2, places), or (m, 2) for places=0."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(m, 2, max(places, 1))) * [[1.0], [3.0]] + [[2.0], [-1.0]]
    x = x if places else x[:, :, 0]
    return rng.normal(size=x.shape), x, np.array(gamma), eps


def by_differences(backward, dy, x, gamma, eps, look_at=(0, 1, 2)):
    beta = np.array([0.5, -2.0])
    functions = (
        (lambda x: bnlib.batch_norm(x, gamma, beta, eps=eps)[0], x),
        (lambda gamma: bnlib.batch_norm(x, gamma, beta, eps=eps)[0], gamma),
        (lambda beta: bnlib.batch_norm(x, gamma, beta, eps=eps)[0], beta),
    )
    results = backward(dy, x, gamma, eps)
    return all(gradcheck.max_error(*functions[i], dy, results[i]) < GRADCHECK for i in look_at)


def test_a_good_test_lets_nothing_through():
    report = check.gradient_test(lambda backward: by_differences(backward, *inputs()))
    assert report.ok
    assert report.misconceptions == []
    told = "right: your test accepts the right backward pass, and catches"
    assert str(report) == f"{told} {len(ALL)} of {len(ALL)} wrong ones"


def ones(backward):
    _, x, gamma, eps = inputs()
    return by_differences(backward, np.ones_like(x), x, gamma, eps, look_at=[0])


def proportional(backward):
    """The gradient of sum(y**2) is 2 * y."""
    _, x, gamma, eps = inputs(eps=1e-9)
    y = bnlib.batch_norm(x, gamma, np.array([0.5, -2.0]), eps=eps)[0]
    return by_differences(backward, 2 * y, x, gamma, eps, look_at=[0])


def loose(backward):
    got, right = (b(*inputs()) for b in (backward, BACKWARD.with_steps({})))
    return all(np.allclose(a, b, rtol=0.5) for a, b in zip(got, right, strict=True))


BLIND = [
    (proportional, "backward/dx-is-zero", "dy is a multiple of y plus a number"),
    (loose, "backward/unbiased-variance", "your test is not strict"),
    (
        lambda b: by_differences(b, *inputs(places=0)),
        "backward/gamma-along-the-last-axis",
        "x always has 2 axes",
    ),
    (ones, "backward/dx-is-zero", "dy is the same number everywhere"),
    (
        lambda b: by_differences(b, *inputs(gamma=(1.0, 1.0))),
        "backward/dgamma-with-gamma",
        "gamma is 1 everywhere",
    ),
    (lambda b: by_differences(b, *inputs(eps=1e-9)), "backward/eps-missing", "eps is so small"),
    (lambda b: by_differences(b, *inputs(eps=1e-5)), "backward/eps-fixed", "eps is so small"),
    (
        lambda b: by_differences(b, *inputs(), look_at=[0, 1]),
        "backward/dbeta-averaged",
        "your test accepts wrong values of dbeta",
    ),
    (lambda b: True, "backward/dx-is-dy", "your test never calls the backward pass"),
    (
        lambda b: b(*inputs(m=2, places=0))[0].shape == (2, 2),
        "backward/dx-is-zero",
        "a channel has fewer than 3 values",
    ),
]


@pytest.mark.parametrize(("test", "survivor", "reason"), BLIND, ids=[reason for *_, reason in BLIND])
def test_a_blind_test_is_told_what_it_misses_and_why(test, survivor, reason):
    report = check.gradient_test(test)
    assert not report.ok
    assert survivor in report.misconceptions
    assert f"perhaps because {reason}" in str(report)
    caught = len(ALL) - len(report.misconceptions)
    assert f"catches {caught} of {len(ALL)}" in str(report)
    assert str(report).splitlines()[-1] == "see: Testing gradients"


def refuses(backward):
    raise AssertionError


def breaks(backward):
    return backward(1, 2, 3)


def stub(backward):
    raise NotImplementedError


def asserts(backward):
    assert by_differences(backward, *inputs())


def verdicts(backward):
    return [by_differences(backward, *inputs())]


def test_a_test_of_assertions_need_not_return_anything():
    assert check.gradient_test(asserts).ok


OTHERS = [
    (
        verdicts,
        "your test raises TypeError on the right backward pass: it returns list; return True or",
        ["raises"],
    ),
    (lambda backward: None, "not tried yet", []),
    (stub, "not tried yet", []),
    (lambda backward: False, "wrong: your test refuses the right backward pass", ["refuses-the-right-one"]),
    (refuses, "wrong: your test refuses the right backward pass", ["refuses-the-right-one"]),
    (breaks, "your test raises TypeError on the right backward pass", ["raises"]),
]


@pytest.mark.parametrize(("test", "text", "ids"), OTHERS)
def test_other_verdicts(test, text, ids):
    report = check.gradient_test(test)
    assert not report.ok
    assert str(report).startswith(text)
    assert report.misconceptions == ids


def test_not_a_function():
    with pytest.raises(TypeError, match="gradient_test checks a function, got bool"):
        check.gradient_test(True)
