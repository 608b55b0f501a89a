"""Inputs that several test files share, and the checks that tell a right formula from a wrong one."""

from functools import partial
from typing import NamedTuple

import numpy as np

import bnlib
from bnlib import reference
from bnlib.gradcheck import max_error

RTOL, ATOL = 1e-11, 1e-12  # float64 sums of fewer than 100 terms of order 10: some hundred ulps at most
GRADCHECK = 1e-7  # what central differences reach in float64 (gradcheck.max_error)


class Case(NamedTuple):
    """A norm in one layout; positions whose shares(position) are equal share one mean."""

    norm: str
    shape: tuple
    along: tuple  # the axes of x that gamma and beta lie along
    shares: object
    arguments: dict
    center: bool = True

    def __str__(self):
        return f"{self.norm}-{'x'.join(map(str, self.shape))}-{'-'.join(map(str, self.arguments.values()))}"

    @property
    def shifts(self):
        """Whether there is a beta."""
        return self.norm != "rms_norm"

    @property
    def samples(self):
        """The axis of the samples, where there is one of channels."""
        return 1 if self.along == (0,) else 0

    @property
    def given(self):
        """What the call takes beside x, gamma, beta and eps."""
        return self.arguments

    @property
    def parameter_shape(self):
        return tuple(self.shape[axis] for axis in self.along)

    def forward(self, x, gamma=None, beta=None, eps=1e-5):
        parameters = {"gamma": gamma} | ({"beta": beta} if self.shifts else {})
        return getattr(bnlib, self.norm)(x, **parameters, eps=eps, **self.given)

    def backward(self, dy, cache):
        """Return dx, dgamma and dbeta, None where there is no beta; that of eps has tests of its own."""
        return (*getattr(bnlib, f"{self.norm}_backward")(dy, cache), None)[:3]

    def spread(self, parameter):
        """The parameter at every position of x."""
        if parameter is None:
            return None
        along = [n if i in self.along else 1 for i, n in enumerate(self.shape)]
        return np.broadcast_to(parameter.reshape(along), self.shape)

    def expected(self, x, gamma=None, beta=None, eps=1e-5):
        """Return y as the slow specification has it."""
        parameters = self.spread(gamma), self.spread(beta)
        return reference.norm(x, self.shares, *parameters, eps=eps, center=self.center)

    def expected_xhat(self, x, eps):
        return self.expected(x, eps=eps)

    def at(self, x, gamma, eps):
        """The function whose gradient at this x is asked for: what is a constant stays as it is here."""
        return partial(self.expected, gamma=gamma, eps=eps)

    def expected_gradients(self, dy, x, gamma=None, eps=1e-5):
        dx, gamma_terms, beta_terms = reference.norm_backward(
            dy, x, self.shares, self.spread(gamma), eps=eps, center=self.center
        )
        others = tuple(i for i in range(len(self.shape)) if i not in self.along)
        return dx, gamma_terms.sum(axis=others), beta_terms.sum(axis=others)

    def draw(self, seed=0, dtype=np.float64):
        """Return x, gamma, beta, dy; slices of x differ in mean and scale, some gamma are negative."""
        rng = np.random.default_rng(seed)
        x = rng.normal(size=self.shape)
        for axis, n in enumerate(self.shape):
            along = [n if i == axis else 1 for i in range(len(self.shape))]
            x = x * np.linspace(0.6, 1.9, n).reshape(along) + np.linspace(-2.0, 3.0, n).reshape(along)
        signs = np.resize([-1.0, 1.0, 1.0], self.parameter_shape)
        gamma = signs * rng.uniform(1.4, 2.6, self.parameter_shape)
        beta = -signs * rng.uniform(0.5, 3.0, self.parameter_shape)
        return tuple(array.astype(dtype) for array in (x, gamma, beta, rng.normal(size=self.shape)))


class PooledCase(Case):
    """The specification: the older values stand in the batch, too, and nothing depends on their y."""

    @property
    def older(self):
        shape = [3 if i == self.samples else n for i, n in enumerate(self.shape)]
        return np.random.default_rng(5).normal(1.0, 2.0, shape)

    @property
    def given(self):
        return self.arguments | {"past": bnlib.channel_stats(self.older, **self.arguments)}

    def joined(self, array, older):
        array = np.concatenate([array, older], axis=self.samples)
        return Case(*self)._replace(shape=array.shape), array

    def own(self, array):
        return np.take(array, range(self.shape[self.samples]), axis=self.samples)

    def expected(self, x, gamma=None, beta=None, eps=1e-5):
        whole, x = self.joined(x, self.older)
        return self.own(whole.expected(x, gamma, beta, eps))

    def expected_gradients(self, dy, x, gamma=None, eps=1e-5):
        whole, dy = self.joined(dy, 0 * self.older)
        dx, *of_parameters = whole.expected_gradients(dy, self.joined(x, self.older)[1], gamma, eps)
        return self.own(dx), *of_parameters


