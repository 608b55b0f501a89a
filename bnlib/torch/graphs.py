"""Fold every batch norm of a model that can be folded: by its graph, not by the order of its layers."""

import copy
from collections import Counter
from functools import reduce
from itertools import count

import torch
from torch import fx, nn
from torch.nn import functional as F

from bnlib.folds import Folds
from bnlib.torch.folding import fold
from bnlib.torch.modules import BATCH_NORM, batch_norm_layers
from bnlib.torch.own import HOOKS

FUNCTIONS = {F.linear: nn.Linear, F.conv1d: nn.Conv1d, F.conv2d: nn.Conv2d, F.conv3d: nn.Conv3d}
OPTIONS = "stride", "padding", "dilation", "groups"
LINEAR = *FUNCTIONS.values(), nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d


class Tracer(fx.Tracer):
    """Batch norms are leaves, subclasses too; a linear layer with a forward of its own is seen through."""

    def is_leaf_module(self, module, name):
        return isinstance(module, BATCH_NORM) or super().is_leaf_module(module, name)


def fold_all(model):
    """Return (a new model, what was folded, and what was not and why): `fold` for all its batch norms.

    A batch norm is folded into the linear layer before it where that feeds nothing else, and otherwise into
    the one after it where the batch norm feeds nothing else. `torch.fx` says what feeds what. So a layer
    that pads in a forward of its own is folded, too: its graph shows the plain convolution in it.

    Parameters
    ----------
    model : torch.nn.Module
        In evaluation mode, with batch norms of torch's classes or ours. Not changed.

    Returns
    -------
    model : torch.fx.GraphModule
        Computes what the model does in evaluation mode. Layers that were folded keep their names.
    folds : Folds
        folded, a dict from the name of a batch norm to that of the layer that took it in; left, a dict from
        name to reason. Every batch norm of the model is in one of the two.

    Raises
    ------
    TypeError
        If model is not a torch.nn.Module.
    ValueError
        If it is in training mode, has no batch norm, or torch.fx cannot trace it, as where the shape of its
        input decides what it computes.

    Notes
    -----
    The two models differ by rounding. Compare logits, with a tolerance: accuracy hides a wrong eps.

    Call this before `torch.onnx.export`, and the file has the folded layers, and one BatchNormalization for
    each batch norm that was left.

    References
    ----------
    J. Reed, Z. DeVito, H. He, A. Ussery, J. Ansel (2021). torch.fx. arXiv:2112.08429.

    Examples
    --------
    >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.BatchNorm2d(8))
    >>> print(fold_all(model.eval())[1])
    1: folded into 0
    3: left, before it comes ReLU; after it comes the output
    """
    check_model(model)
    graph_module, folds, calls = traced(model), Folds({}, {}), Counter()
    for node in list(graph_module.graph.nodes):
        if node.op == "call_function" and node.target in (F.batch_norm, torch.batch_norm):
            folds.left[node.name] = "a call of batch_norm outside of a layer"
        if isinstance(module_of(node), BATCH_NORM):
            calls[node.target] += 1
            name = node.target if calls[node.target] == 1 else f"{node.target}, call {calls[node.target]}"
            place, why = fold_node(node)
            if place:
                folds.folded[name] = place
            else:
                folds.left[name] = why
    names = [name for name, module in model.named_modules() if isinstance(module, BATCH_NORM)]
    folds.left.update({name: "not called in evaluation mode" for name in names if name not in calls})
    graph_module.delete_all_unused_submodules()
    graph_module.graph.lint()
    graph_module.recompile()
    return graph_module, folds


def check_model(model):
    if not batch_norm_layers(model):
        raise ValueError("model must have a batch norm to fold, got none")
    if model.training:
        raise ValueError("model must be in evaluation mode, got one in training mode: call eval() first")
    own_call = type(model).__call__ is not nn.Module.__call__ and not isinstance(model, fx.GraphModule)
    if own_call or any(getattr(model, hooks) for hooks in HOOKS):
        raise ValueError("model must have no hooks and no __call__ of its own, which torch.fx does not see")


def traced(model):
    """A copy of the model as a graph."""
    try:
        tracer = Tracer()
        graph = tracer.trace(copy.deepcopy(model))
    except Exception as error:
        raise ValueError(f"model must be one that torch.fx can trace, got the error: {error}") from error
    return fx.GraphModule(tracer.root, graph, type(model).__name__)


