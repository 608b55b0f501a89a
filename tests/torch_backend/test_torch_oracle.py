"""PyTorch as the oracle: float64 to ten digits, and float32 and float16 against torch's own error."""

import copy
from functools import partial

import numpy as np
import pytest
from helpers import BATCH, EVERY, FILTER_RESPONSE, SMALL_BATCHES, assert_close, assert_same

import bnlib
from bnlib import BatchNorm, batch_norm, batch_norm_backward, batch_norm_eval, reference, update_running

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional

TIGHT = {"rtol": 1e-10, "atol": 1e-11}  # two float64 computations of numbers of order 1, in another order
ENOUGH = 4  # times torch's own error, measured against torch in float64
EMPTY = [(0, 3), (0, 3, 2), (0, 3, 2, 2), (4, 3, 0)]
every_case = pytest.mark.parametrize("case", EVERY, ids=str)
every_layout = pytest.mark.parametrize("case", BATCH, ids=str)


def tensors(*arrays):
    """Leaves that record a gradient; None stays None."""
    return [
        None if a is None else torch.tensor(np.ascontiguousarray(a), requires_grad=True) for a in arrays
    ]


def torch_norm(case, x, gamma, beta, eps, statistics=(None, None)):
    """The case in torch, which wants the samples on axis 0 and the channel on axis 1."""
    if case.norm in ("layer_norm", "rms_norm"):
        norm = F.layer_norm if case.shifts else F.rms_norm
        parameters = (gamma, beta) if case.shifts else (gamma,)
        return norm(x, case.parameter_shape, *parameters, eps=eps)
    first = x.movedim(case.along[0], 0) if case.along == (0,) else x.movedim(case.along[0], 1)
    first = first.transpose(0, 1) if case.along == (0,) else first
    if case.norm == "filter_response_norm":
        flat = first.flatten(2)
        along = [1, -1] + [1] * (first.ndim - 2)
        scale, shift = (
            (1 if gamma is None else gamma.view(along)),
            (0 if beta is None else beta.view(along)),
        )
        y = F.rms_norm(flat, flat.shape[2:], eps=eps).view(first.shape) * scale + shift
    elif case.norm in {one.norm for one in SMALL_BATCHES}:
        y = torch_small_batches(case, first, gamma, beta, eps)
    elif case.norm == "batch_norm":
        training = statistics[0] is None
        y = F.batch_norm(first, *statistics, gamma, beta, training=training, eps=eps)
    elif case.norm == "instance_norm":
        y = F.instance_norm(first, weight=gamma, bias=beta, eps=eps)
    else:
        y = F.group_norm(first, case.arguments["num_groups"], gamma, beta, eps)
    return y.transpose(0, 1) if case.along == (0,) else y.movedim(1, case.along[0])


def torch_small_batches(case, x, gamma, beta, eps):
    """By torch's batch norm: of each ghost, with the older values beside, or with constants of its own."""
    norm = partial(F.batch_norm, running_mean=None, running_var=None, training=True, eps=eps)
    if case.norm == "ghost_batch_norm":
        parts = x.split(case.arguments["ghost_size"])
        return torch.cat([norm(part, weight=gamma, bias=beta) for part in parts])
    if case.norm == "pooled_batch_norm":
        older = case.older.swapaxes(0, 1) if case.samples else np.moveaxis(case.older, case.along[0], 1)
        older = torch.tensor(np.ascontiguousarray(older), dtype=x.dtype)
        return norm(torch.cat([x, older]), weight=gamma, bias=beta)[: len(x)]
    values = x.detach().transpose(0, 1).flatten(1).double()
    running_mean, running_var = (torch.tensor(case.given[name]) for name in ("running_mean", "running_var"))
    running = (running_var + eps).sqrt()
    r = ((values.var(1, correction=0) + eps).sqrt() / running).clip(1 / 1.5, 1.5).to(x.dtype)
    d = ((values.mean(1) - running_mean) / running).clip(-0.7, 0.7).to(x.dtype)
    weight, bias = (r, d) if gamma is None else (gamma * r, gamma * d)
    return norm(x, weight=weight, bias=bias if beta is None else bias + beta)


