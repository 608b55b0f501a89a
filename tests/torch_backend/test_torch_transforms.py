"""Layers under torch.func, in forward mode and in checkpoints: statistics and count move together."""

import pytest

torch = pytest.importorskip("torch")

from torch.autograd import forward_ad  # noqa: E402
from torch.utils._pytree import tree_leaves  # noqa: E402
from torch.utils.checkpoint import checkpoint, set_checkpoint_early_stop  # noqa: E402
from torch_helpers import Case  # noqa: E402

from bnlib import torch as bt  # noqa: E402
from bnlib.torch.functional import normalize  # noqa: E402

nn, F, func = torch.nn, torch.nn.functional, torch.func
# Torch's forward mode loads formulas by torch.jit.script, of which torch warns.
pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Attempted to insert a get_attr Node"),  # by linearize
]
X, T = Case((4, 3, 2)).tensors()[:2]
MANY = torch.stack([X, X**2, X.flip(0) + 2])


def loss(layer):
    return lambda x: layer(x).pow(3).sum()


def with_duals(layer):
    with forward_ad.dual_level():
        return forward_ad.unpack_dual(layer(forward_ad.make_dual(X, T))).tangent


def jacobian(layer, **options):
    return torch.autograd.functional.jacobian(layer, X, vectorize=True, **options)


TRANSFORMS = {
    "grad": lambda f: func.grad(loss(f))(X),
    "grad of grad": lambda f: func.grad(lambda x: func.grad(loss(f))(x).pow(2).sum())(X),
    "vjp": lambda f: func.vjp(f, X)[1](T),
    "jvp": lambda f: func.jvp(f, (X,), (T,)),
    "linearize": lambda f: func.linearize(f, X)[1](T),
    "jacrev": lambda f: func.jacrev(f)(X),
    "jacfwd": lambda f: func.jacfwd(f)(X),
    "hessian": lambda f: func.hessian(loss(f))(X),
    "jacrev of jacrev": lambda f: func.jacrev(func.jacrev(loss(f)))(X),
    "jacfwd of jacfwd": lambda f: func.jacfwd(func.jacfwd(loss(f)))(X),
    "jacrev of jacfwd": lambda f: func.jacrev(func.jacfwd(loss(f)))(X),
    "dual numbers": with_duals,
    "jacobian of autograd": jacobian,
    "jacobian in forward mode": lambda f: jacobian(f, strategy="forward-mode"),
    "hessian of autograd": lambda f: torch.autograd.functional.hessian(loss(f), X),
    "vmap": lambda f: func.vmap(f)(MANY),
    "vmap of grad": lambda f: func.vmap(func.grad(loss(f)))(MANY),
    "vmap of jvp": lambda f: func.vmap(lambda x: func.jvp(f, (x,), (T,)))(MANY),
    "jvp of vmap": lambda f: func.jvp(func.vmap(f), (MANY,), (MANY.flip(0),)),
    "functionalize": lambda f: func.functionalize(f)(X),
}
REFUSED = {"functionalize", "jacfwd of jacfwd"}
SAME_AS = {"jacrev of jacfwd": "jacrev of jacrev"}  # where torch 2.13 takes the statistics for constants
SHARED = {name for name in TRANSFORMS if "vmap" in name}  # one set of statistics cannot follow many batches


def layers(training, **options):
    """Torch's layer and ours, which have seen a batch."""
    made = nn.BatchNorm1d(3, **options).double(), bt.BatchNorm1d(3, **options).double()
    for layer in made:
        layer.weight.data, layer.bias.data = torch.tensor([[1.0, -2.0, 0.5], [1.0, 0.0, 3.0]]).double()
        layer(2 * X)
        layer.train(training)
    return made


