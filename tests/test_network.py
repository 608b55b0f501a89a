"""bnlib.network: the loss, a training step that can be followed by hand, and the loop."""

from functools import partial
from io import StringIO

import numpy as np
import pytest
from helpers import GRADCHECK, assert_close, assert_same

from bnlib import BatchNorm
from bnlib import progress as of_progress
from bnlib.gradcheck import max_error
from bnlib.network import (
    Dropout,
    Linear,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    accuracy,
    batches,
    cross_entropy,
    cycle,
    mlp,
    parts_of,
    sgd_step,
    train,
)

LABELS = np.array([2, 0, 1, 1, 2, 0, 0])


def rng(seed=0):
    return np.random.default_rng(seed)


def small_network():
    network = mlp([4, 5, 6, 3], rng(3), partial(BatchNorm, dtype=np.float64))
    for i, part in enumerate(network.batch_norms()):
        part.gamma = rng(i).uniform(-2, 2, part.gamma.shape)
        part.beta = rng(i + 9).normal(size=part.beta.shape)
    return network


def gradients(network):
    return [getattr(part, "d" + name) for part, name in network.parameters()]


def values(network):
    return [getattr(part, name).copy() for part, name in network.parameters()]


def test_network_gradients_reach_every_parameter():
    network = small_network()
    x, dy = rng(4).normal(size=(7, 4)), rng(5).normal(size=(7, 3))

    def with_parameter(part, name, value):
        kept = getattr(part, name)
        setattr(part, name, value)
        y = network(x)
        setattr(part, name, kept)
        return y

    network(x)
    dx = network.backward(dy)
    of_parameters = gradients(network)
    assert len(of_parameters) == 2 * 3 + 2
    assert max_error(network, x, dy, dx) < GRADCHECK
    for (part, name), gradient in zip(list(network.parameters()), of_parameters, strict=True):
        assert max_error(partial(with_parameter, part, name), getattr(part, name), dy, gradient) < GRADCHECK


def test_mode_reaches_every_batch_norm():
    network = small_network()
    assert [part.training for part in network.batch_norms()] == [True, True]
    assert network.eval() is network
    assert [part.training for part in network.batch_norms()] == [False, False]
    assert network.train() is network
    assert [part.training for part in network.batch_norms()] == [True, True]
    network.train(False)
    assert [part.training for part in network.batch_norms()] == [False, False]


@pytest.mark.parametrize(
    "norm", [BatchNorm, None, partial(BatchNorm, affine=False), partial(BatchNorm, bias=False)]
)
def test_mlp(norm):
    network = mlp([4, 5, 6, 3], rng(), norm)
    hidden = ["Linear", "BatchNorm", "ReLU"] if norm else ["Linear", "ReLU"]
    assert [type(part).__name__ for part in network.parts] == hidden * 2 + ["Linear"]
    linear = [part for part in network.parts if isinstance(part, Linear)]
    assert [part.weight.shape for part in linear] == [(4, 5), (5, 6), (6, 3)]
    assert [part.bias is not None for part in linear] == [norm is None, norm is None, True]
    assert [part.num_features for part in network.batch_norms()] == ([5, 6] if norm else [])
    learned = [name for part, name in network.parameters() if isinstance(part, BatchNorm)]
    one = ["gamma", "beta"] if norm is BatchNorm else ["gamma"] if norm and "bias" in norm.keywords else []
    assert learned == 2 * one


def test_mlp_of_another_activation():
    network = mlp([4, 5, 3], rng(), activation=Sigmoid)
    assert [type(part).__name__ for part in network.parts] == ["Linear", "BatchNorm", "Sigmoid", "Linear"]
    network = mlp([4, 5, 3], rng(), None, Sigmoid)
    assert [type(part).__name__ for part in network.parts] == ["Linear", "Sigmoid", "Linear"]


def test_mlp_of_no_hidden_layer_and_default_norm():
    assert [type(part).__name__ for part in mlp([4, 3], rng()).parts] == ["Linear"]
    network = mlp([4, 5, 3], rng())
    assert isinstance(network.parts[1], BatchNorm)
    assert {getattr(part, name).dtype for part, name in network.parameters()} == {np.dtype(np.float64)}


