"""What records a model gets torch's own batch norm, of any batch size, or an error that says what to do."""

import copy
import io
import warnings

import pytest

torch = pytest.importorskip("torch")

from torch.fx.experimental.proxy_tensor import make_fx  # noqa: E402

from bnlib import torch as bt  # noqa: E402

nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.filterwarnings("ignore")  # torch's recorders warn of torch's own deprecations
INSTEAD = r"call convert\(model, back=True\) first"


def images(size, seed=0):
    return torch.randn(size, 1, 6, 6, generator=torch.Generator().manual_seed(seed)).double()


def network():
    torch.manual_seed(0)
    layers = (
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(1),
        nn.BatchNorm1d(4),
    )
    model = nn.Sequential(*layers).double()
    model(images(5, seed=3))
    return model


def exported(model, **options):
    shapes = ({0: torch.export.Dim("n", min=2)},)
    return torch.export.export(model, (images(6),), dynamic_shapes=shapes, **options).module()


RECORDERS = {
    "trace": lambda model: torch.jit.trace(model, images(6)),
    "trace without its check": lambda model: torch.jit.trace(model, images(6), check_trace=False),
    "export": exported,
    "strict export": lambda model: exported(model, strict=True),
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", RECORDERS)
def test_a_recorded_model_is_torchs(name, training):
    """Called with another batch size: the same output, gradient and state as torch's layers, recorded."""
    results = []
    for prepare in (lambda model: model, bt.convert):
        model = prepare(network()).train(training)
        recorded = RECORDERS[name](model)
        leaf = images(11, seed=1).requires_grad_()
        y = recorded(leaf)
        y.pow(3).sum().backward()
        results.append((y.detach(), leaf.grad, *model.state_dict().values()))
    torch.testing.assert_close(*results, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("training", [True, False])
def test_make_fx(training):
    for model in (bt.convert(nn.BatchNorm2d(3).double()), bt.BatchNorm2d(3).double()):
        model.train(training)
        reference = bt.convert(copy.deepcopy(model), back=True)
        x = torch.randn(11, 3, 2, 2, generator=torch.Generator().manual_seed(2)).double()
        recorded, wanted = (make_fx(each)(x[:6] * 2) for each in (model, reference))
        assert torch.equal(recorded(x), wanted(x))
    assert "native_batch_norm" in make_fx(lambda x: bt.batch_norm(x, None, None, training=True))(x).code


@pytest.mark.parametrize("record", [lambda model: make_fx(model)(images(6)), exported])
def test_a_cumulative_average_is_refused_before_it_counts(record):
    model = nn.Sequential(bt.BatchNorm2d(1, momentum=None).double())
    with pytest.raises(ValueError, match="momentum must be a number where a graph is recorded"):
        record(model)
    assert model[0].num_batches_tracked == 0
    record(model.eval())


def test_a_recorded_function_is_torchs():
    x, vector = images(6)[:, 0], torch.linspace(1, 2, 6).double()
    record = {"training": True}
    traced = torch.jit.trace(lambda x: bt.batch_norm(x, None, None, vector, **record), x)
    assert torch.equal(
        traced(images(9)[:, 0]), F.batch_norm(images(9)[:, 0], None, None, vector, training=True)
    )


def test_modes_that_look_on_see_every_operation():
    """Nothing is normalised behind the back of one that counts operations, in 32 bits or 16."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Seen(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            seen.append(str(function))
            return function(*args, **kwargs or {})

    for dtype in (torch.float32, torch.bfloat16):
        seen = []
        with Seen():
            bt.batch_norm(torch.randn(4, 3).to(dtype), None, None, training=True)
        assert any("aten.sum" in name for name in seen)
        assert any("aten.mul" in name for name in seen)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("tool", "kind"),
    [(torch.jit.script, RuntimeError), (torch.fx.symbolic_trace, torch.fx.proxy.TraceError)],
)
def test_one_error_that_says_what_to_do(tool, kind, training):
    model = bt.convert(network()).train(training)
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(kind, match=INSTEAD):
        tool(model)
    assert type(model[1]) is bt.BatchNorm2d
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    recorded = tool(bt.convert(model, back=True))
    assert torch.equal(recorded(images(11)), copy.deepcopy(model)(images(11))) or training
    with pytest.raises(torch.fx.proxy.TraceError, match=INSTEAD):
        torch.fx.symbolic_trace(lambda x: bt.batch_norm(x, None, None, training=True))


@pytest.mark.parametrize("dynamo", [True, False])
def test_onnx_has_a_batch_normalization_node(dynamo):
    onnx = pytest.importorskip("onnx")
    if dynamo:
        pytest.importorskip("onnxscript")
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = nn.Sequential(nn.Tanh(), bt.BatchNorm2d(1)).eval()  # nothing that it could be folded into
        torch.onnx.export(model, (torch.ones(6, 1, 2, 2),), file, dynamo=dynamo)
    file.seek(0)
    nodes = [node.op_type for node in onnx.load(file).graph.node]
    assert "BatchNormalization" in nodes


# Tools that look for torch's classes: the table in the docstring of `convert`


def test_isinstance_is_enough():
    model = bt.convert(network())
    batches = [images(6), images(9)]
    reference = bt.convert(copy.deepcopy(model), back=True)
    for each in (model, reference):
        torch.optim.swa_utils.update_bn(batches, each)
    torch.testing.assert_close(list(model.buffers()), list(reference.buffers()), rtol=1e-12, atol=1e-12)
    fused = torch.nn.utils.fusion.fuse_conv_bn_eval(*model.eval()[:2])
    assert torch.allclose(fused(images(4)), model[:2](images(4)))
    assert type(nn.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(model))[1]) is nn.SyncBatchNorm
    last = torch.nn.utils.convert_conv2d_weight_memory_format(copy.deepcopy(model), torch.channels_last)
    assert torch.allclose(last(images(4)), model(images(4)))
    assert torch.allclose(
        torch.func.functional_call(model, model.state_dict(), images(4)), model(images(4))
    )


def test_patched_by_torch_for_func():
    model = torch.func.replace_all_batch_norm_modules_(bt.convert(network()))
    assert model[1].running_mean is None
    y = torch.func.vmap(model)(torch.stack([images(4), images(4, 1)]))
    assert torch.allclose(y[1], bt.convert(model, back=True)(images(4, 1)))


def test_tools_that_refuse():
    from torch.ao.quantization.quantize_fx import prepare_fx
    from torch.fx.experimental.optimization import fuse

    model = bt.convert(network()).eval()
    with pytest.raises(AssertionError, match="did not find fuser method"):
        torch.ao.quantization.fuse_modules(model, ["0", "1"])
    with pytest.raises(torch.fx.proxy.TraceError, match=INSTEAD):
        fuse(model)
    mapping = torch.ao.quantization.get_default_qconfig_mapping()
    with pytest.raises(torch.fx.proxy.TraceError, match=INSTEAD):
        prepare_fx(model, mapping, (images(4),))
    wanted = model(images(4))
    fused = torch.ao.quantization.fuse_modules(bt.convert(model, back=True), ["0", "1"])
    assert type(fused[1]) is nn.Identity
    assert torch.allclose(fused(images(4)), wanted)


def test_opacus_sees_no_batch_norm():
    validators = pytest.importorskip("opacus.validators")
    model = bt.convert(network())
    assert not validators.ModuleValidator.validate(model)
    assert validators.ModuleValidator.validate(bt.convert(model, back=True))
