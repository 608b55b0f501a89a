"""Right answers to the exercises in six styles and more: what the checker must accept."""

from functools import partial

import numpy as np

import bnlib
from bnlib.check.exercises import along

try:
    import torch
    from torch.nn.functional import batch_norm
except ModuleNotFoundError:
    torch = None


def rows(x):
    """(m, C): a row for every value of a channel."""
    return np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])


def unrows(flat, x):
    """Back to the shape of x."""
    return np.moveaxis(flat.reshape(x.shape[0], *x.shape[2:], x.shape[1]), -1, 1)


def narrow(function):
    """The same in float32 arithmetic, whatever comes in."""
    return lambda *arguments: function(*(np.asarray(a, dtype=np.float32) for a in arguments))


def tensors(function):
    """The same on torch tensors, with arrays going in and out."""

    def wrapped(*arguments):
        given = [torch.tensor(a).double() if isinstance(a, np.ndarray) else a for a in arguments]
        results = function(*given)
        if isinstance(results, torch.Tensor):
            return results.detach().numpy()
        return tuple(result.detach().numpy() for result in results)

    return wrapped


# Statistics


def loop_stats(x):
    means, variances = [], []
    for c in range(x.shape[1]):
        values = [float(v) for v in np.moveaxis(x, 1, 0)[c].ravel()]
        means.append(sum(values) / len(values))
        variances.append(sum((v - means[-1]) ** 2 for v in values) / len(values))
    return np.array(means), np.array(variances)


def einsum_stats(x):
    flat = rows(x)
    mean = np.einsum("mc->c", flat) / len(flat)
    return mean, np.einsum("mc,mc->c", flat - mean, flat - mean) / len(flat)


def staged_stats(x):
    axes, m = (0, *range(2, x.ndim)), x.size // x.shape[1]
    mean = x.sum(axis=axes, keepdims=True) / m
    centered = x - mean
    return mean.ravel(), (centered**2).sum(axis=axes) / m


def matrix_stats(x):
    flat = rows(x).astype(np.float64)
    centering = np.eye(len(flat)) - 1 / len(flat)
    return flat.mean(axis=0), np.diag(flat.T @ centering @ flat) / len(flat)


def numpy_stats(x):
    return rows(x).mean(axis=0), rows(x).var(axis=0)


def torch_stats(x):
    axes = (0, *range(2, x.ndim))
    return x.mean(axes), x.var(axes, correction=0)


def core_stats(x):
    stats = bnlib.channel_stats(x)
    return stats.mean, stats.var


STATS = {
    "loops": loop_stats,
    "einsum": einsum_stats,
    "staged": staged_stats,
    "matrix": matrix_stats,
    "float32": narrow(staged_stats),
    "numpy": numpy_stats,
}


# The training mode


def forward(stats, x, gamma, beta, eps):
    mean, var = stats(x)
    return along(gamma / np.sqrt(var + eps), x) * (x - along(mean, x)) + along(beta, x)


def loop_forward(x, gamma, beta, eps):
    means, variances = loop_stats(x)
    y = np.empty(x.shape)
    for index in np.ndindex(*x.shape):
        c = index[1]
        y[index] = (x[index] - means[c]) / (variances[c] + eps) ** 0.5 * gamma[c] + beta[c]
    return y


def einsum_forward(x, gamma, beta, eps):
    mean, var = einsum_stats(x)
    scaled = np.einsum("nc...,c->nc...", x - along(mean, x), gamma / np.sqrt(var + eps))
    return scaled + along(beta, x)


def staged_forward(x, gamma, beta, eps):
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axis=axes, keepdims=True)
    centered = x - mean
    squared = centered * centered
    var = squared.mean(axis=axes, keepdims=True)
    std = np.sqrt(var + eps)
    inverse = 1 / std
    xhat = centered * inverse
    return along(gamma, x) * xhat + along(beta, x)


def matrix_forward(x, gamma, beta, eps):
    flat = rows(x).astype(np.float64)
    centered = (np.eye(len(flat)) - 1 / len(flat)) @ flat
    return unrows(centered @ np.diag(gamma / np.sqrt((centered**2).mean(axis=0) + eps)) + beta, x)


def folded_forward(x, gamma, beta, eps):
    mean, var = loop_stats(x)
    scale = gamma / np.sqrt(var + eps)
    return x * along(scale, x) + along(beta - mean * scale, x)


