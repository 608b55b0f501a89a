"""What the chapter on speed says of torch's CPU kernel: it folds the mean into the shift, with pivot 0."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

FAR = [1e2, 1e4, 1e6]
EPS = 1e-5


def along(vector):
    return vector.reshape(1, -1, 1, 1)


def case(far):
    """Float32 x of deviation 1, channels first, and its gamma and beta."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(16, 32, 28, 28)).astype(np.float32) + np.float32(far)
    return x, *rng.normal(size=(2, 32)).astype(np.float32)


def kernel(x, gamma, beta, running=(None, None)):
    """Torch's y, and the float32 mean and inv_std that it was made of."""
    training = running[0] is None
    tensors = [None if v is None else torch.from_numpy(v) for v in (x, gamma, beta, *running)]
    y, mean, inv_std = torch.native_batch_norm(*tensors, training, 0.1, EPS)
    if training:
        return y.numpy(), mean.numpy(), inv_std.numpy()
    mean, var = running
    return y.numpy(), mean, 1 / np.sqrt(var + np.float32(EPS))


def folded(x, gamma, beta, mean, inv_std, fused):
    """A product and a sum in float32; fused, the product is not rounded: that depends on the processor."""
    scale = inv_std * gamma
    wide = np.float64 if fused else np.float32
    shift = (beta - mean.astype(wide) * scale).astype(np.float32)
    return (x.astype(wide) * along(scale) + along(shift)).astype(np.float32)


def share(one, other):
    return (one == other).mean()


@pytest.mark.parametrize("far", FAR)
@pytest.mark.parametrize("training", [True, False])
def test_y_is_the_folded_form_bit_for_bit(far, training):
    x, gamma, beta = case(far)
    running = (None, None) if training else (x.mean((0, 2, 3), float), x.var((0, 2, 3), float))
    running = [v if v is None else v.astype(np.float32) for v in running]
    y, mean, inv_std = kernel(x, gamma, beta, running)
    assert max(share(y, folded(x, gamma, beta, mean, inv_std, fused)) for fused in (True, False)) == 1
    centred = along(inv_std * gamma) * (x - along(mean)) + along(beta)
    assert share(y, centred) < 0.2


@pytest.mark.parametrize("far", FAR)
def test_centring_by_the_rounded_mean_and_keeping_its_rest_would_be_exact(far):
    x, gamma, beta = case(far)
    wide = x.astype(np.float64)
    mean, inv_std = wide.mean((0, 2, 3)), 1 / np.sqrt(wide.var((0, 2, 3)) + EPS)
    right = along(gamma * inv_std) * (wide - along(mean)) + along(beta)
    pivot, scale = mean.astype(np.float32), (gamma * inv_std).astype(np.float32)
    shift = (beta - (mean - pivot) * gamma * inv_std).astype(np.float32)
    about_pivot = (x - along(pivot)) * along(scale) + along(shift)
    found = about_pivot, kernel(x, gamma, beta)[0]
    error, theirs = (np.abs(y - right).max() / np.abs(right).max() for y in found)
    assert error < 3e-7  # a few roundings of 6e-8
    assert theirs > far * 2e-9  # a rounding of the mean: 6e-8 of it, over values up to 12