def test_cross_entropy_by_hand():
    """Odds 1 : 3 and 4 : 1; label 1, then label 1: the mean of log(4/3) and log(5)."""
    logits = np.log([[1.0, 3.0], [4.0, 1.0]])
    loss, dlogits = cross_entropy(logits, np.array([1, 1]))
    assert type(loss) is float
    assert_close(loss, (np.log(4 / 3) + np.log(5)) / 2)
    assert_close(dlogits, np.array([[0.25, -0.25], [0.8, -0.8]]) / 2)


def test_cross_entropy_gradient():
    logits = rng().normal(size=(7, 3)) * 3
    dlogits = cross_entropy(logits, LABELS)[1]
    assert (
        max_error(lambda z: cross_entropy(z, LABELS)[0], logits, np.array(1.7), 1.7 * dlogits) < GRADCHECK
    )
    assert cross_entropy(logits.astype(np.float32), LABELS)[1].dtype == np.float32


def test_cross_entropy_of_large_logits_does_not_overflow():
    """And a row of very negative ones does not underflow to a logarithm of 0."""
    loss, dlogits = cross_entropy(np.array([[1000.0, 0.0], [-5000.0, -3000.0]]), np.array([0, 0]))
    assert_close(loss, 1000)
    assert_close(dlogits, [[0, 0], [-0.5, 0.5]])


def test_sgd_step_subtracts_the_gradient():
    x = rng(4).normal(size=(7, 4))
    network, twin = small_network(), small_network()
    loss, dlogits = cross_entropy(twin(x), LABELS)
    twin.backward(dlogits)
    wanted = [
        value - 0.25 * gradient for value, gradient in zip(values(twin), gradients(twin), strict=True)
    ]
    assert sgd_step(network, x, LABELS, 0.25) == loss
    for got, right in zip(values(network), wanted, strict=True):
        assert_close(got, right)


def test_sgd_step_keeps_the_dtype():
    network = Sequential(Linear(4, 3, rng(), dtype=np.float32), BatchNorm(3, dtype=np.float16))
    before = values(network)
    sgd_step(network, rng(4).normal(size=(7, 4)), LABELS, 0.25)
    assert [value.dtype for value in values(network)] == [np.float32, np.float32, np.float16, np.float16]
    assert not any(np.array_equal(old, new) for old, new in zip(before, values(network), strict=True))


def test_sgd_step_leaves_out_what_is_not_trainable():
    network = small_network()
    before = values(network)
    learned = lambda part, name: isinstance(part, Linear) and name == "bias"  # noqa: E731
    sgd_step(network, rng(4).normal(size=(7, 4)), LABELS, 0.25, learned)
    moved = [not np.array_equal(a, b) for a, b in zip(before, values(network), strict=True)]
    assert moved == [learned(part, name) for part, name in network.parameters()]
    assert sum(moved) == 1


def test_decay_adds_to_the_gradient_of_weights():
    """Exactly: in every step by decay times the weight before it."""
    network, plain, x = small_network(), small_network(), rng(4).normal(size=(7, 4))
    before = values(network)
    assert sgd_step(network, x, LABELS, 0.25, decay=0.5) == sgd_step(plain, x, LABELS, 0.25)
    names = [name for _, name in network.parameters()]
    assert names.count("weight") == 3
    for name, old, got, right in zip(names, before, values(network), values(plain), strict=True):
        assert_close(got, right - 0.25 * 0.5 * old * (name == "weight"))
    assert_same(network.parts[0].dweight, plain.parts[0].dweight)  # the gradient of the loss alone


def test_decays_says_what_decays():
    network, plain, x = small_network(), small_network(), rng(4).normal(size=(7, 4))
    before = values(network)
    of_norms = lambda part, name: isinstance(part, BatchNorm) and name == "gamma"  # noqa: E731
    sgd_step(network, x, LABELS, 0.25, decay=0.5, decays=of_norms)
    sgd_step(plain, x, LABELS, 0.25)
    pairs = zip(network.parameters(), before, values(network), values(plain), strict=True)
    for (part, name), old, got, right in pairs:
        assert_close(got, right - 0.125 * old * of_norms(part, name))
    sgd_step(network, x, LABELS, 0.25, trainable=lambda part, name: False, decay=0.5)
    assert_same(values(network)[0], values(plain)[0])  # what is frozen does not decay