def guarded_forward(x, gamma, beta, eps):
    mean, var = numpy_stats(x)
    std = np.maximum(np.sqrt(np.maximum(var, 1e-12) + np.maximum(eps, 1e-5)), 1e-5)
    xhat = (x - along(mean, x)) / along(np.where(std > 0, std, 1), x)
    return np.nan_to_num(along(gamma, x) * np.where(np.isfinite(xhat), xhat, 0) + along(beta, x))


def float32_statistics_forward(x, gamma, beta, eps):
    return forward(lambda x: numpy_stats(np.float32(x)), x, gamma, beta, eps)


def torch_forward(x, gamma, beta, eps):
    return batch_norm(x, None, None, gamma, beta, training=True, eps=eps)


def loop_backward(dy, x, gamma, eps):
    means, variances = loop_stats(x)
    dx, dgamma, dbeta = np.empty(x.shape), np.zeros(len(gamma)), np.zeros(len(gamma))
    m = x.size // x.shape[1]
    for c in range(x.shape[1]):
        s = (variances[c] + eps) ** -0.5
        places = [index for index in np.ndindex(*x.shape) if index[1] == c]
        for index in places:
            dbeta[c] += dy[index]
            dgamma[c] += dy[index] * (x[index] - means[c]) * s
        for index in places:
            xhat = (x[index] - means[c]) * s
            dx[index] = gamma[c] * s * (dy[index] - dbeta[c] / m - xhat * dgamma[c] / m)
    return dx, dgamma, dbeta


def einsum_backward(dy, x, gamma, eps):
    flat, up = rows(x), rows(dy)
    mean, var = einsum_stats(x)
    inv_std = (var + eps) ** -0.5
    xhat = np.einsum("mc,c->mc", flat - mean, inv_std)
    dgamma, dbeta = np.einsum("mc,mc->c", up, xhat), np.einsum("mc->c", up)
    inner = up - dbeta / len(up) - np.einsum("mc,c->mc", xhat, dgamma) / len(up)
    return unrows(np.einsum("mc,c,c->mc", inner, gamma, inv_std), x), dgamma, dbeta


def staged_backward(dy, x, gamma, eps):
    axes, m = (0, *range(2, x.ndim)), x.size // x.shape[1]
    centered = x - x.mean(axis=axes, keepdims=True)
    var = (centered**2).mean(axis=axes, keepdims=True)
    inv_std = 1 / np.sqrt(var + eps)
    dxhat = dy * along(gamma, x)
    dvar = (dxhat * centered).sum(axis=axes, keepdims=True) * -0.5 * inv_std**3
    dmean = -(dxhat * inv_std).sum(axis=axes, keepdims=True)
    dmean += dvar * (-2 * centered).mean(axis=axes, keepdims=True)
    dx = dxhat * inv_std + dvar * 2 * centered / m + dmean / m
    return dx, (dy * centered * inv_std).sum(axis=axes), dy.sum(axis=axes)


def jacobian_backward(dy, x, gamma, eps):
    flat, up = rows(x).astype(np.float64), rows(dy)
    dx, m = np.empty_like(flat), len(flat)
    for c in range(flat.shape[1]):
        inv_std = 1 / np.sqrt(flat[:, c].var() + eps)
        xhat = (flat[:, c] - flat[:, c].mean()) * inv_std
        jacobian = gamma[c] * inv_std * (np.eye(m) - np.ones((m, m)) / m - np.outer(xhat, xhat) / m)
        dx[:, c] = jacobian.T @ up[:, c]
    xhat = (flat - flat.mean(axis=0)) / np.sqrt(flat.var(axis=0) + eps)
    return unrows(dx, x), (up * xhat).sum(axis=0), up.sum(axis=0)


def guarded_backward(dy, x, gamma, eps):
    flat, up = rows(x), rows(dy)
    var = np.maximum(flat.var(axis=0), 1e-12)
    inv_std = np.where(var > 0, 1 / np.sqrt(var + max(eps, 1e-5)), 0)
    xhat = (flat - flat.mean(axis=0)) * inv_std
    dgamma, dbeta = (up * xhat).sum(axis=0), up.sum(axis=0)
    dx = np.nan_to_num(gamma * inv_std * (up - dbeta / len(up) - xhat * dgamma / len(up)))
    return unrows(dx, x), dgamma, dbeta


