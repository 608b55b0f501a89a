"""The checker: every misconception refused and named, right code in many styles accepted."""

from functools import partial
from itertools import combinations

import numpy as np
import pytest

import bnlib
from bnlib import check
from bnlib.check.diagnosis import diagnose, outcomes, same, tolerance
from bnlib.check.exercises import EXERCISES, along, probes
from bnlib.check.library import MISCONCEPTIONS, known

every_exercise = pytest.mark.parametrize("name", EXERCISES)


def wrong_function(name, ids):
    """A function of the exercise with the steps of these misconceptions."""
    steps = {step: code for key in ids for step, code in MISCONCEPTIONS[key].steps.items()}

    def function(*arguments):
        results = EXERCISES[name].run(dict(zip(EXERCISES[name].arguments, arguments, strict=True)), steps)
        return results if len(results) > 1 else results[0]

    return function


@every_exercise
def test_every_misconception_is_refused_and_named(name):
    for entry in known(name):
        report = diagnose(name, wrong_function(name, [entry.id]))
        assert not report.ok
        assert report.misconceptions == [entry.id]
        assert entry.says in str(report)
        assert f"see the chapter {entry.chapter}" in str(report)


@every_exercise
def test_every_compatible_pair_is_refused_and_named(name):
    """Where one mistake hides the other, or both are a third, what is named gives the same results."""
    for one, two in combinations(known(name), 2):
        if set(one.steps) & set(two.steps):
            continue
        report = diagnose(name, wrong_function(name, [one.id, two.id]))
        assert not report.ok
        if set(report.misconceptions) != {one.id, two.id}:
            pair, named = outcomes(name, (one.id, two.id)), outcomes(name, tuple(report.misconceptions))
            assert all(
                same(a, b, tolerance(i, pair)) for i, (a, b) in enumerate(zip(pair, named, strict=True))
            )


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
            dy, bnlib.batch_norm(x, gamma, np.zeros(3), eps=eps)[1]
        ),
        "running": lambda mean, var, x, momentum: bnlib.update_running(
            mean, var, bnlib.channel_stats(x), momentum
        ),
        "eval_forward": lambda x, *rest: (bnlib.batch_norm_eval(x, *rest[:-1], eps=rest[-1])[0],),
        "eval_backward": lambda dy, x, mean, var, gamma, eps: bnlib.batch_norm_eval_backward(
            dy, bnlib.batch_norm_eval(x, mean, var, gamma, np.zeros(3), eps=eps)[1]
        ),
        "layer": partial(check.play, partial(bnlib.BatchNorm, dtype=np.float64)),
    }[name]
    for inputs in probes(name)[:-1]:
        for got, right in zip(EXERCISES[name].run(inputs), core(*inputs.values()), strict=True):
            assert np.allclose(got, right, rtol=1e-10, atol=1e-11)


# Right implementations in several styles


def loops(x):
    means, variances = [], []
    for c in range(x.shape[1]):
        values = [float(v) for v in np.moveaxis(x, 1, 0)[c].ravel()]
        means.append(sum(values) / len(values))
        variances.append(sum((v - means[-1]) ** 2 for v in values) / len(values))
    return np.array(means), np.array(variances)


def rows(x):
    return np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])


def narrow(function):
    """The same in float32 arithmetic, whatever comes in."""
    return lambda *arguments: function(*(np.asarray(a, dtype=np.float32) for a in arguments))


def by_core(x):
    stats = bnlib.channel_stats(x)
    return stats.mean, stats.var


def einsum_stats(x):
    flat = rows(x)
    mean = np.einsum("mc->c", flat) / len(flat)
    return mean, np.einsum("mc,mc->c", flat - mean, flat - mean) / len(flat)


def staged_forward(x, gamma, beta, eps):
    axes = (0, *range(2, x.ndim))
    centered = x - x.mean(axis=axes, keepdims=True)
    var = (centered**2).mean(axis=axes, keepdims=True)
    return along(gamma, x) * (centered * (var + eps) ** -0.5) + along(beta, x)


def folded_forward(x, gamma, beta, eps):
    mean, var = loops(x)
    scale = gamma / np.sqrt(var + eps)
    return x * along(scale, x) + along(beta - mean * scale, x)


def rows_forward(x, gamma, beta, eps):
    flat = rows(x)
    y = (flat - flat.mean(axis=0)) / np.sqrt(flat.var(axis=0) + eps) * gamma + beta
    return np.moveaxis(y.reshape(*x.shape[:1], *x.shape[2:], -1), -1, 1)


