"""What the chapters on running averages and on modes say of torch, which their pages do without."""

import ast
import importlib.util
import json
import re
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


@pytest.mark.parametrize(("name", "package"), [("pytorch", "torch"), ("onnx", "onnx")])
def test_what_a_framework_answers_is_what_is_stored(name, package):
    pytest.importorskip(package)
    path = BOOK.parent / "benchmarks" / "conventions.py"
    spec = importlib.util.spec_from_file_location("asked_conventions", path)
    asked = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(asked)
    answers = flat(json.loads(json.dumps(asked.ask(asked.FRAMEWORKS[name]()))))
    stored = flat(json.loads(asked.STORED.read_text())[name])
    assert answers.keys() == stored.keys()
    for path, value in answers.items():
        if path[0] != "versions":
            wanted = stored[path]
            assert value == (pytest.approx(wanted, rel=1e-5) if isinstance(wanted, float) else wanted), path


def flat(tree, path=()):
    """The leaves of dictionaries and lists, by the path to each."""
    if not isinstance(tree, dict | list):
        return {path: tree}
    found, items = {}, tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in items:
        found |= flat(value, (*path, key))
    return found


@pytest.mark.parametrize(("momentum", "left"), [(0.1, 0.9), (None, 0.5)])
def test_an_empty_batch_is_counted(momentum, left):
    layer, batch = nn.BatchNorm1d(2, momentum=momentum), torch.tensor([[1.0, 2.0], [3.0, 6.0]])
    layer.running_mean.fill_(1e6)
    layer(batch[:0])
    layer(batch)
    assert layer.num_batches_tracked == 2
    assert torch.allclose(layer.running_mean, left * 1e6 + (1 - left) * batch.mean(0))


def layers_state(network):
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm1d)]
    return [tensor.clone() for norm in norms for tensor in norm.state_dict().values()]


def same(before, after):
    return [torch.equal(a, b) for a, b in zip(before, after, strict=True)]


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_a_flag_that_is_set_too_late():
    """The layer trains by the batch, moves nothing, and evaluates by what it has."""
    layer, x = nn.BatchNorm1d(3), 4 + 3 * draw(32, 3)
    layer.running_mean.fill_(2.0)
    before = layers_state(layer)
    layer.track_running_stats = False
    y = layer(x)
    assert torch.allclose(y.mean(0), torch.zeros(3), atol=1e-5)  # float32 sums of 32 values
    assert torch.allclose(y.var(0, correction=0), torch.ones(3), atol=1e-4)  # eps, beside a variance of 9
    assert all(same(before, layers_state(layer)))
    assert torch.allclose(layer.eval()(x), (x - 2) / (1 + layer.eps) ** 0.5)


def test_what_requires_grad_skips():
    layer, x = nn.BatchNorm1d(3).requires_grad_(False), draw(32, 3).requires_grad_(True)
    before = layers_state(layer)
    (layer(x) * draw(32, 3, seed=1)).sum().backward()
    assert (layer.weight.grad, layer.bias.grad) == (None, None)
    assert x.grad.abs().max() > 0.1
    assert same(before, layers_state(layer)) == [True, True, False, False, False]


@pytest.mark.parametrize("set_to_none", [True, False])
@pytest.mark.parametrize(
    "optimiser",
    [
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9),
        lambda p: torch.optim.SGD(p, 0.1, weight_decay=0.01),
        lambda p: torch.optim.AdamW(p, 0.1),
    ],
)
def test_an_old_gradient_moves_a_weight_that_requires_none(optimiser, set_to_none):
    layer, x = nn.BatchNorm1d(3), draw(32, 3)
    stepping = optimiser([{"params": [layer.weight]}])
    (layer(x) * draw(32, 3, seed=1)).sum().backward()
    stepping.step()
    before = layer.weight.clone()
    layer.requires_grad_(False)
    stepping.zero_grad(set_to_none=set_to_none)
    stepping.step()
    assert torch.equal(layer.weight, before) == set_to_none


def test_the_recipe_freezes_batch_norm_and_nothing_else():
    """The lines that the chapter shows, as they stand there, in a loop that begins with train()."""
    texts = [source for kind, source in cells("train_eval_frozen") if kind == "markdown"]
    (recipe,) = re.findall(r"```python\n(def freeze_batch_norm.*?)```", "\n".join(texts), re.S)
    assert len([line for line in recipe.splitlines() if line]) == 6
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 1))
    before, weight = layers_state(network), network[0].weight.clone()
    stepping = torch.optim.AdamW(network.parameters(), 0.1)
    for step in range(3):
        network.train()
        exec(recipe, {"nn": nn, "network": network})
        stepping.zero_grad()
        network(draw(8, 4, seed=step)).square().mean().backward()
        stepping.step()
    assert all(same(before, layers_state(network)))
    assert not torch.equal(network[0].weight, weight)
    assert network[0].training
