"""A training step of the chapters' small residual network beside the same network in torch, in one run."""

import statistics
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from bnlib import data
from bnlib.network import (
    Conv2d,
    Flatten,
    Linear,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
    float64_batch_norm,
    sgd_step,
)

SIZE, RATE, ROUNDS = 64, 0.1, 60


class TorchResidual(nn.Sequential):
    def forward(self, x):
        return super().forward(x) + x


def in_numpy(rng):
    def pair(inputs):
        return Conv2d(inputs, 8, 3, rng, padding=1, bias=False), float64_batch_norm(8)

    block = Residual(Sequential(*pair(8), ReLU(), *pair(8)))
    return Sequential(*pair(1), ReLU(), block, ReLU(), MaxPool2d(2), Flatten(), Linear(128, 10, rng))


def in_torch():
    def pair(inputs):
        return nn.Conv2d(inputs, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)

    block = TorchResidual(*pair(8), nn.ReLU(), *pair(8))
    head = nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 10)
    return nn.Sequential(*pair(1), nn.ReLU(), block, *head).double()


def torch_step(network, optimiser, x, labels):
    loss = F.cross_entropy(network(x), labels)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


def timed(step, *arguments):
    start = time.perf_counter()
    step(*arguments)
    return 1e3 * (time.perf_counter() - start)


def main():
    torch.set_num_threads(1)
    digits = data.load_digits()
    x, labels = digits.images[:SIZE].astype(np.float64) / 16, digits.labels[:SIZE]
    mine, other = in_numpy(np.random.default_rng(0)), in_torch()
    torch_arguments = (
        other,
        torch.optim.SGD(other.parameters(), RATE),
        torch.tensor(x),
        torch.tensor(labels),
    )
    rounds = []
    for _ in range(ROUNDS + 3):  # a round calls both in turn, so that they meet the same machine
        rounds.append((timed(sgd_step, mine, x, labels, RATE), timed(torch_step, *torch_arguments)))
    del rounds[:3]
    ratio = statistics.median(one / of_torch for one, of_torch in rounds)
    numpys, torchs = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"a step of the small residual network on {SIZE} digits, one thread, medians of {ROUNDS} rounds")
    print(f"{'bnlib ms':>10} {'torch ms':>10} {'ratio':>8}")
    print(f"{numpys:>10.2f} {torchs:>10.2f} {ratio:>8.2f}")


if __name__ == "__main__":
    main()