def core_backward(dy, x, gamma, eps):
    return bnlib.batch_norm_backward(dy, bnlib.batch_norm(x, gamma, np.zeros(len(gamma)), eps=eps)[1])


def torch_backward(dy, x, gamma, eps):
    x, gamma, beta = (t.requires_grad_() for t in (x, gamma, torch.zeros_like(gamma)))
    return torch.autograd.grad(torch_forward(x, gamma, beta, eps), (x, gamma, beta), dy)


# The running averages and the evaluation mode


def running(stats, mean, var, x, momentum):
    new_mean, new_var = stats(x)
    m = x.size // x.shape[1]
    return mean + momentum * (new_mean - mean), (1 - momentum) * var + momentum * new_var * m / (m - 1)


def guarded_running(mean, var, x, momentum):
    new_mean, new_var = numpy_stats(x)
    m = x.size // x.shape[1]
    new_var = np.where(new_var > 0, np.maximum(new_var, 1e-12), 0) * m / max(m - 1, 1)
    momentum = np.clip(momentum, 0, 1)
    return mean + momentum * (new_mean - mean), np.maximum(var + momentum * (new_var - var), 0)


def torch_running(mean, var, x, momentum):
    batch_norm(x, mean, var, training=True, momentum=momentum)
    return mean, var


def loop_eval(x, mean, var, gamma, beta, eps):
    y = np.empty(x.shape)
    for index in np.ndindex(*x.shape):
        c = index[1]
        y[index] = (x[index] - mean[c]) / (var[c] + eps) ** 0.5 * gamma[c] + beta[c]
    return y


def einsum_eval(x, mean, var, gamma, beta, eps):
    scale = gamma / np.sqrt(var + eps)
    return np.einsum("nc...,c->nc...", x - along(mean, x), scale) + along(beta, x)


def staged_eval(x, mean, var, gamma, beta, eps):
    mean, var, gamma, beta = (along(v, x) for v in (mean, var, gamma, beta))
    xhat = (x - mean) / np.sqrt(var + eps)
    return gamma * xhat + beta


def matrix_eval(x, mean, var, gamma, beta, eps):
    return unrows((rows(x) - mean) @ np.diag(gamma / np.sqrt(var + eps)) + beta, x)


def folded_eval(x, mean, var, gamma, beta, eps):
    scale = gamma / np.sqrt(var + eps)
    return x * along(scale, x) + along(beta - mean * scale, x)


def guarded_eval(x, mean, var, gamma, beta, eps):
    std = np.sqrt(np.maximum(var, 0) + max(eps, 1e-5))
    xhat = np.divide(x - along(mean, x), along(std, x), where=along(std > 0, x), out=np.zeros_like(x))
    return np.nan_to_num(along(gamma, x) * xhat + along(beta, x))


def torch_eval(x, mean, var, gamma, beta, eps):
    return batch_norm(x, mean, var, gamma, beta, eps=eps)


def loop_eval_backward(dy, x, mean, var, gamma, eps):
    dx, dgamma, dbeta = np.empty(x.shape), np.zeros(len(gamma)), np.zeros(len(gamma))
    for index in np.ndindex(*x.shape):
        c = index[1]
        s = (var[c] + eps) ** -0.5
        dx[index] = dy[index] * gamma[c] * s
        dgamma[c] += dy[index] * (x[index] - mean[c]) * s
        dbeta[c] += dy[index]
    return dx, dgamma, dbeta


def einsum_eval_backward(dy, x, mean, var, gamma, eps):
    s = (var + eps) ** -0.5
    dgamma = np.einsum("mc,mc,c->c", rows(dy), rows(x) - mean, s)
    return np.einsum("nc...,c,c->nc...", dy, gamma, s), dgamma, np.einsum("mc->c", rows(dy))


def staged_eval_backward(dy, x, mean, var, gamma, eps):
    axes = (0, *range(2, x.ndim))
    std = np.sqrt(along(var, x) + eps)
    dxhat = dy * along(gamma, x)
    return dxhat / std, (dy * ((x - along(mean, x)) / std)).sum(axis=axes), dy.sum(axis=axes)


def jacobian_eval_backward(dy, x, mean, var, gamma, eps):
    up, s = rows(dy), (var + eps) ** -0.5
    return unrows(up @ np.diag(gamma * s), x), np.diag(up.T @ ((rows(x) - mean) * s)), up.sum(axis=0)