def test_decay_keeps_the_dtype():
    network = Sequential(Linear(4, 3, rng(), dtype=np.float32))
    sgd_step(network, rng(4).normal(size=(7, 4)), LABELS, np.float64(0.25), decay=np.float64(0.1))
    assert [value.dtype for value in values(network)] == [np.float32, np.float32]


def test_training_lowers_the_loss():
    network, x = small_network(), rng(4).normal(size=(7, 4))
    losses = [sgd_step(network, x, LABELS, 0.1) for _ in range(60)]
    assert losses[-1] < losses[0] / 3


def test_accuracy():
    network = lambda x: x  # noqa: E731
    logits = np.array([[0.0, 2.0, 1.0], [5.0, 2.0, 1.0], [0.0, 2.0, 3.0], [0.0, 2.0, 3.0]])
    got = accuracy(network, logits, np.array([1, 0, 2, 1]))
    assert (got, type(got)) == (0.75, float)


@pytest.mark.parametrize(("count", "size", "number"), [(10, 3, 3), (9, 3, 3), (2, 3, 0), (3, 3, 1)])
def test_batches(count, size, number):
    drawn = list(batches(count, size, rng()))
    assert [len(batch) for batch in drawn] == [size] * number
    indices = [int(i) for batch in drawn for i in batch]
    assert len(set(indices)) == len(indices)
    assert set(indices) <= set(range(count))
    assert indices != sorted(indices) or number == 0


def test_batches_follow_their_generator():
    first, second, other = (np.array(list(batches(12, 4, rng(seed)))) for seed in (0, 0, 1))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([0, 1], ValueError, r"labels must have shape \(4,\) and not be empty, got \(2,\)"),
        ([[0], [1], [0], [1]], ValueError, r"labels must have shape \(4,\).*, got \(4, 1\)"),
        ([0.0, 1.0, 0.0, 1.0], TypeError, "labels must be integers, got float64"),
        ([0, 1, 2, 7], ValueError, r"labels must be in \[0, 3\), got 0 to 7"),
        ([0, 1, 2, -1], ValueError, r"labels must be in \[0, 3\), got -1 to 2"),
    ],
)
def test_labels_that_do_not_fit_leave_the_network_as_it_was(labels, error, message):
    network, x, labels = mlp([5, 4, 3], rng()), rng(1).normal(size=(4, 5)), np.array(labels)
    for call in (
        lambda: sgd_step(network, x, labels, 0.1),
        lambda: cross_entropy(np.zeros((4, 3)), labels),
    ):
        with pytest.raises(error, match=message):
            call()
    assert network.batch_norms()[0].num_batches_tracked == 0
    with pytest.raises(error, match=message):
        accuracy(network, x, labels)
    assert network.batch_norms()[0].num_batches_tracked == 0
    with pytest.raises(error, match=message):
        accuracy(network.eval(), x, labels)


class Halved:
    """A last part of a reader's own, which has no weight to count classes by."""

    def __call__(self, x):
        return x / 2

    def backward(self, dy):
        return dy / 2

    def parameters(self):
        return iter(())


def nested_network():
    """The last Linear is neither last nor at the top."""
    inside = Residual(Sequential(BatchNorm(4), Dropout(0.5, rng(1)), Linear(4, 4, rng(2))))
    return Sequential(Sequential(inside, Sequential(Linear(4, 3, rng(3)))), Halved())


def state(network):
    """Every part with its attributes, and with copies of those that are arrays."""
    for part in (network, *parts_of(network)):
        arrays = {name: value.copy() for name, value in vars(part).items() if isinstance(value, np.ndarray)}
        yield part, dict(vars(part)), arrays


def assert_as_before(before):
    for part, attributes, arrays in before:
        assert vars(part).keys() == attributes.keys()
        assert all(vars(part)[name] is value for name, value in attributes.items())
        for name, copy in arrays.items():
            assert_same(vars(part)[name], copy)


