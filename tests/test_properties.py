"""Properties that hold for every input, with inputs drawn by hypothesis."""

import numpy as np
import pytest
from helpers import EVERY, assert_close, assert_same
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import bnlib
from bnlib import BatchNorm, ChannelStats, batch_norm, batch_norm_backward, batch_norm_eval, channel_stats

EIGHTHS = st.integers(-800, 800).map(lambda i: i / 8)  # up to 100; sums of these are exact
# A normalised value is off by some 100 * 2**-53 / sqrt(eps): a few 1e-13 for eps of 0.01 and more.
ATOL = 1e-10

every_case = pytest.mark.parametrize("case", EVERY, ids=str)


@st.composite
def batches(draw, most_axes=2):
    """Draw x of shape (N, C, *S) with more than one value per channel, gamma, beta and dy."""
    shape = draw(
        st.tuples(
            st.integers(2, 5), st.integers(1, 4), *[st.integers(1, 3)] * draw(st.integers(0, most_axes))
        )
    )
    of_channels = arrays(float, shape[1], elements=EIGHTHS)
    x = draw(arrays(float, shape, elements=EIGHTHS))
    return x, draw(of_channels), draw(of_channels), draw(arrays(float, shape, elements=EIGHTHS))


EPS = st.sampled_from([0.01, 0.5, 30.0])


def over_channel(x):
    return tuple(i for i in range(x.ndim) if i != 1)


def along_channel(vector, x):
    return vector.reshape([-1 if i == 1 else 1 for i in range(x.ndim)])


@given(batches(), EPS)
def test_output_has_mean_beta_and_the_variance_that_eps_leaves(batch, eps):
    x, gamma, beta, _ = batch
    y, cache = batch_norm(x, gamma, beta, eps=eps)
    var = cache.stats.var
    assert_close(y.mean(axis=over_channel(x)), beta, atol=100 * ATOL)  # gamma is up to 100
    assert_close(y.var(axis=over_channel(x)), gamma**2 * var / (var + eps), rtol=1e-9, atol=100 * ATOL)


@given(batches(), EPS, st.integers(-8000, 8000))
def test_a_shift_of_x_changes_nothing(batch, eps, shift):
    x, gamma, beta, dy = batch
    y, cache = batch_norm(x, gamma, beta, eps=eps)
    shifted, shifted_cache = batch_norm(x + shift / 8, gamma, beta, eps=eps)
    assert_close(shifted, y, atol=100 * ATOL)  # gamma is up to 100
    wanted = batch_norm_backward(dy, cache)
    for got, right in zip(batch_norm_backward(dy, shifted_cache), wanted, strict=True):
        assert_close(
            got, right, rtol=1e-9, atol=1e6 * ATOL
        )  # gamma, dy and 1 / sqrt(eps) up to 100, 100, 10


@given(batches(), EPS, st.sampled_from([0.125, 3.0, 1000.0, -0.5, -7.0]))
def test_a_scale_of_x_with_eps_scaled_too_changes_the_sign_at_most(batch, eps, scale):
    x, gamma, _, dy = batch
    y, cache = batch_norm(x, gamma, eps=eps)
    scaled, scaled_cache = batch_norm(scale * x, gamma, eps=scale**2 * eps)
    assert_close(scaled, np.sign(scale) * y, atol=100 * ATOL)  # gamma is up to 100
    dx = batch_norm_backward(dy, cache)[0]
    got = batch_norm_backward(np.sign(scale) * dy, scaled_cache)[0]
    assert_close(scale * got, dx, rtol=1e-9, atol=1e6 * ATOL)  # as above


@given(batches(), st.randoms(use_true_random=False))
def test_batch_order_does_not_matter(batch, random):
    x, gamma, beta, dy = batch
    order = random.sample(range(len(x)), len(x))
    y, cache = batch_norm(x, gamma, beta, eps=0.01)
    permuted, permuted_cache = batch_norm(x[order], gamma, beta, eps=0.01)
    assert_close(permuted, y[order], atol=100 * ATOL)  # gamma is up to 100
    (dx, *rest), (got, *got_rest) = (
        batch_norm_backward(dy, cache),
        batch_norm_backward(dy[order], permuted_cache),
    )
    assert_close(got, dx[order], rtol=1e-9, atol=1e6 * ATOL)  # gamma, dy and 1 / sqrt(eps): 100, 100, 10
    for one, wanted in zip(got_rest, rest, strict=True):
        assert_close(one, wanted, rtol=1e-9, atol=1e4 * ATOL)  # dy is up to 100, and 45 of them are summed


