"""Print what NumPy's float16 and float32 make of five formulas: the oracle of cancellation_numbers.js.

Numbers are printed as strings, because JSON has no infinity, no NaN and no -0 that survives.
"""

import json

import numpy as np

from bnlib import channel_stats

COUNT, CHANNELS = 64, 11
RATIOS = [mantissa * ten for ten in (1, 10, 100, 1e3, 1e4, 1e5) for mantissa in (1, 1.8, 3.2, 5.6)] + [1e6]
FORMATS = {"float32": np.float32, "float16": np.float16}


def noise(seed):
    """Return values of mean near 0 and std near 1: the sum of twelve uniform numbers, less 6."""
    values, state = [], seed
    for _ in range(COUNT):
        total = -6.0
        for _ in range(12):
            state = (1664525 * state + 1013904223) % 2**32
            total += state / 2**32
        values.append(total)
    return np.array(values)


def mean(values):
    """Add one scalar after another: np.mean would add in pairs, and float16 in float32."""
    total = values.dtype.type(0)
    for value in values:
        total = total + value
    return total / len(values)


def one_pass(x):
    return mean(x * x) - mean(x) * mean(x)


def two_passes(x):
    return mean((x - mean(x)) ** 2)


def shifted(x):
    return one_pass(x - x[0])


def welford(x):
    center = squares = x.dtype.type(0)
    for k, value in enumerate(x, start=1):
        deviation = value - center
        center = center + deviation / k
        squares = squares + deviation * (value - center)
    return squares / len(x)


def halves(x):
    if len(x) == 1:
        return x[0], x.dtype.type(0)
    left, right = len(x) // 2, len(x) - len(x) // 2
    (center, a), (center_b, b) = halves(x[:left]), halves(x[left:])
    d = center_b - center
    return center + d * (right / len(x)), a + b + d * d * (left * right / len(x))


def chan(x):
    return halves(x)[1] / len(x)


WAYS = {"one pass": one_pass, "Welford": welford, "Chan, halves": chan, "two passes": two_passes}
WAYS["shifted"] = shifted


def relative_error(computed, variance):
    if not variance > 0:
        return np.nan
    return abs(float(computed) - variance) / variance if np.isfinite(computed) else np.inf


def text(numbers):
    """Return numbers as JavaScript writes them."""
    special = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}
    return [special.get(shown, shown) for shown in (repr(float(number)) for number in numbers)]


def channels():
    """Yield every channel's stored values, bnlib's variance of them, and what each formula returns."""
    for name, dtype in FORMATS.items():
        for ratio in RATIOS:
            variances, errors = [], []
            for channel in range(CHANNELS):
                x = (ratio + noise(channel)).astype(dtype)
                computed = [way(x) for way in WAYS.values()]
                assert all(number.dtype == dtype for number in computed)
                variances.append(channel_stats(x[:, None]).var[0])
                errors.append([relative_error(number, variances[-1]) for number in computed])
                yield {
                    **{"format": name, "ratio": ratio, "channel": channel, "stored": text(x)},
                    **{"computed": text(computed), "variance": text(variances[-1:])[0]},
                    **{"medians": text(np.median(errors, axis=0)) if channel == CHANNELS - 1 else None},
                }


def awkward():
    """Return numbers that are hard to round to float16, and what NumPy rounds them to."""
    values = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float64)  # all finite ones
    between = (values[1:] + values[:-1]) / 2  # every tie
    beside = [np.nextafter(between, 0), np.nextafter(between, np.inf)]
    edges = [65519.99, 65520, 65520.01, 1e5, 1e300, np.inf, np.nan, 2.0**-25, 2.0**-26, 5e-324, 1 / 3]
    some = np.concatenate([values[::7], between[::7], *(b[::7] for b in beside), values[:40], edges])
    spread = np.random.default_rng(0).normal(size=4000) * 10.0 ** np.arange(-9, 7).repeat(250)
    return np.concatenate([some, -some, spread])


with np.errstate(all="ignore"):  # overflow is what the test is about
    rounded = awkward()
    half = [text(rounded), text(rounded.astype(np.float16))]
    print(json.dumps({"ways": list(WAYS), "ratios": RATIOS, "half": half, "channels": list(channels())}))