def run(network, x, labels, seed=5, **how):
    given = {"learning_rate": 0.1, "steps": 6, "size": 3, "rng": rng(seed)}
    return train(network, x, labels, **given | how)


def test_a_step_of_nested_parts():
    network, x = nested_network(), rng(4).normal(size=(7, 4))
    before = values(network)
    assert len(before) == 6
    assert np.isfinite(sgd_step(network, x, LABELS, 0.1))
    assert not any(np.array_equal(old, new) for old, new in zip(before, values(network), strict=True))


BAD_STEPS = [
    ({"labels": LABELS + 1}, ValueError, r"labels must be in \[0, 3\), got 1 to 3"),
    ({"labels": LABELS - 1}, ValueError, r"labels must be in \[0, 3\), got -1 to 1"),
    ({"labels": LABELS[:6]}, ValueError, r"labels must have shape \(7,\) and not be empty, got \(6,\)"),
    ({"labels": LABELS[:, None]}, ValueError, r"labels must have shape \(7,\) .*, got \(7, 1\)"),
    ({"labels": LABELS * 1.0}, TypeError, "labels must be integers, got float64"),
    ({"learning_rate": np.nan}, ValueError, "learning_rate must be finite, got nan"),
    ({"learning_rate": "1"}, TypeError, "learning_rate must be a real number, got '1'"),
    ({"decay": -0.1}, ValueError, "decay must be at least 0, got -0.1"),
    ({"decay": np.inf}, ValueError, "decay must be finite, got inf"),
]


@pytest.mark.parametrize(("changed", "error", "message"), BAD_STEPS)
@pytest.mark.parametrize("make", [nested_network, small_network])
def test_a_step_that_is_refused_leaves_all_as_it_was(make, changed, error, message):
    network, x = make(), rng(4).normal(size=(7, 4))
    sgd_step(network, x, LABELS, 0.1)  # so that there are caches and gradients to keep
    before = list(state(network))
    given = {"x": x, "labels": LABELS, "learning_rate": 0.1} | changed
    for step in (sgd_step, run):
        with pytest.raises(error, match=message):
            step(network, **given)
        assert_as_before(before)


def test_a_part_alone_is_a_network():
    linear, x = Linear(4, 3, rng()), rng(4).normal(size=(7, 4))
    sgd_step(linear, x, LABELS, 0.1)
    before = list(state(linear))
    with pytest.raises(ValueError, match="labels must be in"):
        sgd_step(linear, x, LABELS + 1, 0.1)
    assert_as_before(before)


@pytest.mark.parametrize("labels", [LABELS[:6], LABELS * 1.0])
def test_what_can_be_seen_at_once_is_refused_before_a_mask_is_drawn(labels):
    dropout = Dropout(0.5, rng(1))
    with pytest.raises((ValueError, TypeError), match="labels must"):
        sgd_step(Sequential(dropout), np.ones((7, 3)), labels, 0.1)
    assert dropout.rng.bit_generator.state == rng(1).bit_generator.state


def test_a_label_that_is_met_late_undoes_the_steps_before_it():
    network, x, labels = nested_network(), rng(4).normal(size=(9, 4)), np.arange(9) % 3
    order, seen = list(cycle(9, 3, 6, rng(5))), []
    labels[order[2][0]] = 3
    before = list(state(network))
    with pytest.raises(ValueError, match=r"labels must be in \[0, 3\), got \d to 3"):
        run(network, x, labels, after=seen.append)
    assert seen == [1, 2]
    assert_as_before(before)


@pytest.mark.parametrize("shape", [(7, 4, 1), (7,), (7, 1, 1, 4)])
def test_logits_must_be_rows(shape):
    network = Sequential(ReLU())
    for call in (sgd_step, run):
        with pytest.raises(ValueError, match=r"^logits must have shape \(N, K\), got \("):
            call(network, np.ones(shape), LABELS, learning_rate=0.1)
    with pytest.raises(ValueError, match=r"^logits must have shape \(N, K\), got \("):
        accuracy(network, np.ones(shape), LABELS)