def torch_results(case, x, gamma, beta, dy, eps=1e-5, statistics=(None, None)):
    """y, dx, dgamma and dbeta as NumPy arrays; None for a parameter that was None."""
    leaves = tensors(x, gamma, beta)
    y = torch_norm(case, *leaves, eps, statistics)
    y.backward(torch.tensor(np.ascontiguousarray(dy)).to(y.dtype))
    gradients = [None if leaf is None or leaf.grad is None else leaf.grad.numpy() for leaf in leaves]
    return [y.detach().numpy(), *gradients]


def assert_all_close(got, wanted, **tolerance):
    for one, right in zip(got, wanted, strict=True):
        if right is None:
            assert one is None
        else:
            assert_close(one, right, **tolerance)


@every_case
@pytest.mark.parametrize("eps", [1e-5, 0.3, 70.0])
@pytest.mark.parametrize("given", ["", "gamma", "gamma beta"])
def test_every_norm(case, eps, given):
    x, gamma, beta, dy = case.draw(11)
    gamma, beta = gamma if "gamma" in given else None, beta if "beta" in given and case.shifts else None
    y, cache = case.forward(x, gamma, beta, eps)
    wanted = torch_results(case, x, gamma, beta, dy, eps)
    assert_all_close((y, *case.backward(dy, cache)), wanted, **TIGHT)


@every_layout
def test_the_specification_itself(case):
    x, gamma, beta, dy = case.draw(12)
    y, dx, dgamma, dbeta = torch_results(case, x, gamma, beta, dy, 0.3)
    assert_close(case.expected(x, gamma, beta, 0.3), y, **TIGHT)
    assert_all_close(case.expected_gradients(dy, x, gamma, 0.3), (dx, dgamma, dbeta), **TIGHT)
    assert reference.variance([1.0, 3.0, 8.0]) == pytest.approx(
        torch.tensor([1.0, 3.0, 8.0]).var(correction=0)
    )


@every_layout
@pytest.mark.parametrize("eps", [1e-5, 7.0])
@pytest.mark.parametrize("given", ["", "gamma beta"])
def test_evaluation_mode(case, eps, given):
    x, gamma, beta, dy = case.draw(13)
    mean, var = np.linspace(-2, 3, len(gamma)), np.linspace(0.1, 4, len(gamma))
    gamma, beta = (gamma, beta) if given else (None, None)
    y, cache = batch_norm_eval(x, mean, var, gamma, beta, eps=eps, **case.arguments)
    statistics = torch.tensor(mean), torch.tensor(var)
    wanted = torch_results(case, x, gamma, beta, dy, eps, statistics)
    assert_all_close((y, *bnlib.batch_norm_eval_backward(dy, cache)), wanted, **TIGHT)


def pair(shape=(4, 3, 2), seed=0, **options):
    """A float64 bnlib layer and torch's, with the same parameters."""
    kind = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}[len(shape)]
    theirs = kind(shape[1], dtype=torch.float64, **options)
    ours = BatchNorm(shape[1], dtype=np.float64, **options)
    rng = np.random.default_rng(seed)
    for key, tensor in theirs.named_parameters():
        value = rng.uniform(1.5, 2.5, shape[1]) * np.resize([-1, 1], shape[1])
        tensor.data[:] = torch.tensor(value)
        setattr(ours, {"weight": "gamma", "bias": "beta"}[key], value)
    return ours, theirs


def assert_same_state(ours, theirs):
    state, wanted = ours.state_dict(), theirs.state_dict()
    assert list(state) == list(wanted)
    for key, tensor in wanted.items():
        assert state[key].shape == tuple(tensor.shape)
        assert state[key].dtype == tensor.numpy().dtype
        assert_close(state[key], tensor.numpy(), **TIGHT)


