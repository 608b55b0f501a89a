"""bnlib.torch.batch_norm against torch.nn.functional.batch_norm: values, gradients, states, errors."""

import inspect
import warnings

import numpy as np
import pytest
from helpers import assert_close
from hypothesis import given
from hypothesis import strategies as st

import bnlib

torch = pytest.importorskip("torch")

from torch_helpers import DEVICES, ENOUGH, LAYOUTS, Case, error, half_ulp, results  # noqa: E402

from bnlib.torch import batch_norm  # noqa: E402
from bnlib.torch.functional import normalize  # noqa: E402

F = torch.nn.functional
NAMES = "y", "dx", "dweight", "dbias", "running_mean", "running_var"
CONTIGUOUS = (2, 3, 4)
options = st.fixed_dictionaries(
    {
        "layout": st.sampled_from(sorted(LAYOUTS)),
        "weight": st.booleans(),
        "bias": st.booleans(),
        "running": st.booleans(),
        "narrow": st.booleans(),
        "momentum": st.sampled_from([0.0, 0.1, 0.7, 1.0]),
        "eps": st.sampled_from([1e-5, 1e-3, 0.5]),
        "center": st.sampled_from([0.0, 3.0, 50.0]),
        "seed": st.integers(0, 10**6),
        "device": st.sampled_from(DEVICES),
    }
)
spatial = st.lists(st.integers(1, 4), max_size=3)


@st.composite
def cases(draw, dtypes, least=0):
    shape = (draw(st.integers(least, 5)), draw(st.integers(1, 4)), *draw(spatial))
    values = shape[0] * int(np.prod(shape[2:]))
    training = draw(st.booleans()) and values != 1
    chosen = draw(options)
    return Case(shape, draw(st.sampled_from(dtypes)), **chosen | {"training": training})._replace(
        running=chosen["running"] or not training
    )


@given(cases([torch.float64]))
def test_float64_is_torchs(case):
    tensors = case.tensors()
    ours, theirs = results(batch_norm, case, tensors), results(F.batch_norm, case, tensors)
    for name, got, wanted in zip(NAMES, ours, theirs, strict=True):
        assert (got is None) == (wanted is None), name
        if wanted is not None:
            assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape), name
            assert torch.allclose(got, wanted, rtol=1e-10, atol=1e-11), name


@given(cases([torch.float32, torch.float16, torch.bfloat16]))
def test_low_precision_is_no_worse_than_torchs(case):
    """Exact is float64 torch on the rounded input; a result cannot do better than its own rounding."""
    tensors = case.tensors()
    exact = results(F.batch_norm, case, tensors, torch.float64)
    ours, theirs = results(batch_norm, case, tensors), results(F.batch_norm, case, tensors)
    for name, got, other, right in zip(NAMES, ours, theirs, exact, strict=True):
        if right is not None:
            assert (got.dtype, got.shape) == (other.dtype, other.shape), name
            allowed = max(error(other, right), half_ulp(got.dtype, right))
            assert error(got, right) <= ENOUGH * allowed, name


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shape", [(37, 8, 31, 29), (300, 70), (1, 2, 9, 40, 31)])
@pytest.mark.parametrize("device", DEVICES)
def test_low_precision_in_many_blocks(shape, dtype, training, layout, device, monkeypatch):
    """The same rule, where every tensor of 16 bits is cut into pieces."""
    monkeypatch.setattr("bnlib.torch.pieces.PIECE", 5000)
    case = Case(shape, dtype, layout, training=training, center=20.0, device=device)
    tensors = case.tensors()
    exact = results(F.batch_norm, case, tensors, torch.float64)
    ours, theirs = results(batch_norm, case, tensors), results(F.batch_norm, case, tensors)
    for name, got, other, right in zip(NAMES, ours, theirs, exact, strict=True):
        if training or "running" not in name:
            allowed = max(error(other, right), half_ulp(got.dtype, right))
            assert error(got, right) <= ENOUGH * allowed, name


