"""What the processes of the chapter on many devices run: a new process imports this file."""

from functools import partial
from unittest.mock import patch

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

from bnlib.torch import SyncBatchNorm


def wrapped(rank, shards, synchronised=False, forward_sync_buffers=True):
    """Take three steps; return the running means after each, and the one that evaluation mode reads."""
    layer = nn.BatchNorm1d(1, dtype=torch.float64)
    model = DistributedDataParallel(layer, forward_sync_buffers=forward_sync_buffers)
    if synchronised:
        model = SyncBatchNorm.convert_sync_batchnorm(model)
    x, means = torch.tensor(shards[rank], dtype=torch.float64), []
    for _ in range(3):
        model(x).sum().backward()
        means.append(model.module.running_mean.item())
    model.eval()(x)
    return means, model.module.running_mean.item()


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


def grouped(rank, parts, *arguments):
    """Run a step in which the processes of each part share their statistics, and no others."""
    groups = [dist.new_group(part) for part in parts]  # every process makes every group
    mine = next(group for part, group in zip(parts, groups, strict=True) if rank in part)
    return step(rank, partial(SyncBatchNorm, process_group=mine), *arguments)


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