OPTIONS = [
    {},
    {"eps": 0.3, "momentum": 0.37},
    {"momentum": None},
    {"momentum": 0.0},
    {"momentum": 1.0},
    {"affine": False},
    {"bias": False},
    {"track_running_stats": False},
    {"affine": False, "track_running_stats": False, "momentum": None},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 2), (3, 3, 2, 4), (2, 3, 2, 1, 2)])
def test_layer_over_10_steps_in_both_modes(shape, options):
    """Every fourth step in evaluation mode, batches of changing size, gradients at every step."""
    ours, theirs = pair(shape, **options)
    for step in range(10):
        case = BATCH[0]._replace(shape=(shape[0] + step % 3, *shape[1:]))
        x, _, _, dy = case.draw(step)
        ours.train(step % 4 != 3)
        theirs.train(step % 4 != 3)
        theirs.zero_grad()
        (leaf,) = tensors(x)
        y = theirs(leaf)
        y.backward(torch.tensor(dy))
        assert_close(ours(x), y.detach().numpy(), **TIGHT)
        assert_close(ours.backward(dy), leaf.grad.numpy(), **TIGHT)
        for gradient, parameter in ((ours.dgamma, theirs.weight), (ours.dbeta, theirs.bias)):
            if parameter is None:
                assert gradient is None
            else:
                assert_close(gradient, parameter.grad.numpy(), **TIGHT)
        assert_same_state(ours, theirs)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_state_dict_there_and_back(options):
    """From a trained layer of either kind into a new one of the other; both then go on alike."""
    ours, theirs = pair(**options)
    x = BATCH[3].draw(1)[0]
    theirs(torch.tensor(x))
    theirs(torch.tensor(2 - x))
    ours.load_state_dict({key: tensor.numpy() for key, tensor in theirs.state_dict().items()})
    assert_same_state(ours, theirs)
    ours(x + 1)
    theirs(torch.tensor(x + 1))
    assert_same_state(ours, theirs)
    _, fresh = pair(seed=5, **options)
    fresh.load_state_dict({key: torch.from_numpy(array) for key, array in ours.state_dict().items()})
    assert_same_state(ours, fresh)
    assert_close(ours.eval()(x), fresh.eval()(torch.tensor(x)).detach().numpy(), **TIGHT)


def test_tracking_switched_off_after_construction():
    """No more updates, and evaluation mode still by the statistics so far."""
    ours, theirs = pair()
    for tracking in (True, False):
        for seed in range(3):
            x = BATCH[3].draw(seed)[0]
            ours.track_running_stats = theirs.track_running_stats = tracking
            ours.train(seed < 2)
            theirs.train(seed < 2)
            assert_close(ours(x), theirs(torch.tensor(x)).detach().numpy(), **TIGHT)
            assert_same_state(ours, theirs)


def test_state_dict_of_tensors():
    ours, theirs = pair()
    theirs(torch.tensor(BATCH[3].draw(1)[0]))
    ours.load_state_dict(theirs.state_dict())
    assert_same_state(ours, theirs)


def test_defaults():
    ours, theirs = BatchNorm(3), nn.BatchNorm1d(3)
    assert (ours.eps, ours.momentum) == (theirs.eps, theirs.momentum)
    for key, tensor in theirs.state_dict().items():
        assert_same(ours.state_dict()[key], tensor.numpy())


def outcome(layer, x):
    """The output, or the type of the error."""
    try:
        y = layer(x)
    except (TypeError, ValueError) as error:
        return type(error)
    return np.asarray(y.detach() if isinstance(y, torch.Tensor) else y)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("track", [True, False])
@pytest.mark.parametrize("shape", [(1, 3), (1, 3, 1), (1, 3, 2), (2, 3), *EMPTY[:2]])
def test_few_values_or_none(shape, track, training):
    """One value per channel is an error where the batch's statistics are used; an empty batch is not."""
    ours, theirs = pair((2, 3), track_running_stats=track)
    x = np.random.default_rng(0).normal(size=shape)
    got = outcome(ours.train(training), x)
    wanted = outcome(theirs.train(training), torch.tensor(x))
    assert (wanted is ValueError) == (shape in ((1, 3), (1, 3, 1)) and (training or not track))
    if wanted is ValueError:
        assert got is ValueError
        if track:
            assert ours.num_batches_tracked == 0  # where torch counts the batch that it then rejects
            assert theirs.num_batches_tracked == 1
    else:
        assert_close(got, wanted, **TIGHT)
        assert_same_state(ours, theirs)