@pytest.mark.parametrize("ndim", [4, 5])
def test_memory_format_is_kept(ndim):
    x = Case((2, 3, 4, 5, 6)[:ndim], layout="channels last").tensors()[0].requires_grad_()
    y = batch_norm(x, None, None, training=True)
    y.backward(torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(0)))
    assert y.stride() == x.grad.stride() == x.stride()


def test_an_expanded_upstream_gradient():
    """What y.sum() sends back is one number, seen from everywhere."""
    case = Case(CONTIGUOUS)
    x, _, weight, *_ = case.tensors()
    gradients = []
    for function in (batch_norm, F.batch_norm):
        leaf = x.clone().requires_grad_()
        (function(leaf, None, None, weight, training=True) ** 2).sum(dim=0).sum().backward()
        gradients.append(leaf.grad)
    assert torch.allclose(*gradients, atol=1e-12)


def test_input_is_not_modified():
    case = Case(CONTIGUOUS)
    tensors = case.tensors()
    before = [tensor.clone() for tensor in tensors]
    results(batch_norm, case, tensors)
    assert all(map(torch.equal, before, tensors))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])  # the shortest way, and pieces
@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 2), (2, 3, 0)])
def test_an_empty_batch_moves_nothing(shape, dtype):
    case = Case(shape, dtype)
    *_, dweight, dbias, mean, var = results(batch_norm, case, case.tensors())
    assert torch.equal(mean, case.tensors()[4])
    assert torch.equal(var, case.tensors()[5])
    assert not dweight.any()
    assert not dbias.any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("value", [0.0, 0.1, 3e4])
def test_a_constant_channel_gives_the_bias(value, dtype):
    bias = torch.tensor([0.3, -4.0, 2.0], dtype=dtype)
    x = torch.full((5, 3, 3), value, dtype=dtype)
    y = batch_norm(x, None, None, torch.full_like(bias, 2.0), bias, training=True)
    assert torch.equal(y, bias[:, None].expand(x.shape))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_inf_stay_in_their_channel(bad):
    case = Case((4, 3, 2))
    tensors = case.tensors()
    tensors[0][1, 2, 0] = bad
    for got, wanted in zip(
        results(batch_norm, case, tensors), results(F.batch_norm, case, tensors), strict=True
    ):
        lost = wanted.isnan() | wanted.isinf()
        assert torch.equal(got.isnan() | got.isinf(), lost)
        assert torch.allclose(got[~lost], wanted[~lost], atol=1e-11)


def test_it_is_the_numpy_core():
    case = Case((4, 3, 2, 2), eps=0.3)
    tensors = case.tensors()
    x, dy, weight, bias, mean, var = (tensor.numpy() for tensor in tensors)
    y, cache = bnlib.batch_norm(x, weight, bias, eps=0.3)
    wanted = y, *bnlib.batch_norm_backward(dy, cache), *bnlib.update_running(mean, var, cache.stats, 0.3)
    for got, right in zip(results(batch_norm, case, tensors), wanted, strict=True):
        assert_close(got, right)


# What is kept, and what is differentiated


def kept_for_backward(function, x, *arguments):
    """The sizes in bytes of the tensors that a call keeps for its backward pass, x counted once."""
    kept = {}
    with torch.autograd.graph.saved_tensors_hooks(
        lambda tensor: kept.setdefault(tensor.untyped_storage().data_ptr(), tensor) is None or tensor,
        lambda tensor: tensor,
    ):
        function(x, *arguments)
    return sorted(tensor.numel() * tensor.element_size() for tensor in kept.values())


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
@pytest.mark.parametrize("training", [True, False])
def test_one_tensor_of_the_inputs_size_is_kept(training, dtype):
    x, _, weight, bias, mean, var = Case((8, 4, 16, 16), dtype).tensors()
    x, weight = x.requires_grad_(), weight.requires_grad_()
    ours, theirs = (
        kept_for_backward(function, x, mean, var, weight, bias, training)
        for function in (batch_norm, F.batch_norm)
    )
    size = x.numel() * x.element_size()
    assert [kept for kept in ours if kept >= size] == [size]
    assert sum(ours) - size < 1000
    assert sum(ours) <= sum(theirs) + 200  # float64 vectors