def fold_node(node):
    """Fold a batch norm into a neighbour; return (the name of that layer, None) or (None, why not)."""
    (before, *_), users = (*node.all_input_nodes, None), list(node.users)
    reasons = []
    for first, second in ((before, node), *((node, user) for user in users[:1])):
        layer_node, other = (first, "before") if second is node else (second, "after")
        name, layer = name_of(layer_node), layer_of(layer_node)
        if layer is None:
            reasons.append(f"{other} it comes {name}")
        elif len(first.users) > 1:
            feeding = f"the {name} before it feeds" if second is node else "it feeds"
            reasons.append(f"{feeding} {len(first.users)} others")
        elif any(one.op == "call_module" and one.kwargs for one in (first, second)):
            reasons.append(f"{name} or it is called by keyword")
        else:
            pair = (layer, module_of(node)) if second is node else (module_of(node), layer)
            try:
                return replace(first, second, layer_node, fold(*pair)), None
            except (TypeError, ValueError) as error:
                reasons.append(str(error))
    return None, "; ".join(reasons)


def replace(first, second, layer_node, layer):
    """Put one layer where the first of two nodes is, so that it sees what that saw; return its name."""
    graph, model = first.graph, first.graph.owning_module
    rest, weights = layer_node.args[1:], []
    if layer_node.op == "call_function":
        rest, weights = (), [one for one in layer_node.all_input_nodes if one.op == "get_attr"]
    name = free_name(layer_node)
    model.add_submodule(name, layer)
    with graph.inserting_before(first):
        node = graph.call_module(name, (first.args[0], *rest))
    second.replace_all_uses_with(node)
    graph.erase_node(second)
    graph.erase_node(first)
    for weight in weights:
        if not weight.users:
            graph.erase_node(weight)
            if not any(one.target == weight.target for one in graph.nodes):
                owner, _, attribute = weight.target.rpartition(".")
                delattr(model.get_submodule(owner), attribute)
    return name


def free_name(node):
    """The name of a node's layer, or where another node or a function has its weights one beside it."""
    if node.op == "call_module":
        name, taken = node.target, sum(one.target == node.target for one in node.graph.nodes) > 1
    else:
        name, taken = node.args[1].target.rpartition(".")[0], True
    modules = dict(node.graph.owning_module.named_modules())
    tries = (f"{name}{'_' if name else ''}folded{i or ''}" for i in count())
    return next(one for one in tries if one not in modules) if taken else name


def module_of(node):
    return node.graph.owning_module.get_submodule(node.target) if node.op == "call_module" else None


def layer_of(node):
    """The linear layer that a node calls, or one for a function of plain weights; or None."""
    if node is None:
        return None
    if node.op != "call_function" or node.target not in FUNCTIONS:
        return module if isinstance(module := module_of(node), LINEAR) else None
    if len(node.args) < 2:
        return None
    given = dict(zip(("input", "weight", "bias", *OPTIONS), node.args, strict=False)) | node.kwargs
    options = {key: value for key, value in given.items() if key in OPTIONS}
    weight, bias = (parameter_of(given.get(key)) for key in ("weight", "bias"))
    if weight is None or (bias is None) != (given.get("bias") is None) or any_node(options):
        return None
    inputs = weight.shape[1] * options.get("groups", 1)
    sizes = (inputs, len(weight)) if node.target is F.linear else (inputs, len(weight), weight.shape[2:])
    layer = FUNCTIONS[node.target](*sizes, bias=bias is not None, device="meta", **options).eval()
    layer.weight, layer.bias = weight, bias
    return layer


def parameter_of(node):
    """The tensor of the model that a node is, as a parameter; or None."""
    if not isinstance(node, fx.Node) or node.op != "get_attr":
        return None
    tensor = reduce(getattr, node.target.split("."), node.graph.owning_module)
    return nn.Parameter(tensor.detach(), requires_grad=tensor.requires_grad)


def any_node(options):
    found = []
    fx.map_arg(list(options.values()), found.append)
    return bool(found)


def name_of(node):
    """What a reader calls a node: the class of a layer, or the name of a function."""
    if node is None or node.op == "placeholder":
        return "the input"
    if node.op == "output":
        return "the output"
    module = module_of(node)
    return (
        type(module).__name__ if module is not None else getattr(node.target, "__name__", str(node.target))
    )