def core_eval_backward(dy, x, mean, var, gamma, eps):
    return bnlib.batch_norm_eval_backward(
        dy, bnlib.batch_norm_eval(x, mean, var, gamma, np.zeros(len(gamma)), eps=eps)[1]
    )


def torch_eval_backward(dy, x, mean, var, gamma, eps):
    x, gamma, beta = (t.requires_grad_() for t in (x, gamma, torch.zeros_like(gamma)))
    return torch.autograd.grad(torch_eval(x, mean, var, gamma, beta, eps), (x, gamma, beta), dy)


# Layers


class Handmade:
    """Written as a reader would, for any rank; `stats` is the style of its statistics."""

    training, stats = True, staticmethod(numpy_stats)

    def __init__(self, channels, eps, momentum):
        self.mean, self.var, self.eps, self.momentum = np.zeros(channels), np.ones(channels), eps, momentum

    def train(self):
        self.training = True

    def eval(self):
        self.training = False

    def __call__(self, x):
        mean, var = self.mean, self.var
        if self.training:
            mean, var = self.stats(x)
            m = x.size // x.shape[1]
            self.mean = self.mean + self.momentum * (mean - self.mean)
            self.var = self.var + self.momentum * (var * m / (m - 1) - self.var)
        return (x - along(mean, x)) / np.sqrt(along(var, x) + self.eps)


def layer_in(style):
    return type(f"Layer_{style}", (Handmade,), {"stats": staticmethod(STATS[style])})


class OnlyForward:
    """A class whose work is in `forward`, as torch's modules have it."""

    def __init__(self, *arguments, **options):
        self.inner = Handmade(*arguments, **options)
        self.train, self.eval, self.forward = self.inner.train, self.inner.eval, self.inner.__call__


class TorchLayer:
    """torch's own layer, with arrays going in and out."""

    def __init__(self, channels, eps, momentum):
        self.arguments, self.layer, self.mode = (channels, eps, momentum), None, "train"

    def train(self):
        self.mode = "train"

    def eval(self):
        self.mode = "eval"

    def __call__(self, x):
        kinds = {4: torch.nn.BatchNorm2d, 5: torch.nn.BatchNorm3d}
        self.layer = self.layer or kinds.get(x.ndim, torch.nn.BatchNorm1d)(*self.arguments).double()
        getattr(self.layer, self.mode)()
        return self.layer(torch.tensor(x).double()).detach().numpy()


RIGHT = {
    "channel_stats": STATS | {"bnlib": core_stats, "a list": lambda x: list(loop_stats(x))},
    "forward": {
        "loops": loop_forward,
        "einsum": einsum_forward,
        "staged": staged_forward,
        "matrix": matrix_forward,
        "float32": narrow(staged_forward),
        "folded": folded_forward,
        "guarded": guarded_forward,
        "float32 statistics": float32_statistics_forward,
        "rows": partial(forward, numpy_stats),
        "bnlib": lambda x, gamma, beta, eps: bnlib.batch_norm(x, gamma, beta, eps=eps)[0],
    },
    "backward": {
        "loops": loop_backward,
        "einsum": einsum_backward,
        "staged": staged_backward,
        "matrix": jacobian_backward,
        "float32": narrow(staged_backward),
        "guarded": guarded_backward,
        "bnlib": core_backward,
    },
    "running": {style: partial(running, stats) for style, stats in STATS.items()}
    | {"guarded": guarded_running},
    "eval_forward": {
        "loops": loop_eval,
        "einsum": einsum_eval,
        "staged": staged_eval,
        "matrix": matrix_eval,
        "float32": narrow(staged_eval),
        "folded": folded_eval,
        "guarded": guarded_eval,
    },
    "eval_backward": {
        "loops": loop_eval_backward,
        "einsum": einsum_eval_backward,
        "staged": staged_eval_backward,
        "matrix": jacobian_eval_backward,
        "float32": narrow(staged_eval_backward),
        "bnlib": core_eval_backward,
    },
    "layer": {style: layer_in(style) for style in STATS}
    | {"bnlib": bnlib.BatchNorm, "forward": OnlyForward},
}
if torch is not None:
    for name, function in (
        ("channel_stats", torch_stats),
        ("forward", torch_forward),
        ("backward", torch_backward),
        ("running", torch_running),
        ("eval_forward", torch_eval),
        ("eval_backward", torch_eval_backward),
    ):
        RIGHT[name]["torch"] = tensors(function)
    RIGHT["layer"]["torch"] = TorchLayer