class RenormCase(Case):
    """The specification: batch norm with gamma * r and beta + gamma * d, where r and d are constants."""

    @property
    def given(self):
        running = {
            "running_mean": np.linspace(-1.0, 3.0, *self.parameter_shape),
            "running_var": np.linspace(0.3, 40.0, *self.parameter_shape),
        }
        return self.arguments | running | {"r_max": 1.5, "d_max": 0.7}

    def constants(self, x, eps):
        names = "running_mean", "running_var"
        running = zip(*(self.given[name] for name in names), strict=True)
        channels = np.moveaxis(x, self.along[0], 0).reshape(*self.parameter_shape, -1).astype(float)
        found = [
            reference.renorm_constants(list(values), *statistics, 1.5, 0.7, eps)
            for values, statistics in zip(channels, running, strict=True)
        ]
        return np.array(found).T

    def by_constants(self, x, r, d, gamma, beta, eps):
        scale = 1.0 if gamma is None else gamma
        return super().expected(x, scale * r, scale * d + (0 if beta is None else beta), eps)

    def expected(self, x, gamma=None, beta=None, eps=1e-5):
        return self.by_constants(x, *self.constants(x, eps), gamma, beta, eps)

    def expected_xhat(self, x, eps):
        return super().expected(x, eps=eps)

    def at(self, x, gamma, eps):
        r, d = self.constants(x, eps)
        return lambda x: self.by_constants(x, r, d, gamma, None, eps)

    def expected_gradients(self, dy, x, gamma=None, eps=1e-5):
        r, d = self.constants(x, eps)
        dx, dgamma, dbeta = super().expected_gradients(dy, x, r if gamma is None else r * gamma, eps)
        return dx, r * dgamma + d * dbeta, dbeta


def batch(shape, axis):
    return Case("batch_norm", shape, (axis % len(shape),), lambda p: p[axis], {"axis": axis})


def pooled(shape, axis):
    return PooledCase(*batch(shape, axis))._replace(norm="pooled_batch_norm")


def renorm(shape, axis):
    return RenormCase(*batch(shape, axis))._replace(norm="batch_renorm")


