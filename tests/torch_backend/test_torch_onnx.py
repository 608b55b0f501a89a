"""Export to ONNX by the exporter that is not deprecated: what is in the file, and what it computes."""

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx", reason="needs onnx")
pytest.importorskip("onnxscript", reason="needs onnxscript")

from odd_layers import filled  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402
from torch import nn  # noqa: E402

from bnlib import torch as bt  # noqa: E402

IMAGES = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))


def model():
    torch.manual_seed(0)
    norms = filled(nn.BatchNorm2d(3)), filled(nn.BatchNorm2d(4))
    return nn.Sequential(nn.ReLU(), norms[0], nn.ReLU(), nn.Conv2d(3, 4, 3, padding=1), norms[1]).eval()


def exported(made, path):
    """The operators in the file, and y by ONNX's own reference."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's own
        torch.onnx.export(made, (IMAGES,), path, dynamo=True, verbose=False)
    graph = onnx.load(path).graph
    (y,) = ReferenceEvaluator(str(path)).run(None, {graph.input[0].name: IMAGES.numpy()})
    return [node.op_type for node in graph.node], y


@pytest.mark.parametrize(
    "prepare", [bt.convert, bt.freeze, lambda made: made], ids=["ours", "frozen", "torch's"]
)
def test_batch_norms_stay_one_operator(prepare, tmp_path):
    """Ours as torch's: the exporter folds the one after a convolution, and leaves the other."""
    wanted = model()(IMAGES).detach().numpy()
    operators, y = exported(prepare(model()), tmp_path / "model.onnx")
    assert operators == ["Relu", "BatchNormalization", "Relu", "Conv"]
    np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-5)


def test_a_folded_model(tmp_path):
    folded, _ = bt.fold_all(nn.Sequential(*model()[3:]).eval())
    wanted = nn.Sequential(*model()[3:]).eval()(IMAGES).detach().numpy()
    operators, y = exported(folded, tmp_path / "model.onnx")
    assert operators == ["Conv"]
    np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-5)