def staged_backward(dy, x, gamma, eps):
    axes, m = (0, *range(2, x.ndim)), x.size // x.shape[1]
    centered = x - x.mean(axis=axes, keepdims=True)
    var = (centered**2).mean(axis=axes, keepdims=True)
    inv_std = 1 / np.sqrt(var + eps)
    dxhat = dy * along(gamma, x)
    dvar = (dxhat * centered).sum(axis=axes, keepdims=True) * -0.5 * inv_std**3
    dmean = -(dxhat * inv_std).sum(axis=axes, keepdims=True)
    dx = dxhat * inv_std + dvar * 2 * centered / m + dmean / m
    return dx, (dy * centered * inv_std).sum(axis=axes), dy.sum(axis=axes)


def jacobian_backward(dy, x, gamma, eps):
    flat, flat_dy = rows(x), rows(dy)
    dx = np.empty_like(flat)
    m = len(flat)
    for c in range(flat.shape[1]):
        inv_std = 1 / np.sqrt(flat[:, c].var() + eps)
        xhat = (flat[:, c] - flat[:, c].mean()) * inv_std
        jacobian = gamma[c] * inv_std * (np.eye(m) - np.ones((m, m)) / m - np.outer(xhat, xhat) / m)
        dx[:, c] = jacobian.T @ flat_dy[:, c]
    xhat = (flat - flat.mean(axis=0)) / np.sqrt(flat.var(axis=0) + eps)
    back = np.moveaxis(dx.reshape(*x.shape[:1], *x.shape[2:], -1), -1, 1)
    return back, (flat_dy * xhat).sum(axis=0), flat_dy.sum(axis=0)


def core_backward(dy, x, gamma, eps):
    return bnlib.batch_norm_backward(dy, bnlib.batch_norm(x, gamma, np.zeros(3), eps=eps)[1])


def lerp_running(mean, var, x, momentum):
    new = rows(x)
    return mean + momentum * (new.mean(axis=0) - mean), var + momentum * (new.var(axis=0, ddof=1) - var)


def wide_eval(x, mean, var, gamma, beta, eps):
    return along(gamma, x) * (x - along(mean, x)) / np.sqrt(along(var, x) + eps) + along(beta, x)


def folded_eval(x, mean, var, gamma, beta, eps):
    scale = gamma / np.sqrt(var + eps)
    return x * along(scale, x) + along(beta - mean * scale, x)


def eval_gradients(dy, x, mean, var, gamma, eps):
    xhat = (rows(x) - mean) / np.sqrt(var + eps)
    return dy * along(gamma / np.sqrt(var + eps), x), (rows(dy) * xhat).sum(axis=0), rows(dy).sum(axis=0)


class Handmade:
    """Written as a reader would, for any rank."""

    training = True

    def __init__(self, channels, eps, momentum):
        self.mean, self.var, self.eps, self.momentum = np.zeros(channels), np.ones(channels), eps, momentum

    def train(self):
        self.training = True

    def eval(self):
        self.training = False

    def __call__(self, x):
        mean, var = self.mean, self.var
        if self.training:
            mean, var = stats(x)
            m = x.size // x.shape[1]
            self.mean = self.mean + self.momentum * (mean - self.mean)
            self.var = self.var + self.momentum * (var * m / (m - 1) - self.var)
        return (x - along(mean, x)) / np.sqrt(along(var, x) + self.eps)


class Torch:
    """torch's own layer, with arrays going in and out."""

    def __init__(self, channels, eps, momentum):
        torch = pytest.importorskip("torch")
        kinds = {2: torch.nn.BatchNorm1d, 3: torch.nn.BatchNorm1d, 4: torch.nn.BatchNorm2d}
        self.layer = None
        self.make = lambda x: kinds.get(x.ndim, torch.nn.BatchNorm3d)(channels, eps, momentum).double()
        self.tensor, self.mode = torch.tensor, "train"

    def train(self):
        self.mode = "train"

    def eval(self):
        self.mode = "eval"

    def __call__(self, x):
        self.layer = self.layer or self.make(x)
        getattr(self.layer, self.mode)()
        return self.layer(self.tensor(x)).detach().numpy()