@given(batches(), EPS)
def test_dx_leaves_out_the_two_directions_of_the_statistics(batch, eps):
    """Sum dx = 0, and sum(dx*xhat) = inv_std * eps/(var+eps) * sum(dy*gamma*xhat)."""
    x, gamma, beta, dy = batch
    _, cache = batch_norm(x, gamma, beta, eps=eps)
    dx, dgamma, _ = batch_norm_backward(dy, cache)
    over, var = over_channel(x), cache.stats.var
    assert_close(dx.sum(axis=over), 0 * gamma, atol=1e7 * ATOL)  # 45 terms of up to 100 * 100 * 10
    left = eps / (var + eps) ** 1.5
    along_xhat = (dx * cache.xhat).sum(axis=over)
    assert_close(along_xhat, left * (dy * cache.xhat).sum(axis=over) * gamma, rtol=1e-9, atol=1e7 * ATOL)
    assert_close(along_xhat, left * gamma * dgamma, rtol=1e-9, atol=1e7 * ATOL)


@given(batches(), EPS)
def test_backward_is_linear_in_dy(batch, eps):
    x, gamma, beta, dy = batch
    _, cache = batch_norm(x, gamma, beta, eps=eps)
    for got, once, flipped in zip(
        batch_norm_backward(2 * dy + dy[::-1], cache),
        batch_norm_backward(dy, cache),
        batch_norm_backward(dy[::-1], cache),
        strict=True,
    ):
        assert_close(got, 2 * once + flipped, rtol=1e-9, atol=1e6 * ATOL)  # as above


@given(batches())
def test_layouts_agree(batch):
    """Channels last, channels first and samples flattened to rows give the same numbers."""
    x, gamma, beta, dy = batch
    y, cache = batch_norm(x, gamma, beta, eps=0.01)
    dx, *wanted = batch_norm_backward(dy, cache)
    for axis in (-1, 0):
        moved, moved_cache = batch_norm(np.moveaxis(x, 1, axis), gamma, beta, eps=0.01, axis=axis)
        got, *rest = batch_norm_backward(np.moveaxis(dy, 1, axis), moved_cache)
        assert_close(np.moveaxis(moved, axis, 1), y, atol=100 * ATOL)
        assert_close(np.moveaxis(got, axis, 1), dx, rtol=1e-9, atol=1e6 * ATOL)
        for one, right in zip(rest, wanted, strict=True):
            assert_close(one, right, rtol=1e-9, atol=1e4 * ATOL)
    rows, _ = batch_norm(np.moveaxis(x, 1, -1).reshape(-1, x.shape[1]), gamma, beta, eps=0.01)
    assert_close(rows, np.moveaxis(y, 1, -1).reshape(rows.shape), atol=100 * ATOL)


@given(batches(), EPS)
def test_eval_mode_with_the_statistics_of_the_batch_is_training_mode(batch, eps):
    x, gamma, beta, _ = batch
    y, cache = batch_norm(x, gamma, beta, eps=eps)
    assert_same(batch_norm_eval(x, cache.stats.mean, cache.stats.var, gamma, beta, eps=eps)[0], y)


@given(arrays(float, st.tuples(st.integers(0, 12), st.integers(1, 3)), elements=EIGHTHS), st.data())
def test_merge_of_any_split_is_the_whole(x, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(x)), max_size=4)))
    first, *others = (channel_stats(part) for part in np.split(x, cuts))
    pooled, whole = first.merge(*others), channel_stats(x)
    assert pooled.count == whole.count == len(x)
    assert_close(pooled.mean, whole.mean, atol=1e-12)  # values up to 100: 100 * 2**-53 and a few roundings
    assert_close(pooled.var, whole.var, atol=1e-9)  # squares up to 1e4
    assert isinstance(pooled, ChannelStats)


@given(st.lists(batches(most_axes=0), min_size=1, max_size=4))
def test_cumulative_running_mean_is_the_mean_of_all_values_of_equal_batches(drawn):
    x = [np.resize(batch[0], (4, 3)) for batch in drawn]
    layer = BatchNorm(3, momentum=None, dtype=np.float64)
    for batch in x:
        layer(batch)
    assert_close(layer.running_mean, np.concatenate(x).mean(axis=0), atol=1e-12)  # values up to 100


