"""Who shares a mean, and what Dropout does instead: 192 digits to learn from, ten seeds.

python benchmarks/regularisation.py [--write]

Every step sees all 192 digits, so the only noise is that of the companies, or of Dropout. The chapter on
regularisation runs three rows of this table itself; --write stores all of them beside it. It takes about
five minutes on one core.
"""

import json
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np

from bnlib import batch_norm, batch_norm_backward, data
from bnlib.network import Dropout, Linear, Part, ReLU, Sequential, accuracy, cross_entropy, sgd_step
from bnlib.norms import batch_norm_eval

STORED = Path(__file__).parent.parent / "book" / "regularisation.json"
SEEDS = range(10, 20)
COUNT, WIDTHS, LENGTHS = 192, (64, 64, 64), (300, 1000)
RATES = 0.1, 0.3, 0.5, 1, 3
CASES = {
    **{f"company {k}": {"company": k} for k in (192, 8, 2, 4, 16, 32, 64, 96)},
    "company 8, kept": {"company": 8, "kept": True},
    "plain": {},
    **{f"dropout {p}": {"drop": p} for p in (0.1, 0.3, 0.5)},
    **{f"company {k}, dropout {p}": {"company": k, "drop": p} for k in (192, 8) for p in (0.1, 0.3)},
}
for other in ("company 192", "company 8", "plain", "dropout 0.1", "dropout 0.3", "dropout 0.5"):
    CASES |= {f"{other}, rate {rate}": CASES[other] | {"rate": rate} for rate in RATES[1:]}
NAMES = "accuracy", "loss", "training accuracy", "training loss"


class Ghost(Part):
    """Batch norm in which the rows i, i + N / k, i + 2 N / k ... share a mean: companies of k."""

    def __init__(self, k, features):
        self.k, self.gamma, self.beta = k, np.ones(features), np.zeros(features)

    def forward(self, x):
        if not self.training:
            return batch_norm_eval(x, self.running_mean, self.running_var, self.gamma, self.beta)
        gamma, beta = (np.tile(one, len(x) // self.k) for one in (self.gamma, self.beta))
        y, cache = batch_norm(x.reshape(self.k, -1), gamma, beta)
        return y.reshape(x.shape), cache

    def gradient(self, dy, cache):
        dx, *rest = batch_norm_backward(dy.reshape(self.k, -1), cache)
        self.dgamma, self.dbeta = (one.reshape(-1, dy.shape[1]).sum(axis=0) for one in rest)
        return dx.reshape(dy.shape)

    def parameters(self):
        yield self, "gamma"
        yield self, "beta"


def settle(network, x):
    """Set the running statistics to those of x, layer by layer, and stay in evaluation mode."""
    network.eval()
    for part in network.parts:
        if hasattr(part, "gamma"):
            part.running_mean, part.running_var = x.mean(axis=0), x.var(axis=0)
        x = part(x)


def build(rng, company, drop, masks):
    """A network; without company it has no batch norm."""
    parts = []
    for inputs, outputs in pairwise(WIDTHS):
        parts += [Linear(inputs, outputs, rng, bias=company is None)]
        parts += [Ghost(company, outputs)] if company else []
        parts += [ReLU()] + ([Dropout(drop, masks)] if drop else [])
    return Sequential(*parts, Linear(WIDTHS[-1], 10, rng))


def split(seed):
    """192 digits to learn from, and the other 1605."""
    digits = data.load_digits()
    order = np.random.default_rng(1000 + seed).permutation(len(digits.labels))
    x, labels = digits.images.reshape(-1, 64).astype(np.float64)[order] / 16, digits.labels[order]
    return (x[:COUNT], labels[:COUNT]), (x[COUNT:], labels[COUNT:])


def run(seed, company=None, drop=0.0, rate=0.1, kept=False, lengths=LENGTHS):
    """Test accuracy, test loss, training accuracy and training loss after so many steps on all 192."""
    (x, labels), (x_test, labels_test) = split(seed)
    network = build(np.random.default_rng(seed), company, drop, np.random.default_rng(2000 + seed))
    rng, found = np.random.default_rng(3000 + seed), []
    for step in range(max(lengths)):
        if step == 0 or not kept:
            rows = rng.permutation(COUNT)
        sgd_step(network.train(), x[rows], labels[rows], rate)
        if step + 1 in lengths:
            settle(network, x)
            logits = network(x_test), network(x)
            losses = cross_entropy(logits[0], labels_test)[0], cross_entropy(logits[1], labels)[0]
            shares = accuracy(network, x_test, labels_test), accuracy(network, x, labels)
            found.append([shares[0], losses[0], shares[1], losses[1]])
    return found


def main():
    table = {}
    for name, case in CASES.items():
        runs = np.array([run(seed, **case) for seed in SEEDS]).transpose(1, 2, 0)  # length, quantity, seed
        table[name] = {
            str(steps): dict(zip(NAMES, of_length.round(6).tolist(), strict=True))
            for steps, of_length in zip(LENGTHS, runs, strict=True)
        }
        print(f"{name:24}", *runs.mean(axis=2).round(4), flush=True)
    if "--write" in sys.argv:
        STORED.write_text(json.dumps({"seeds": list(SEEDS), "runs": table}, indent=1) + "\n")


if __name__ == "__main__":
    main()