def values(layer):
    return [value.clone() for value in layer.state_dict().values()]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("momentum", [0.3, None])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_layer_is_right_or_nothing_moved(name, momentum, training):
    """Torch's layer counts in place, which torch.func refuses in training: its function is the oracle."""
    theirs, ours = layers(training, momentum=momentum)
    if name in REFUSED or (training and name in SHARED):
        before = values(ours)
        with pytest.raises(
            (ValueError, RuntimeError), match=r"running_mean and|Functionalize|use jacfwd of"
        ):
            TRANSFORMS[name](ours)
        assert all(map(torch.equal, values(ours), before))
        return
    if training and momentum is None and name == "linearize":  # calls once before it records
        theirs(X)
        with pytest.raises(ValueError, match="momentum must be a number where a graph is recorded"):
            TRANSFORMS[name](ours)
        torch.testing.assert_close(values(ours), values(theirs), rtol=1e-12, atol=1e-12)
        return
    running = theirs.running_mean, theirs.running_var
    parameters = theirs.weight, theirs.bias, training, 0.5 if momentum is None else momentum
    if name == "linearize":  # calls more than once, and records torch's layer
        wanted = TRANSFORMS[name](theirs)
    else:
        wanted = TRANSFORMS[SAME_AS.get(name, name)](lambda x: F.batch_norm(x, *running, *parameters))
    if training and name != "linearize":
        theirs.num_batches_tracked += 1
    got = TRANSFORMS[name](ours)
    torch.testing.assert_close(tree_leaves(got), tree_leaves(wanted), rtol=1e-9, atol=1e-10)
    torch.testing.assert_close(values(ours), values(theirs), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("given", ["x", "weight", "bias"])
@pytest.mark.parametrize("training", [True, False])
def test_tangents_of_each_argument(training, given):
    mean, var, weight, bias = (Case((4, 3)).tensors()[i] for i in (4, 5, 2, 3))
    arguments = {"x": X, "weight": weight, "bias": bias}
    direction = torch.randn_like(arguments[given])
    for kept in ({}, {"weight": None, "bias": None}):
        if given in kept:
            continue

        def call(function, value, kept=kept):
            now = arguments | kept | {given: value}
            return function(now["x"], mean.clone(), var.clone(), now["weight"], now["bias"], training)

        got, wanted = (
            func.jvp(lambda value, f=f: call(f, value), (arguments[given],), (direction,))
            for f in (bt.batch_norm, F.batch_norm)
        )
        torch.testing.assert_close(got, wanted, rtol=1e-10, atol=1e-11)


def test_stacked_layers_need_a_momentum():
    layer = layers(True, momentum=None)[1]
    stacked = {key: torch.stack([value, value]) for key, value in layer.state_dict().items()}
    before = {key: value.clone() for key, value in stacked.items()}
    with pytest.raises(ValueError, match="momentum must be a number where layers are stacked"):
        func.vmap(func.functional_call, (None, 0, None))(layer, stacked, (X,))
    assert all(torch.equal(stacked[key], value) for key, value in before.items())


def test_forward_mode_cannot_synchronise():
    with pytest.raises(RuntimeError, match="no forward-mode derivative: use the reverse mode"):
        func.jvp(lambda x: normalize(x, *[None] * 4, True, 0.1, 1e-5, group=object()), (X,), (T,))


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.parametrize("place", ["end", "middle", "alone"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("momentum", [0.1, None])
def test_checkpoints_move_all_twice_as_torchs(momentum, dtype, place, reentrant, early):
    """The recomputation is one more batch, whether or not it stops at the last tensor that is saved."""
    counts, means = [], []
    for kind in (nn.BatchNorm1d, bt.BatchNorm1d):
        layer = kind(3, momentum=momentum).to(dtype)
        first = nn.Linear(3, 3).to(dtype)
        first.weight.data, first.bias.data = torch.eye(3, dtype=dtype), torch.zeros(3, dtype=dtype)
        part = {
            "end": nn.Sequential(first, layer),
            "middle": nn.Sequential(first, layer, nn.Tanh(), copy_of(first)),
            "alone": layer,
        }[place]
        for step in range(5):
            x = torch.tensor([[-1.0] * 3, [1.0] * 3], dtype=dtype) + 10 * step
            with set_checkpoint_early_stop(early):
                y = checkpoint(part, x.requires_grad_(), use_reentrant=reentrant)
                y.square().sum().backward()
        counts.append(layer.num_batches_tracked.item())
        means.append(layer.running_mean)
    assert counts == [10, 10]
    tolerance = 1e-10 if dtype == torch.float64 else 0.2  # bfloat16 near 20 has steps of 0.125
    torch.testing.assert_close(means[1], means[0], rtol=0, atol=tolerance)
    if momentum is None:
        torch.testing.assert_close(means[1], torch.full_like(means[1], 20.0), rtol=0, atol=tolerance)


def copy_of(linear):
    other = nn.Linear(3, 3).to(linear.weight.dtype)
    other.load_state_dict(linear.state_dict())
    return other