@every_case
@given(st.sampled_from([np.float16, np.float32, np.float64]), st.integers(0, 10**6))
def test_inputs_are_read_only_and_kept_and_the_dtype_is_that_of_x(case, dtype, seed):
    inputs = case.draw(seed, dtype)
    copies = [array.copy() for array in inputs]
    for array in inputs:
        array.flags.writeable = False
    x, gamma, beta, dy = inputs
    y, cache = case.forward(x, gamma, beta)
    gradients = case.backward(dy, cache)
    assert {array.dtype for array in (y, *gradients) if array is not None} == {np.dtype(dtype)}
    for array in (y, *(gradient for gradient in gradients if gradient is not None)):
        assert array.flags.writeable
        assert not any(np.shares_memory(array, one) for one in inputs)
    for array, copy in zip(inputs, copies, strict=True):
        assert_same(array, copy)


@every_case
@given(
    st.sampled_from([np.nan, np.inf, -np.inf]),
    st.integers(0, 10**6),
    st.sampled_from([np.float16, np.float64]),
)
def test_nan_and_inf_stay_among_the_values_that_share_a_mean(case, bad, at, dtype):
    """In y and dx, whether x has it or dy; without a warning, which would be an error here."""
    x, gamma, beta, dy = case.draw(at, dtype)
    place = np.unravel_index(at % x.size, x.shape)
    mine = np.array([case.shares(p) == case.shares(place) for p in np.ndindex(x.shape)]).reshape(x.shape)
    y, cache = case.forward(x, gamma, beta)
    dx = case.backward(dy, cache)[0]
    spoilt = x.copy()
    spoilt[place] = bad
    got_y, spoilt_cache = case.forward(spoilt, gamma, beta)
    got_dx = case.backward(dy, spoilt_cache)[0]
    assert_same(got_y[~mine], y[~mine])
    assert_same(got_dx[~mine], dx[~mine])
    assert np.isnan(got_y[place])
    assert np.isnan(got_dx[mine]).all() or not case.center
    spoilt = dy.copy()
    spoilt[place] = bad
    got_dx = case.backward(spoilt, cache)[0]
    assert_same(got_dx[~mine], dx[~mine])
    assert not np.isfinite(got_dx[mine]).any()


@given(batches(), st.sampled_from([np.nan, np.inf]), st.integers(0, 10**6))
def test_nan_stays_in_its_channel_of_gradients_and_running_statistics(batch, bad, at):
    x, gamma, beta, dy = batch
    x = x.copy()
    place = np.unravel_index(at % x.size, x.shape)
    x[place] = bad
    channels = np.arange(len(gamma)) == place[1]
    layer = BatchNorm(len(gamma), dtype=np.float64)
    layer.gamma, layer.beta = gamma, beta
    layer(x)
    layer.backward(dy)
    for array in (layer.dgamma, layer.running_var):
        assert np.isnan(array).tolist() == channels.tolist()
    assert (~np.isfinite(layer.running_mean)).tolist() == channels.tolist()
    assert_close(layer.dbeta, dy.sum(axis=over_channel(x)))
    y = batch_norm_eval(x, 0 * gamma, 1 + 0 * gamma, gamma, beta)[0]
    assert np.isfinite(np.delete(y.ravel(), at % x.size)).all()  # in evaluation mode, in its own place


@pytest.mark.parametrize("norm", ["batch_norm", "group_norm", "layer_norm", "instance_norm", "rms_norm"])
@given(batches(most_axes=2), st.sampled_from([1e-5, 1.0]))
def test_no_normalised_value_is_beyond_the_root_of_the_count(norm, batch, eps):
    """|xhat| < sqrt(m): the bound that a mean of squares of at most 1 gives."""
    x = np.stack([batch[0], batch[3]], axis=-1)
    own = {"group_norm": (1,), "layer_norm": (x.shape[1:],), "rms_norm": (x.shape[1:],)}.get(norm, ())
    _, cache = getattr(bnlib, norm)(x, *own, eps=eps)
    assert (np.abs(cache.xhat) <= np.sqrt(x.size)).all()