@pytest.mark.parametrize("learned", [False, True])
def test_without_a_gradient_of_the_weight_evaluation_keeps_no_input(learned):
    x, dy, weight, bias, mean, var = Case((8, 4, 16, 16)).tensors()
    leaves = [x.requires_grad_(), bias.requires_grad_(learned)][: 1 + learned]
    kept = kept_for_backward(batch_norm, x, mean, var, weight, bias, False)
    assert max(kept) < 100
    got = torch.autograd.grad(batch_norm(x, mean, var, weight, bias), leaves, dy)
    wanted = torch.autograd.grad(F.batch_norm(x, mean, var, weight, bias), leaves, dy)
    torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-11)


GRADCHECK = [
    Case((3, 2)),
    Case((3, 2, 2), eps=0.5),
    Case((2, 2, 3), weight=False),
    Case((4, 2), bias=False, running=False),
    Case((3, 2, 2), training=False),
    Case((3, 2), training=False, weight=False, bias=False),
]


@pytest.mark.parametrize("case", GRADCHECK, ids=str)
def test_first_and_second_derivatives(case):
    x, _, weight, bias, mean, var = case.tensors()
    leaves = [tensor.requires_grad_() for tensor in (x, weight, bias) if tensor is not None]

    def function(*tensors):
        tensors = iter(tensors)
        parts = [None if tensor is None else next(tensors) for tensor in (x, weight, bias)]
        running = [None if value is None else value.clone() for value in (mean, var)]
        return batch_norm(parts[0], *running, *parts[1:], case.training, 0.1, case.eps)

    assert torch.autograd.gradcheck(function, leaves)
    assert torch.autograd.gradgradcheck(function, leaves)


@pytest.mark.parametrize("needed", range(3))
def test_only_what_is_asked_for_is_differentiated(needed):
    x, dy, weight, bias, *_ = Case((4, 3, 2)).tensors()
    leaves = [x, weight, bias]
    leaves[needed].requires_grad_()
    gradients = []
    for function in (batch_norm, F.batch_norm):
        y = function(leaves[0], None, None, *leaves[1:], training=True)
        gradients += torch.autograd.grad(y, leaves[needed], dy)
    assert torch.allclose(*gradients, atol=1e-12)


# torch.func and torch.compile

func = torch.func


def cubed(function, running=(None, None), training=True):
    return lambda x, weight, bias: (function(x, *running, weight, bias, training, 0.1, 0.1) ** 3).sum()


def batches(size=5):
    x, weight, bias = Case((4, 3, 2)).tensors()[0::2][:1] + Case((4, 3, 2)).tensors()[2:4]
    many = torch.stack([x + i**2 * x.roll(i, 0) for i in range(size)])
    weights = torch.stack([weight + i for i in range(size)])
    return many, weights, bias