RIGHT = [
    *(("layer", kind) for kind in (bnlib.BatchNorm, Handmade, Torch)),
    *(("channel_stats", f) for f in (loops, by_core, einsum_stats, narrow(einsum_stats))),
    ("channel_stats", lambda x: (rows(x).mean(axis=0), rows(x).var(axis=0))),
    ("channel_stats", lambda x: list(loops(x))),
    *(("forward", f) for f in (staged_forward, folded_forward, rows_forward, narrow(staged_forward))),
    ("forward", lambda x, gamma, beta, eps: bnlib.batch_norm(x, gamma, beta, eps=eps)[0]),
    *(("backward", f) for f in (staged_backward, jacobian_backward, core_backward)),
    ("backward", narrow(staged_backward)),
    *(("running", f) for f in (lerp_running, narrow(lerp_running))),
    *(("eval_forward", f) for f in (wide_eval, folded_eval, narrow(wide_eval))),
    *(("eval_backward", f) for f in (eval_gradients, narrow(eval_gradients))),
    *((name, wrong_function(name, [])) for name in EXERCISES if name != "layer"),
]


@pytest.mark.parametrize(("name", "function"), RIGHT)
def test_right_code_is_accepted(name, function):
    report = getattr(check, name)(function)
    assert report.ok, str(report)
    assert str(report) == "right"
    assert report.misconceptions == []


# What a function does besides its numbers


def stats(x):
    return rows(x).mean(axis=0), rows(x).var(axis=0)


def changes(x):
    mean, var = stats(x)
    x -= 1
    return mean, var


def remembers(x, calls=[]):  # noqa: B006
    calls.append(0)
    return stats(x)[0] + 0.1 * (len(calls) > 7), stats(x)[1]


def fails(x):
    return stats(x)[0], stats(x)[1] / undefined  # noqa: F821


BEHAVIOUR = [
    (lambda x: None, "not tried yet", []),
    (lambda x: stats(x)[0], "return 2 results: mean, var", ["number-of-results"]),
    (changes, "changes x; compute on a copy", ["changes-its-input"]),
    (remembers, "something is remembered", ["hidden-state"]),
    (fails, "raises NameError: name 'undefined' is not defined\n  in your line", ["raises"]),
    (lambda x: ("a", "b"), "mean has dtype", ["dtype"]),
    (lambda x: (stats(x)[0].astype(int), stats(x)[1]), "mean has dtype int64", ["dtype"]),
    (lambda x: (stats(x)[0][None], stats(x)[1]), r"mean has shape (1, 3); wanted (3,)", ["shape"]),
]


@pytest.mark.parametrize(("function", "text", "ids"), BEHAVIOUR, ids=[text for _, text, _ in BEHAVIOUR])
def test_behaviour_is_reported(function, text, ids):
    report = check.channel_stats(function)
    assert not report.ok
    assert text in str(report)
    assert report.misconceptions == ids


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


def test_an_unknown_mistake_is_shown_by_an_example():
    report = check.backward(lambda *arguments: tuple(1.1 * r for r in core_backward(*arguments)))
    assert not report.ok
    assert "wrong: for an input of shape (5, 3), dx[" in str(report)
    good = check.backward(
        lambda *a: (core_backward(*a)[0], 1.1 * core_backward(*a)[1], core_backward(*a)[2])
    )
    assert str(good).startswith("right already: dx, dbeta\nwrong: for an input of shape (5, 3), dgamma[")


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


CLUES = [
    (check.backward, spoilt(0, lambda dx, *_: 1.25 * dx), "dx is the right one times 1.25"),
    (
        check.backward,
        spoilt(1, lambda v, dy, *_: dy.size * v),
        "times a factor that changes with the input: 15, 18",
    ),
    (
        check.backward,
        spoilt(0, lambda dx, dy, *_: dx + 0.1 * dy**2),
        "dx does not add up to 0 over a channel",
    ),
    (
        check.backward,
        spoilt(0, lambda dx, dy, x, *_: dx + x - x.mean(axis=(0, *range(2, x.ndim)), keepdims=True)),
        "the sum of dx * xhat is not what eps leaves of it",
    ),
    (check.backward, only_rows, "it is right where x has 2 axes"),
    (check.channel_stats, float32_sums, "it is right in float64: of float32 values near 3000"),
]


@pytest.mark.parametrize(("checker", "function", "clue"), CLUES, ids=[clue for *_, clue in CLUES])
def test_clues_of_an_unknown_mistake(checker, function, clue):
    report = checker(function)
    assert not report.ok
    assert report.misconceptions == []
    assert clue in str(report)


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
    assert "right already: output 1 (train), output 2 (train)" in str(report)
    with pytest.raises(TypeError, match="layer checks a class, got int"):
        check.layer(3)
