"""What the processes of the tests run; each function gets its rank first."""

import copy
import os
import time

import torch
import torch.distributed as dist
from torch import nn

from bnlib import torch as bt
from bnlib.data import load_digits


def steps(rank, batches, options):
    """Run forward and backward on shards of batches; return every step's results, and what was sent."""
    sent = count_collectives()
    layer = with_parameters(bt.SyncBatchNorm(batches[0][0][rank].shape[1], **options))
    results = []
    for shards, upstream in batches:
        layer.to(shards[rank].dtype).zero_grad()
        x = shards[rank].clone().requires_grad_()
        y = layer(x)
        y.backward(upstream[rank])
        gradients = [parameter.grad.clone() for parameter in layer.parameters()]
        state = [value.clone() for value in layer.buffers()]
        results.append((y.detach(), x.grad, gradients, state))
    return results, sent


def with_parameters(layer):
    """The layer with parameters that are not 1 and 0."""
    with torch.no_grad():
        for i, parameter in enumerate(layer.parameters()):
            parameter.copy_(torch.linspace(-1.5 - i, 2, parameter.numel()))
    return layer


def count_collectives():
    """Let torch.distributed append the size of whatever it sends to the list returned."""
    sent = []

    def counted(collective, index):
        def wrapped(*arguments, **options):
            sent.append((collective.__name__, arguments[index].numel()))
            return collective(*arguments, **options)

        return wrapped

    if dist.all_gather.__name__ == "all_gather":
        count_collectives.originals = dist.all_gather, dist.all_reduce
    dist.all_gather = counted(count_collectives.originals[0], 1)
    dist.all_reduce = counted(count_collectives.originals[1], 0)
    return sent


def modes(rank, x):
    """What each state of the layer sends for a training pass or an evaluation pass."""
    sent, found = count_collectives(), {}
    states = {
        "training": lambda layer: layer,
        "evaluation": lambda layer: layer.eval(),
        "frozen": lambda layer: bt.freeze(layer).train(),
        "evaluation without statistics": lambda layer: untracked.eval(),
    }
    untracked = bt.SyncBatchNorm(x.shape[1], track_running_stats=False)
    for name, prepare in states.items():
        sent.clear()
        prepare(bt.SyncBatchNorm(x.shape[1]))(x + rank)
        found[name] = list(sent)
    return found


def groups(rank, shards):
    """Ranks 0 and 1 share a batch, rank 2 has its own; that pair's group is an error in rank 2."""
    pair, alone = dist.new_group([0, 1]), dist.new_group([2])
    layer = bt.SyncBatchNorm(3, process_group=alone if rank == 2 else pair, dtype=torch.float64)
    y = layer(shards[rank].clone().requires_grad_())
    asked, all_reduce = [], dist.all_reduce
    dist.all_reduce = lambda vectors, group=None: asked.append(group is pair)  # a wrong group would hang
    y.backward(torch.ones_like(y))
    dist.all_reduce = all_reduce
    layer.process_group = pair
    try:
        layer(shards[rank])
    except ValueError as error:
        return y.detach(), asked, str(error)
    return y.detach(), asked, None


def second_derivative(rank, x):
    x = x.clone().requires_grad_()
    try:
        torch.autograd.grad(bt.SyncBatchNorm(x.shape[1])(x).pow(3).sum(), x, create_graph=True)
    except RuntimeError as error:
        return str(error)


def one_value(rank, counts):
    """The error where the processes together have one value, and the state after it."""
    layer = bt.SyncBatchNorm(3)
    try:
        layer(torch.ones(counts[rank], 3))
    except ValueError as error:
        return str(error), layer.num_batches_tracked.item()
    return None, layer.num_batches_tracked.item()


def fails(rank, how):
    """Rank 1 raises, leaves, or dies, while the others wait in the forward pass."""
    if rank == 1:
        if how == "raises":
            raise KeyError("the one that failed")
        if how == "dies":
            os._exit(3)
        time.sleep(3)
        return "left"
    try:
        bt.SyncBatchNorm(3)(torch.ones(4, 3))
    except RuntimeError:
        return "noticed"


class Residual(nn.Module):
    """Two convolutions with batch norm beside an identity, for 8x8 digits."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 6, 3, padding=1, bias=False)
        self.body = nn.Sequential(
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.Conv2d(6, 6, 3, padding=1, bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.Conv2d(6, 6, 3, padding=1, bias=False),
        )
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.BatchNorm1d(24), nn.Linear(24, 10)
        )

    def forward(self, x):
        x = self.stem(x)
        return self.head(x + self.body(x))


def residual_net(prepare=lambda model: model):
    torch.manual_seed(0)
    return prepare(Residual().double())


def digit_batches(steps=20, size=32):
    digits = load_digits()
    for step in range(steps):
        part = slice(step * size, (step + 1) * size)
        yield torch.tensor(digits.images[part]).double() / 16, torch.tensor(digits.labels[part]).long()


def train(model, shard=slice(None), all_reduce=lambda tensor: None):
    """Return the losses of 20 steps of SGD with momentum on digits; each process takes its shard."""
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for images, labels in digit_batches():
        outputs = model(images[shard])
        loss = nn.functional.cross_entropy(outputs, labels[shard], reduction="sum") / len(labels)
        optimiser.zero_grad()
        loss.backward()
        for parameter in model.parameters():
            all_reduce(parameter.grad)
        optimiser.step()
        total = loss.detach().clone()
        all_reduce(total)
        losses.append(total.item())
    return losses


def train_shard(rank, shards):
    """The same, of a part of every batch, with synchronised batch norm; and the state after it."""
    model = residual_net(bt.SyncBatchNorm.convert_sync_batchnorm)
    return train(model, shards[rank], dist.all_reduce), copy.deepcopy(model.state_dict())


def distributed_data_parallel(rank, shards, upstream):
    """The parameters' gradients that DistributedDataParallel leaves: averages over the processes.

    On the CPU it refuses modules that torch's SyncBatchNorm is a base of, so they are converted afterwards.
    """
    ordinary = with_parameters(nn.BatchNorm1d(shards[0].shape[1], dtype=torch.float64))
    model = nn.parallel.DistributedDataParallel(ordinary)
    bt.SyncBatchNorm.convert_sync_batchnorm(model)
    model(shards[rank]).backward(upstream[rank])
    return [parameter.grad for parameter in model.parameters()]