TRANSFORMS = {
    "grad": lambda f, x, w, b: func.grad(f, argnums=(0, 1, 2))(x[0], w[0], b),
    "grad of grad": lambda f, x, w, b: func.grad(
        lambda x: func.grad(f)(x, w[0], b).pow(3).sum()
    )(x[0]),
    "vmap": lambda f, x, w, b: func.vmap(f, in_dims=(0, None, None))(x, w[0], b),
    "vmap over weights": lambda f, x, w, b: func.vmap(f, in_dims=(None, 0, None))(x[0], w, b),
    "vmap over the last axis": lambda f, x, w, b: func.vmap(f, in_dims=(-1, 1, None))(
        x.movedim(0, -1), w.T, b
    ),
    "vmap of vmap": lambda f, x, w, b: func.vmap(
        func.vmap(f, in_dims=(0, None, None)), in_dims=(None, 0, None)
    )(x, w, b),
    "gradient of every batch": lambda f, x, w, b: func.vmap(func.grad(f, argnums=(0, 1)), (0, 0, None))(
        x, w, b
    ),
    "jacobian": lambda f, x, w, b: func.jacrev(func.grad(f))(x[0], w[0], b),
}  # fmt: skip


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms(name, training):
    running = (None, None) if training else (torch.zeros(3).double(), torch.full((3,), 2.0).double())
    got, wanted = (
        TRANSFORMS[name](cubed(function, running, training), *batches())
        for function in (batch_norm, F.batch_norm)
    )
    for one, right in zip(*((v if isinstance(v, tuple) else (v,)) for v in (got, wanted)), strict=True):
        assert torch.allclose(one, right, rtol=1e-10, atol=1e-10)


def test_transforms_move_running_statistics():
    x, weights, bias = batches()
    moved = []
    for function in (batch_norm, F.batch_norm):
        one = torch.zeros(3).double(), torch.ones(3).double()
        func.grad(cubed(function, one))(x[0], weights[0], bias)
        each = torch.zeros(5, 3).double(), torch.ones(5, 3).double()
        func.vmap(lambda x, *running, f=function: f(x, *running, training=True))(x, *each)
        moved.append((*one, *each))
    for ours, theirs in zip(*moved, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-12)


def test_vmap_cannot_share_running_statistics():
    running = torch.zeros(3).double(), torch.ones(3).double()
    with pytest.raises(ValueError, match="running_mean and running_var must be None or batched"):
        func.vmap(lambda x: batch_norm(x, *running, training=True))(batches()[0])


def test_vmap_cannot_synchronise():
    with pytest.raises(ValueError, match="vmap over a synchronised batch norm"):
        func.vmap(lambda x: normalize(x, *[None] * 4, True, 0.1, 1e-5, group=object()))(batches()[0])


def test_batched_gradients():
    x, weights, bias = batches()
    dy = torch.stack([x[1], x[2], x[3] ** 2])
    rows = []
    for function in (batch_norm, F.batch_norm):
        leaf = x[0].clone().requires_grad_()
        y = function(leaf, None, None, weights[0], bias, training=True)
        rows += torch.autograd.grad(y, leaf, dy, is_grads_batched=True)
    assert torch.allclose(*rows, atol=1e-12)


@pytest.mark.parametrize("training", [True, False])
def test_compile(training):
    """One graph without breaks, for values, gradients and running statistics, of any batch size."""
    case = Case((4, 3, 2), training=training)
    torch.compiler.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's compiler warns of torch's own deprecations
        compiled = torch.compile(batch_norm, backend="aot_eager", fullgraph=True, dynamic=True)
        for shape in ((4, 3, 2), (7, 3, 5)):
            tensors = case._replace(shape=shape).tensors()
            got, wanted = results(compiled, case, tensors), results(F.batch_norm, case, tensors)
            for one, right in zip(got, wanted, strict=True):
                assert torch.allclose(one, right, rtol=1e-10, atol=1e-11)


# Errors

