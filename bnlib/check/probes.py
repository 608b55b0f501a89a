"""The inputs that exercises are tried on, and smaller ones to show a mistake on."""

from functools import cache

import numpy as np

from bnlib.check.exercises import EXERCISES, along

SHAPES = [(5, 3), (2, 3, 1, 3), (3, 2, 2), (2, 3, 3, 1, 1), (7, 3), (2, 1, 2)]  # 4 to 7 values a channel


@cache
def probes(name):
    """The inputs, by name, on which an exercise is tried; the last is float32 with a large mean.

    After those of SHAPES come one with a value far out, and one with a constant channel.
    """
    drawn = [draw(seed, shape) for seed, shape in enumerate(SHAPES)]
    drawn[2] |= {key: np.asfortranarray(drawn[2][key]) for key in ("x", "dy")}
    outlier, constant, large = draw(8, (30, 2)), draw(10, (2, 3, 1, 3)), draw(9, (7, 3))
    for key in ("x", "dy", "first"):
        outlier[key][0] += 40
    constant["x"][:, 1] = 2.5
    large |= {key: large[key] + 3000 for key in ("x", "first", "second", "third")}
    large = {key: np.float32(value) if np.ndim(value) else value for key, value in large.items()}
    return tuple(
        {key: values[key] for key in EXERCISES[name].arguments}
        for values in (*drawn, outlier, constant, large)
    )


@cache
def examples(name):
    """Inputs that one can follow by hand, the smallest first: three numbers, then two channels of them.

    The last is a constant channel.
    """
    values = {
        "dy": [1.0, 0.0, 2.0],
        "x": [1.0, 1.0, 7.0],  # mean 3 and variance 8: with eps 8 the deviation is 4
        "first": [1.0, 1.0, 7.0],
        "second": [2.0, 5.0, 5.0],
        "third": [1.0, 3.0, 5.0],
    }
    vectors = {"gamma": -4.0, "beta": 10.0, "running_mean": 1.0, "running_var": 1.0}
    made = []
    for shape in ((3, 1), (1, 1, 3), (1, 1, 3, 1), (3, 2)):
        inputs = {key: [value] for key, value in vectors.items()} | values | {"momentum": 0.25, "eps": 8.0}
        if shape[-1] == 2:  # the second channel is another one
            inputs |= {key: [value, 2.0] for key, value in vectors.items()}
            inputs |= {key: np.stack([value, [-4.0, 0.0, -2.0]], axis=1) for key, value in values.items()}
        made.append(
            {
                key: inputs[key] if np.isscalar(inputs[key])
                else np.array(inputs[key]).reshape(-1 if key in vectors else shape)
                for key in EXERCISES[name].arguments
            }
        )  # fmt: skip
    constant = {key: np.full((3, 1), 2.0) for key in ("x", "first") if key in made[0]}
    return [*made, made[0] | constant]


def shape_of(inputs):
    """The shape of the input that is normalised."""
    return next(value.shape for value in inputs.values() if np.ndim(value) > 1)


def draw(seed, shape):
    """A value for every argument: channels of different mean and scale, a negative gamma, a large eps."""
    rng, channels = np.random.default_rng([seed, *shape]), shape[1]
    x = np.empty(shape)
    scale, shift = (
        along(np.array([0.7, 1.6, 1.1])[:channels], x),
        along(np.array([-2.0, 0.5, 3.0])[:channels], x),
    )
    vectors = {
        "gamma": np.array([-1.7, 2.3, 0.6]) + 0.1 * rng.normal(size=3),
        "beta": np.array([1.4, -0.8, 2.2]) + 0.1 * rng.normal(size=3),
        "running_mean": np.array([-1.1, 0.9, 2.0]) + 0.1 * rng.normal(size=3),
        "running_var": np.array([0.4, 2.7, 1.5]) + 0.1 * rng.uniform(size=3),
    }
    return {key: vector[:channels] for key, vector in vectors.items()} | {
        "x": rng.normal(size=shape) * scale + shift,
        "dy": rng.normal(size=shape) + 0.3,
        "momentum": 0.3 - 0.02 * seed,
        "eps": 0.37 + 0.04 * seed,
        "first": rng.normal(size=shape) * scale + shift,
        "second": rng.normal(size=shape) * scale - shift,
        "third": rng.normal(size=shape) + 2 * shift,
    }