def test_train_is_a_loop_of_steps():
    """Two epochs of three steps, in the order that the generator shuffles."""
    network, twin = small_network(), small_network()
    x, labels = rng(4).normal(size=(10, 4)), np.arange(10) % 3
    draw = rng(5)
    order = [rows for _ in range(2) for rows in batches(10, 3, draw)]
    losses = run(network, x, labels, decay=0.2)
    wanted = [sgd_step(twin, x[rows], labels[rows], 0.1, decay=0.2) for rows in order]
    assert_same(losses, np.array(wanted))
    for got, right in zip(values(network), values(twin), strict=True):
        assert_same(got, right)
    assert not np.array_equal(losses, run(small_network(), x, labels))


def test_train_hands_on_what_is_trained_and_decays():
    network, twin = small_network(), small_network()
    x, labels = rng(4).normal(size=(3, 4)), np.arange(3)
    rules = {"trainable": lambda part, name: name != "beta", "decays": lambda part, name: name == "gamma"}
    run(network, x, labels, steps=1, decay=3.0, **rules)
    (rows,) = cycle(3, 3, 1, rng(5))
    sgd_step(twin, x[rows], labels[rows], 0.1, decay=3.0, **rules)
    for got, right in zip(values(network), values(twin), strict=True):
        assert_same(got, right)


def test_train_takes_lists_and_leaves_the_mode_alone():
    network = small_network().eval()
    x, labels = rng(4).normal(size=(7, 4)), LABELS
    assert_same(run(network, x.tolist(), labels.tolist()), run(small_network().eval(), x, labels))
    assert [norm.num_batches_tracked for norm in network.batch_norms()] == [0, 0]


def test_train_calls_after_every_step():
    network, seen = small_network(), []
    losses = run(
        network,
        rng(4).normal(size=(7, 4)),
        LABELS,
        after=lambda step: seen.append((step, network.batch_norms()[0].num_batches_tracked)),
    )
    assert seen == [(step, step) for step in range(1, 7)]
    assert (losses.shape, losses.dtype) == ((6,), np.float64)


def test_train_ends_at_the_first_loss_that_is_not_finite():
    """Without a warning, which would be an error here; and outside of it warnings are as they were."""
    network = mlp([4, 5, 3], rng(), None)
    kept = np.geterr()
    losses = run(network, rng(4).normal(size=(7, 4)) * 1e3, LABELS, learning_rate=1e200, steps=40)
    assert 1 < len(losses) < 40
    assert np.isfinite(losses[:-1]).all()
    assert not np.isfinite(losses[-1])
    assert np.geterr() == kept


def test_cycle():
    drawn = list(cycle(7, 3, 5, rng(5)))
    draw = rng(5)
    wanted = [rows for _ in range(3) for rows in batches(7, 3, draw)][:5]
    assert np.array_equal(drawn, wanted)
    assert not np.array_equal(drawn[0], drawn[2])


class Terminal(StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "progress", "said"),
    [
        (Terminal, None, True),
        (StringIO, None, False),
        (StringIO, True, True),
        (Terminal, False, False),
    ],
)
def test_progress_goes_to_a_terminal(monkeypatch, capsys, stream, progress, said):
    """By a clock that says 2 s a step: at 6 s, and at 12 s."""
    error, clock = stream(), iter(range(0, 100, 2))
    monkeypatch.setattr(of_progress.sys, "stderr", error)
    monkeypatch.setattr(of_progress.time, "monotonic", lambda: next(clock))
    run(small_network(), rng(4).normal(size=(7, 4)), LABELS, progress=progress)
    assert error.getvalue() == "step 3 of 6 after 6 s\nstep 6 of 6 after 12 s\n" * said
    assert capsys.readouterr().out == ""


def test_a_short_run_says_nothing(monkeypatch):
    error = Terminal()
    monkeypatch.setattr(of_progress.sys, "stderr", error)
    monkeypatch.setattr(of_progress.time, "monotonic", lambda: 7.0)
    run(small_network(), rng(4).normal(size=(7, 4)), LABELS)
    assert error.getvalue() == ""


def test_batches_need_a_size():
    with pytest.raises(ValueError, match="size must be at least 1, got 0"):
        next(batches(3, 0, rng()))