x, v = torch.ones(4, 3, 2), torch.ones(3)
WRONG = [
    ({"input": [[1.0, 2.0]]}, TypeError, "input must be a tensor, got list"),
    ({"weight": [1.0, 1.0, 1.0]}, TypeError, "weight must be a tensor, got list"),
    ({"input": x.long()}, TypeError, "input must have dtype .*float16.*, got torch.int64"),
    ({"input": x.to(torch.complex64)}, TypeError, "input must have dtype"),
    ({"weight": v.double()}, TypeError, "weight must have dtype torch.float32, got torch.float64"),
    ({"running_var": v.half()}, TypeError, "running_var must have dtype torch.float32, got torch.float16"),
    ({"input": x.half(), "bias": v.bfloat16()}, TypeError, "bias must have dtype torch.float16 or"),
    ({"input": v}, ValueError, r"at least 2 axes \(N, C, \*S\), got shape \(3,\)"),
    ({"weight": torch.ones(2)}, ValueError, r"weight must have shape \(3,\), got \(2,\)"),
    ({"running_mean": torch.ones(3, 1)}, ValueError, r"running_mean must have shape \(3,\)"),
    ({"running_mean": None}, ValueError, "both be tensors or both be None"),
    ({"training": False, "running_mean": None, "running_var": None}, ValueError, "in evaluation mode"),
    ({"momentum": None}, TypeError, "momentum must be a number, got None"),
    ({"eps": 0.0}, ValueError, "eps must be positive and finite in training, got 0.0"),
    ({"eps": np.nan}, ValueError, "eps must be positive and finite in training, got nan"),
    ({"eps": np.inf}, ValueError, "eps must be positive and finite in training, got inf"),
    ({"eps": "1e-5"}, TypeError, "eps must be a number, got '1e-5'"),
    ({"eps": torch.tensor(1e-5)}, TypeError, "eps must be a number, got tensor"),
    ({"eps": -1e-5, "training": False}, ValueError, "eps must be at least 0 and finite in .*, got -1e-05"),
    ({"eps": np.nan, "training": False}, ValueError, "eps must be at least 0 and finite in .*, got nan"),
    ({"running_var": -v, "training": False}, ValueError, "running_var must be at least 0, .* got .* -1.0"),
    ({"running_var": -1e-7 * v, "training": False}, ValueError, "running_var must be at least 0"),
    ({"running_var": 0 * v, "training": False, "eps": 0}, ValueError, r"running_var \+ eps positive"),
    ({"momentum": 1.5}, ValueError, r"momentum must be in \[0, 1\], got 1.5"),
    ({"momentum": np.nan}, ValueError, r"momentum must be in \[0, 1\], got nan"),
    ({"training": "False"}, TypeError, "training must be True or False, got 'False'"),
    ({"training": None}, TypeError, "training must be True or False, got None"),
    ({"running_var": v[:1].expand(3)}, ValueError, "running_var must have its own memory for each channel"),
    ({"running_mean": v.clone().requires_grad_()}, ValueError, "running_mean must not require a gradient"),
    ({"input": x[:1, :, 0]}, ValueError, r"more than 1 value per channel in training, got \(1, 3\)"),
]


@pytest.mark.parametrize(("change", "kind", "message"), WRONG, ids=[message for *_, message in WRONG])
def test_errors_name_the_argument_and_change_nothing(change, kind, message):
    mean, var = torch.full((3,), 0.5), torch.full((3,), 2.0)
    arguments = {"input": x, "running_mean": mean, "running_var": var, "training": True} | change
    with pytest.raises(kind, match=message):
        batch_norm(**arguments)
    assert torch.equal(mean, torch.full((3,), 0.5))
    assert torch.equal(var, torch.full((3,), 2.0))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_a_negative_variance_of_any_dtype(dtype):
    var = torch.tensor([np.nan, -1, 2]).to(dtype)
    with pytest.raises(ValueError, match=r"running_var must be at least 0"):
        batch_norm(x.to(dtype), v.to(dtype), var)
    assert batch_norm(x.to(dtype), v.to(dtype), var.abs())[:, 0].isnan().all()


def test_eps_of_zero_is_allowed_in_evaluation_mode():
    assert batch_norm(x, v, 4 * v, eps=0).eq(0).all()


def test_signature():
    wanted = "input running_mean running_var weight=None bias=None training=False momentum=0.1 eps=1e-05"
    assert str(inspect.signature(batch_norm)) == f"({', '.join(wanted.split())})"
