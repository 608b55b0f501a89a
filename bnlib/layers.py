"""Batch norm as a layer: it keeps parameters and running statistics, and leaves the rest to `norms`."""

from collections.abc import Mapping

import numpy as np

from bnlib import arguments
from bnlib.core import normalize_backward
from bnlib.engine import using
from bnlib.norms import by_constants, by_the_batch
from bnlib.running import update_running


class BatchNorm:
    """Batch normalisation with learned scale and shift and running statistics.

    Training mode normalises by the batch and moves the running statistics; evaluation mode normalises
    by the running statistics and moves nothing.

    Parameters
    ----------
    num_features : int
        The number of channels, C.
    eps : float, default 1e-5
        Added to the variance, in the unit of x squared. Positive.
    momentum : float in [0, 1] or None, default 0.1
        Weight of the NEW batch in the running statistics, as in PyTorch; None for the plain average of
        all batches.
    affine : bool, default True
        Learn gamma and beta.
    track_running_stats : bool, default True
        Keep running statistics. If False, evaluation mode normalises by the batch, too.
    bias : bool, default True
        Learn beta, if affine.
    axis : int, default 1
        Where the channel is; -1 for channels last.
    dtype : float16, float32 (default) or float64
        Of the parameters and the running statistics; y has the dtype of x.
    engine : "numpy", "compiled" or None, default None
        How the formulas are run: see `bnlib.engine.using`. None leaves it to where the layer is called.

    Attributes
    ----------
    gamma, beta, dgamma, dbeta : (C,) array or None
        Parameters, and their gradients after `backward`.
    running_mean, running_var : (C,) array or None
    num_batches_tracked : int or None
    training : bool

    Raises
    ------
    TypeError, ValueError
        From the constructor or a call, if an argument does not fit. The layer is unchanged then.
        `backward` before any call raises RuntimeError.

    References
    ----------
    S. Ioffe, C. Szegedy (2015). Batch Normalization. arXiv:1502.03167.

    Examples
    --------
    >>> import numpy as np
    >>> layer = BatchNorm(1)
    >>> layer(np.array([[1.0], [3.0]])).round(2).tolist(), layer.running_mean.tolist()
    ([[-1.0], [1.0]], [0.20000000298023224])
    """

    def __init__(
        self,
        num_features,
        eps=1e-5,
        momentum=0.1,
        affine=True,
        track_running_stats=True,
        *,
        bias=True,
        axis=1,
        dtype=np.float32,
        engine=None,
    ):
        self.num_features = arguments.positive_integer("num_features", num_features)
        self.eps = arguments.positive_eps(eps)
        self.momentum = None if momentum is None else arguments.fraction("momentum", momentum)
        self.affine = arguments.flag("affine", affine)
        learns_beta = arguments.flag("bias", bias) and self.affine
        self.track_running_stats = arguments.flag("track_running_stats", track_running_stats)
        self.axis = arguments.integer("axis", axis)
        self.engine = engine
        using(engine)  # a name that is none is an error now, not later
        self.training = True
        ones = arguments.float_array("dtype", np.ones(self.num_features, dtype))
        self.gamma = ones.copy() if affine else None
        self.beta = np.zeros_like(ones) if learns_beta else None
        self.running_mean = np.zeros_like(ones) if track_running_stats else None
        self.running_var = ones.copy() if track_running_stats else None
        self.num_batches_tracked = 0 if track_running_stats else None
        self.dgamma = self.dbeta = None
        self._cache = None

    def __call__(self, x):
        """Normalise x of shape (N, C, *S), by the statistics of the mode."""
        x, axis = arguments.channels_input(x, self.axis, self.num_features)
        learned = self.gamma, self.beta, self.eps
        if not self.training and self.running_mean is not None:
            with using(self.engine):
                y, self._cache = by_constants(x, axis, self.running_mean, self.running_var, *learned)
            return y
        with using(self.engine):
            y, cache = by_the_batch(x, axis, *learned)
        if self.training and self.track_running_stats:
            seen = self.num_batches_tracked + 1
            weight = 1 / seen if self.momentum is None else self.momentum
            moved = update_running(self.running_mean, self.running_var, cache.stats, weight)
            self.running_mean, self.running_var = moved
            self.num_batches_tracked = seen
        self._cache = cache
        return y

    def backward(self, dy):
        """Return dx of the last call and store dgamma and dbeta, through the mode that call was in."""
        if self._cache is None:
            raise RuntimeError("backward needs a call before it: there is no x to differentiate at")
        with using(self.engine):
            dx, self.dgamma, self.dbeta = normalize_backward(self._cache.norm, dy, self._cache)
        return dx

    def train(self, mode=True):
        """Switch to training mode, or with mode=False to evaluation mode; return the layer."""
        self.training = arguments.flag("mode", mode)
        return self

    def eval(self):
        """Switch to evaluation mode; return the layer."""
        return self.train(False)

    def parameters(self):
        """Yield (layer, name) of gamma and beta where they are learned; the gradient is at d + name."""
        for name in ("gamma", "beta"):
            if getattr(self, name) is not None:
                yield self, name

    def state_dict(self):
        """Return copies of the parameters and running statistics under torch.nn.BatchNorm's keys."""
        return {key: np.array(getattr(self, name)) for key, name in self._state_names().items()}

    def load_state_dict(self, state):
        """Take over a state of this layer's keys and shapes; on any error nothing changes."""
        names = self._state_names()
        if not isinstance(state, Mapping):
            raise TypeError(f"state must map keys to arrays, got {type(state).__name__}")
        if set(state) != set(names):
            raise ValueError(f"state must have the keys {sorted(names)}, got {sorted(map(str, state))}")
        loaded = {}
        for key, name in names.items():
            if name == "num_batches_tracked":
                loaded[name] = arguments.integer(f"state[{key!r}]", np.asarray(state[key])[()])
                if loaded[name] < 0:
                    raise ValueError(f"state[{key!r}] must be at least 0, got {loaded[name]}")
            else:
                own = getattr(self, name)
                array = arguments.shaped(f"state[{key!r}]", state[key], own.shape)
                if name == "running_var" and (array < 0).any():
                    raise ValueError(f"state[{key!r}] must be at least 0, got {array.min()}")
                loaded[name] = array.astype(own.dtype)
        vars(self).update(loaded)

    def _state_names(self):
        names = {"weight": "gamma", "bias": "beta"}
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            names[name] = name
        return {key: name for key, name in names.items() if getattr(self, name) is not None}
