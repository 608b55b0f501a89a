"""What a wrong result gives away where no misconception of the library explains it."""

import numpy as np

from bnlib.check.exercises import EXERCISES, probes, shape_of

STEADY = 1e-3  # a ratio or a sum that varies less than this, of its size, is taken to be constant


def clues(name, results, right, wrong):
    """Yield sentences about the results on the probes in `wrong`, arrays of the right shapes."""
    shapes = [shape_of(inputs) for inputs in probes(name)]
    if set(wrong) == {len(shapes) - 1}:
        yield "it is right in float64: of float32 values near 3000 it loses digits; centre, then square"
        return
    if all(len(shapes[i]) > 2 for i in wrong) and len(wrong) < len(shapes):
        yield "it is right where x has 2 axes: look at what happens to the further axes"
    for k, key in enumerate(EXERCISES[name].results):
        pairs = [(results[i][k], right[i][k]) for i in wrong if not np.allclose(results[i][k], right[i][k])]
        ratios = [ratio(got, wanted) for got, wanted in pairs]
        if pairs and None not in ratios:
            yield f"{key} is the right one times {spoken(ratios)}"
        elif key == "dx" and name == "backward" and pairs:
            yield from broken_sums(name, results, wrong)


def ratio(got, wanted):
    """The one number that got is wanted times, or None."""
    size = np.abs(wanted).max()
    if not size or not np.isfinite(got).all():
        return None
    factor = float((got * wanted).sum() / (wanted * wanted).sum())
    return factor if np.abs(got - factor * wanted).max() < STEADY * size else None


def spoken(ratios):
    if np.ptp(ratios) < STEADY * max(map(abs, ratios)):
        return f"{ratios[0]:.4g}"
    return f"a factor that changes with the input: {', '.join(f'{value:.4g}' for value in ratios[:3])}"


def broken_sums(name, results, wrong):
    """The two sums over a channel that the right dx keeps small, and that this one does not."""
    inputs, dx = probes(name)[wrong[0]], results[wrong[0]][0]
    axes = tuple(i for i in range(dx.ndim) if i != 1)
    x, size = inputs["x"], np.abs(dx).sum(axis=axes).max()
    centered = x - x.mean(axis=axes, keepdims=True)
    var = (centered**2).mean(axis=axes, keepdims=True)
    g = inputs["dy"] * inputs["gamma"].reshape((1, -1) + (1,) * (dx.ndim - 2))
    kept = (g * centered).sum(axis=axes) * (inputs["eps"] / (var + inputs["eps"]) ** 1.5).ravel()
    if np.abs(dx.sum(axis=axes)).max() > STEADY * size:
        yield "dx does not add up to 0 over a channel: look at the path through the mean"
    if np.abs((dx * centered).sum(axis=axes) - kept).max() > STEADY * size:
        yield "the sum of dx * xhat is not what eps leaves of it: look at the path through the variance"
