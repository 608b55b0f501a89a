"""What the chapters on running averages and on modes say of torch, which their pages do without."""

import ast
import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

BOOK = Path(__file__).parents[2] / "book"


def cells(chapter):
    notebook = json.loads((BOOK / f"{chapter}.ipynb").read_text(encoding="utf-8"))
    return [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]


def literal(chapter, name):
    """The value of `name = literal` in a code cell of a chapter."""
    for kind, source in cells(chapter):
        for node in ast.parse(source).body if kind == "code" else ():
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == name:
                return ast.literal_eval(node.value)
    raise LookupError(f"{chapter} has no {name}")


def test_what_torch_keeps_of_one_batch():
    batch, layer = torch.tensor([[1.0], [1.0], [7.0]]), nn.BatchNorm1d(1)
    layer(batch)
    told = layer.running_mean.item(), layer.running_var.item(), layer(batch / 100).max().item()
    assert told == pytest.approx(literal("running_averages", "told")["pytorch"], abs=5e-5)  # as printed


@pytest.mark.parametrize(("momentum", "left"), [(0.1, 0.9), (None, 0.5)])
def test_an_empty_batch_is_counted(momentum, left):
    layer, batch = nn.BatchNorm1d(2, momentum=momentum), torch.tensor([[1.0, 2.0], [3.0, 6.0]])
    layer.running_mean.fill_(1e6)
    layer(batch[:0])
    layer(batch)
    assert layer.num_batches_tracked == 2
    assert torch.allclose(layer.running_mean, left * 1e6 + (1 - left) * batch.mean(0))