@pytest.mark.parametrize("shape", EMPTY)
def test_empty_batch_counts_and_moves_nothing(shape):
    ours, theirs = pair(shape, momentum=0.3)
    full = tuple(n or 4 for n in shape)
    for x in (np.random.default_rng(0).normal(size=full), np.empty(shape)):
        ours(x)
        (leaf,) = tensors(x)
        theirs(leaf).backward(torch.tensor(x))
    assert_same_state(ours, theirs)
    assert ours.num_batches_tracked == 2
    assert ours.backward(np.empty(shape)).shape == leaf.grad.shape == shape
    assert_same(ours.dgamma, np.zeros(3))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("value", [0.0, 0.1, 3e4])
def test_constant_channel_gives_beta(value, dtype):
    beta = np.array([0.3, -4.0, 2.0], dtype)
    x, gamma = np.full((5, 3, 3), value, dtype), np.array([2.0, -30.0, 1.5], dtype)
    theirs = F.batch_norm(*tensors(x), None, None, *tensors(gamma, beta), training=True).detach().numpy()
    ours = batch_norm(x, gamma, beta)[0]
    wanted = np.broadcast_to(beta[:, None], x.shape)
    assert_same(ours, wanted)
    assert error(ours, wanted) <= error(theirs, wanted)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_inf_stay_in_their_channel(bad):
    x, gamma, beta, dy = BATCH[3].draw(14)
    x[1, 2, 0] = bad
    y, cache = batch_norm(x, gamma, beta)
    wanted = torch_results(BATCH[3], x, gamma, beta, dy)
    assert np.isnan(wanted[0][:, 2]).all()
    assert_all_close((y, *batch_norm_backward(dy, cache)), wanted, **TIGHT)


@pytest.mark.parametrize("eps", [0.0, -1e-5])
def test_eps_in_training(eps):
    x = BATCH[3].draw()[0]
    for call in (
        lambda: batch_norm(x, eps=eps),
        lambda: F.batch_norm(torch.tensor(x), None, None, training=True, eps=eps),
    ):
        with pytest.raises(ValueError, match="eps"):
            call()


def test_the_layers_that_the_chapter_on_relatives_names():
    """At the start, when gamma is 1 and beta is 0; a tracked instance norm has an evaluation mode."""
    x = np.random.default_rng(0).normal(3, 2, size=(4, 6, 5, 7))
    whole, double = x.shape[1:], {"dtype": torch.float64}
    pairs = [
        (nn.BatchNorm2d(6, **double), bnlib.batch_norm(x)),
        (nn.LayerNorm(whole, **double), bnlib.layer_norm(x, whole)),
        (nn.GroupNorm(1, 6, **double), bnlib.layer_norm(x, whole)),
        (nn.InstanceNorm2d(6, **double), bnlib.instance_norm(x)),
        (nn.InstanceNorm2d(6, **double).eval(), bnlib.instance_norm(x)),
        (nn.RMSNorm(whole, eps=1e-5, **double), bnlib.rms_norm(x, whole)),
    ]
    for layer, (y, _) in pairs:
        assert_close(layer(torch.tensor(x)).detach().numpy(), y, **TIGHT)
        assert layer.eps == 1e-5
    assert nn.RMSNorm(whole).eps is None  # then it is the rounding unit
    last = nn.LayerNorm(6, **double)(torch.tensor(x).movedim(1, -1)).detach().numpy()
    assert_close(last, bnlib.layer_norm(np.moveaxis(x, 1, -1), 6)[0], **TIGHT)
    tracked = nn.InstanceNorm2d(6, track_running_stats=True, **double)
    tracked(torch.tensor(x))
    tracked.eval()
    assert (tracked(torch.tensor(0.1 * x)) - tracked(torch.tensor(x))).abs().max() > 1


