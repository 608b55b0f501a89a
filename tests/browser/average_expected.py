"""Print what bnlib says about running averages, as JSON: the oracle of assets/live/average_numbers.js."""

import itertools
import json

import numpy as np

from bnlib import BatchNorm, ChannelStats, channel_stats, data, update_running
from bnlib.running import debias

PIXEL, STEPS = 28, 200
MOMENTA = 0.001, 0.015, 0.1, 0.5, 0.9, 1.0
SEEN = 0, 1, 2, 60, 199, 200
STARTS = 0.0, 0.35, 1.0


def chapter_batches():
    """Return the pixel's values in every batch, (steps, 16), drawn as the chapter draws them."""
    ink = data.load_digits().images.reshape(-1, 64)[:, PIXEL].astype(np.float64) / 16
    rng = np.random.default_rng(12)
    rng.permutation(len(ink) - 1)  # the chapter's first experiment
    return ink, ink[rng.integers(len(ink), size=(300, 16))][:STEPS]


def follow(rule, momentum, start, batches):
    """Return the average after each of `batches` (steps, values, C); the first is `start` (C,)."""
    ones = np.ones_like(start)
    if rule == "cumulative":
        layer = BatchNorm(len(start), momentum=None, dtype=np.float64)
        layer.running_mean = start
        history = [start]
        for batch in batches:
            layer(batch)
            history.append(layer.running_mean)
        return np.array(history)
    history = [start]
    for batch in batches:
        stats = ChannelStats(len(batch), channel_stats(batch).mean, ones)
        history.append(update_running(history[-1], ones, stats, momentum)[0])
    if rule == "debiased":
        healed = [debias(mean, momentum, steps, start) for steps, mean in enumerate(history) if steps]
        history = [np.full_like(start, np.nan), *healed]
    return np.array(history)


def voices(rule, momentum, steps):
    """Return the weight of the start value, then of each batch: channel k is 1 in voice k, else 0."""
    solo = np.eye(steps + 1)
    return follow(rule, momentum, solo[0], np.repeat(solo[1:, None], 2, axis=1))[-1]


def newest_with_half(weights):
    """Return how many of the newest batches hold half of the weight, or None."""
    held = np.cumsum(weights[:0:-1])
    return int(np.argmax(held >= 0.5 - 1e-12)) + 1 if len(held) and held[-1] >= 0.5 - 1e-12 else None


def plain(numbers):
    """Return numbers as JSON takes them: None for NaN."""
    return [None if np.isnan(number) else float(number) for number in numbers]


def cases():
    """Yield weights of every rule, momentum and number of batches, and means for every start value."""
    for rule, momentum in itertools.product(("ema", "debiased", "cumulative"), MOMENTA):
        for steps in SEEN:
            weights = voices(rule, momentum, steps)
            case = {"rule": rule, "momentum": momentum, "steps": steps}
            yield {**case, "weights": plain(weights), "half": newest_with_half(weights)}
        for start in STARTS:
            means = follow(rule, momentum, np.array([start]), batches[:, :, None])[:, 0]
            yield {"rule": rule, "momentum": momentum, "start": start, "means": plain(means)}


ink, batches = chapter_batches()
stream = plain(batches.mean(axis=1))
print(json.dumps({"stream": stream, "data_mean": float(ink.mean()), "cases": list(cases())}))
