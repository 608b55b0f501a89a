"""What the processes of the chapter on many devices run: a new process imports this file."""

from unittest.mock import patch

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.functional import cross_entropy


def step(rank, kind, shards, upstream, gamma, beta):
    """Run a layer forward and backward on this process's shard; return results as arrays, by name."""
    layer = kind(len(gamma), dtype=torch.float64)
    layer.weight.data, layer.bias.data = torch.tensor(gamma), torch.tensor(beta)
    x = torch.tensor(shards[rank], requires_grad=True)
    y = layer(x)
    y.backward(torch.tensor(upstream[rank]))
    found = {"y": y, "dx": x.grad, "dgamma": layer.weight.grad, "dbeta": layer.bias.grad}
    return {name: tensor.detach().numpy() for name, tensor in (found | layer.state_dict()).items()}


def counted(rank, *arguments):
    """Run a step; return the collectives it called, each with how many numbers this process handed over."""
    calls = []

    def counting(name):
        collective = getattr(dist, name)

        def call(*tensors, **options):
            calls.append((name, tensors[-1].numel()))
            return collective(*tensors, **options)

        return patch.object(dist, name, call)

    with counting("all_gather"), counting("all_reduce"):
        step(rank, *arguments)
    return calls


def error_of(rank, function, *arguments):
    """Return the name and the text of the error that this process gets from the function."""
    try:
        function(rank, *arguments)
    except Exception as error:
        return type(error).__name__, str(error)


def network(norm, seed):
    """Build a network from 64 pixels to 10 digits, in float64; the seed draws its weights."""
    model = nn.Sequential(nn.Linear(64, 32, False), norm(32), nn.ReLU(), nn.Linear(32, 10, False)).double()
    rng = np.random.default_rng(seed)
    for layer in (model[0], model[3]):
        layer.weight.data = torch.tensor(rng.normal(size=layer.weight.shape) / layer.in_features**0.5)
    return model


def add_gradient(model, x, labels, batch_size):
    """Add the gradient of these images' part of the batch's mean loss; return that part of the loss."""
    loss = cross_entropy(model(torch.tensor(x)), torch.tensor(labels), reduction="sum") / batch_size
    loss.backward()
    return loss.detach()


def sgd(rank, norm, seed, shards):
    """Take a step for each (x, labels, batch_size) of this process; return losses and the last gradient."""
    model, losses = network(norm, seed), []
    for part in shards[rank]:
        model.zero_grad()
        losses.append(add_gradient(model, *part))
        gradients = [parameter.grad for parameter in model.parameters()]
        if dist.is_initialized():
            for tensor in (losses[-1], *gradients):
                dist.all_reduce(tensor)  # in place: now the sum over processes
        for parameter in model.parameters():
            parameter.data -= 0.2 * parameter.grad
    return np.array(losses), torch.cat([gradient.ravel() for gradient in gradients]).numpy()


def fail(rank):
    """Rank 1 fails, while the others wait for it in a collective."""
    if rank == 1:
        raise ValueError("rank 1 has no digits left")
    dist.all_reduce(torch.ones(1))