def error(got, exact):
    return np.abs(got.astype(np.float64) - exact).max()


SHAPES = [(64, 3), (7, 5, 3), (8, 3, 14, 14), (2, 40, 3, 3), (3, 2, 3, 4, 5)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("dtype", "center"),
    [(np.float32, 0), (np.float32, 100), (np.float32, 1e5), (np.float16, 0), (np.float16, 50)],
)
@pytest.mark.parametrize("seed", range(2))
def test_low_precision_is_no_worse_than_torchs(shape, dtype, center, seed):
    """Every result, at a mean of `center` stds; exact is float64 torch on the rounded input."""
    rng = np.random.default_rng(seed)
    case = BATCH[0]._replace(shape=shape)
    _, gamma, beta, dy = case.draw(seed)
    x = rng.normal(size=shape) + center * np.resize([1, -1], shape[1]).reshape(-1, *[1] * (len(shape) - 2))
    rounded = [array.astype(dtype) for array in (x, gamma, beta, dy)]
    exact = torch_results(case, *(array.astype(np.float64) for array in rounded))
    theirs = torch_results(case, *rounded)
    y, cache = batch_norm(*rounded[:3])
    for got, other, right in zip((y, *batch_norm_backward(rounded[3], cache)), theirs, exact, strict=True):
        assert got.dtype == other.dtype == dtype
        assert error(got, right) <= ENOUGH * error(other, right)


RELATIVES_AND_OTHERS = [EVERY[i] for i in (9, 12, 13, 18, 23)] + [
    SMALL_BATCHES[i] for i in (2, 4, 7, 9, 14)
]
RELATIVES_AND_OTHERS += FILTER_RESPONSE[1:4:2]


@pytest.mark.parametrize("case", RELATIVES_AND_OTHERS, ids=str)
@pytest.mark.parametrize(("dtype", "center"), [(np.float32, 0), (np.float32, 1e5), (np.float16, 50)])
def test_low_precision_of_the_relatives(case, dtype, center):
    x, gamma, beta, dy = case.draw(15)
    rounded = [(x + center).astype(dtype), gamma.astype(dtype), beta.astype(dtype) if case.shifts else None]
    rounded.append(dy.astype(dtype))
    exact = torch_results(case, *(None if a is None else a.astype(np.float64) for a in rounded))
    theirs = torch_results(case, *rounded)
    y, cache = case.forward(*rounded[:3])
    for got, other, right in zip((y, *case.backward(rounded[3], cache)), theirs, exact, strict=True):
        if right is not None:
            assert error(got, right) <= ENOUGH * error(other, right)


@pytest.mark.parametrize("center", [0.0, 1e5])
def test_float32_running_statistics_are_no_worse_than_torchs(center):
    """Ten steps; exact is the same update in float64 on the same float32 batches."""
    ours, theirs = BatchNorm(3), nn.BatchNorm2d(3)
    exact = np.zeros(3), np.ones(3)
    for seed in range(10):
        x = (np.random.default_rng(seed).normal(size=(4, 3, 5, 5)) + center).astype(np.float32)
        ours(x)
        theirs(torch.tensor(x))
        exact = update_running(*exact, batch_norm(x.astype(np.float64))[1].stats, 0.1)
    for name, right in zip(("running_mean", "running_var"), exact, strict=True):
        assert error(getattr(ours, name), right) <= ENOUGH * error(getattr(theirs, name).numpy(), right)


def test_the_oracle_would_notice():
    """A spoilt copy of torch's layer differs by far more than the tolerance."""
    ours, theirs = pair(eps=0.3)
    spoilt = copy.deepcopy(theirs)
    spoilt.eps = 0.3001
    x = BATCH[3].draw(1)[0]
    assert_close(ours(x), theirs(torch.tensor(x)).detach().numpy(), **TIGHT)
    assert not np.allclose(ours(x), spoilt(torch.tensor(x)).detach().numpy(), **TIGHT)