def ghost(shape, axis, size):
    case = batch(shape, axis)
    shares = lambda p: (p[case.samples] // size, p[axis])  # noqa: E731
    return case._replace(
        norm="ghost_batch_norm", shares=shares, arguments={"ghost_size": size, "axis": axis}
    )


def frn(shape, axis):
    case = batch(shape, axis)
    shares = lambda p: (p[case.samples], p[axis])  # noqa: E731
    return case._replace(norm="filter_response_norm", shares=shares, center=False)


def group(shape, axis, groups):
    size, sample = shape[axis] // groups, 1 if axis in (0, -len(shape)) else 0
    shares = lambda p: (p[sample], p[axis] // size)  # noqa: E731
    arguments = {"num_groups": groups, "axis": axis}
    return Case("group_norm", shape, (axis % len(shape),), shares, arguments)


def instance(shape, axis):
    per_channel = group(shape, axis, shape[axis])
    return per_channel._replace(norm="instance_norm", arguments={"axis": axis})


def last(norm, shape, normalized):
    along = tuple(range(len(shape)))[-len(normalized) :]
    arguments = {"normalized_shape": normalized}
    return Case(norm, shape, along, lambda p: p[: along[0]], arguments, center=norm == "layer_norm")


BATCH = [
    batch((5, 3), 1),
    batch((3, 4), 0),
    batch((5, 3), -1),
    batch((4, 3, 2), 1),
    batch((4, 2, 3), -1),
    batch((3, 2, 4), -3),
    batch((2, 3, 2, 3), 1),
    batch((2, 2, 2, 3), 3),
    batch((2, 3, 2, 1, 2), 1),
]
RELATIVES = [
    instance((3, 2, 4), 1),
    instance((3, 4, 2), -1),
    instance((2, 3, 4), 0),
    instance((2, 3, 2, 2), 1),
    group((3, 4, 2), 1, 2),
    group((3, 6), 1, 2),
    group((2, 3, 6), -1, 3),
    group((4, 3, 2), 0, 2),
    group((2, 4, 1, 3), 1, 1),
    *(last(norm, *sizes) for norm in ("layer_norm", "rms_norm") for sizes in (
        [(3, 4), (4,)], [(3, 2, 4), (4,)], [(3, 2, 4), (2, 4)], [(5,), (5,)], [(2, 3, 2), (2, 3, 2)],
    )),
]  # fmt: skip
SMALL_BATCHES = [
    pooled((5, 3), 1),
    pooled((1, 3), 1),  # one value a channel, and three older ones
    pooled((4, 2, 3), -1),
    pooled((3, 2, 4), 0),
    pooled((2, 3, 2, 2), 1),
    ghost((6, 3), 1, 2),
    ghost((6, 2), 1, 6),
    ghost((4, 2, 3), -1, 2),
    ghost((3, 6, 2), 0, 3),
    ghost((4, 3, 2, 2), 1, 2),
    ghost((3, 2, 4), 1, 1),
    renorm((5, 3), 1),
    renorm((4, 2, 3), -1),
    renorm((3, 2, 4), 0),
    renorm((2, 3, 2, 2), 1),
]
FILTER_RESPONSE = [frn((3, 2, 4), 1), frn((3, 4, 2), -1), frn((2, 3, 4), 0), frn((2, 3, 2, 2), 1)]
FILTER_RESPONSE += [frn((4, 3, 1), 1)]
EVERY = BATCH + RELATIVES + SMALL_BATCHES + FILTER_RESPONSE


def assert_close(got, wanted, rtol=RTOL, atol=ATOL):
    assert got is not None
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert got.shape == wanted.shape
    assert np.allclose(got, wanted, rtol=rtol, atol=atol, equal_nan=True), (got, wanted)


def assert_same(got, wanted):
    """Equal bit by bit, in shape and dtype, too."""
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
    assert np.array_equal(got, wanted, equal_nan=True), (got, wanted)


def check_forward(case, forward, eps):
    """Reject a `forward(x, gamma, beta, eps) -> y` that is not the specification's."""
    x, gamma, beta, _ = case.draw()
    beta = beta if case.shifts else None
    assert_close(forward(x, gamma, beta, eps), case.expected(x, gamma, beta, eps))


def check_backward(case, backward, eps, seed=0):
    """Reject a `backward(dy, x, gamma, eps) -> (dx, dgamma, dbeta)` by differences and specification."""
    x, gamma, _, dy = case.draw(seed)
    dx, *of_parameters = backward(dy, x, gamma, eps)
    assert max_error(case.at(x, gamma, eps), x, dy, dx) < GRADCHECK
    wanted, *wanted_of_parameters = case.expected_gradients(dy, x, gamma, eps)
    assert_close(dx, wanted)
    for got, right in zip(of_parameters, wanted_of_parameters, strict=True):
        assert_close(got, right)


def check_running(update):
    """Reject an `update(mean, var, stats, momentum)` that is not PyTorch's, over two batches."""
    rng = np.random.default_rng(1)
    mean, var = np.array([0.5, -2.0, 3.0]), np.array([1.0, 4.0, 0.25])
    got = wanted = (mean, var)
    for count in (4, 7):
        values = rng.normal([2.0, -1.0, 5.0], [1.0, 3.0, 0.5], size=(count, 3))
        stats = bnlib.ChannelStats(count, values.mean(axis=0), values.var(axis=0))
        got = update(*got, stats, 0.3)
        unbiased = [sum((v - v.mean()) ** 2) / (count - 1) for v in values.T]
        wanted = 0.7 * wanted[0] + 0.3 * values.mean(axis=0), 0.7 * wanted[1] + 0.3 * np.array(unbiased)
    assert_close(got[0], wanted[0])
    assert_close(got[1], wanted[1])


def check_merge(merge):
    """Reject a `merge(one, other)` that differs from the statistics of all values, for unequal counts."""
    values = np.random.default_rng(2).normal([2.0, -1.0, 50.0], [1.0, 3.0, 0.5], size=(9, 3))
    values[3:] += [4.0, -2.0, 0.5]
    parts = [bnlib.ChannelStats(len(v), v.mean(axis=0), v.var(axis=0)) for v in (values[:3], values[3:])]
    pooled = merge(*parts)
    assert pooled.count == 9
    assert_close(pooled.mean, [reference.mean(list(v)) for v in values.T])
    assert_close(pooled.var, [reference.variance(list(v)) for v in values.T])
