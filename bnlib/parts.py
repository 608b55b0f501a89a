"""What a network is made of. A part has `part(x) -> y`, `backward(dy) -> dx` and `parameters()`.

`backward` differentiates the last call, so a part stands at one place of a network. What is learned is an
attribute, and its gradient the attribute d + name. A part with modes has `train(mode)`, too. A container is
a part whose attribute `parts` says what it is made of, in order; `parts_of` walks them all.
"""

from contextlib import contextmanager

import numpy as np

from bnlib import arguments
from bnlib.core import lying_along
from bnlib.layers import BatchNorm
from bnlib.statistics import all_axes_but

CONTRACT = "__call__", "backward", "parameters"


class Part:
    """The calls and modes that parts share: one of your own says its `forward` and its `gradient`.

    `forward(x)` returns (y, cache). `gradient(dy, cache)` returns dx, and stores the gradient of every
    parameter as the attribute d + name. A call keeps the cache for `backward`.

    Attributes
    ----------
    training : bool
        The mode, which ``train`` and ``eval`` switch. A new part is in training mode.

    Raises
    ------
    RuntimeError
        From `backward`, before any call.
    ValueError
        From `backward`, if dy has another shape than y.

    Examples
    --------
    >>> import numpy as np
    >>> class Square(Part):
    ...     def forward(self, x):
    ...         return x**2, x
    ...
    ...     def gradient(self, dy, x):
    ...         return 2 * x * dy
    >>> square = Square()
    >>> square(np.array([3.0])).tolist(), square.backward(np.array([10.0])).tolist()
    ([9.0], [60.0])
    """

    training = True
    _cache = None

    def __call__(self, x):
        y, cache = self.forward(x)
        self._cache = cache, y.shape
        return y

    def backward(self, dy):
        if self._cache is None:
            raise RuntimeError("backward needs a call before it: there is no x to differentiate at")
        cache, shape = self._cache
        if np.shape(dy) != shape:
            raise ValueError(f"dy must have the shape of y, {shape}, got {np.shape(dy)}")
        return self.gradient(dy, cache)

    def train(self, mode=True):
        self.training = arguments.flag("mode", mode)
        return self

    def eval(self):
        return self.train(False)

    def parameters(self):
        """Yield (part, attribute name) of every learned array."""
        return iter(())


class Weighted(Part):
    """A part with a weight, He-initialised, and perhaps a bias, which starts at 0."""

    def __init__(self, weight_shape, inputs, outputs, rng, bias, dtype):
        arguments.generator("rng", rng)
        weight = rng.normal(size=weight_shape) * np.sqrt(2 / inputs)
        self.weight = arguments.float_array("dtype", weight.astype(dtype))
        self.bias = np.zeros(outputs, dtype) if arguments.flag("bias", bias) else None
        self.dweight = self.dbias = None

    def parameters(self):
        yield self, "weight"
        if self.bias is not None:
            yield self, "bias"


class Linear(Weighted):
    """y = x @ weight + bias, for x of shape (N, in_features); He-initialised by `rng`.

    Parameters
    ----------
    in_features, out_features : int
    rng : numpy.random.Generator
    bias : bool, default True
        False before batch norm, which takes any constant out again.
    dtype : float dtype, default float64

    Attributes
    ----------
    weight, dweight : (in_features, out_features) array
        The transpose of torch's; its gradient is there after `backward`.
    bias, dbias : (out_features,) array or None

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; from a call, if x has another number of features.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun (2015). Delving deep into rectifiers. arXiv:1502.01852: weights of the
    start with variance 2 / in_features.

    Examples
    --------
    >>> import numpy as np
    >>> linear = Linear(2, 1, np.random.default_rng(0))
    >>> linear.weight, linear.bias = np.array([[3.0], [5.0]]), np.array([7.0])
    >>> linear(np.array([[1.0, 10.0]])).tolist(), linear.backward(np.array([[1.0]])).tolist()
    ([[60.0]], [[3.0, 5.0]])
    """

    def __init__(self, in_features, out_features, rng, bias=True, dtype=np.float64):
        shape = tuple(
            arguments.positive_integer(name, value)
            for name, value in (("in_features", in_features), ("out_features", out_features))
        )
        super().__init__(shape, *shape, rng, bias, dtype)

    def forward(self, x):
        if x.ndim != 2 or x.shape[1] != len(self.weight):
            raise ValueError(f"x must have shape (N, {len(self.weight)}), got {x.shape}")
        return x @ self.weight if self.bias is None else x @ self.weight + self.bias, x

    def gradient(self, dy, x):
        self.dweight = x.T @ dy
        self.dbias = None if self.bias is None else dy.sum(axis=0)
        return dy @ self.weight.T


class ReLU(Part):
    """y = max(x, 0), for x of any shape; where x is 0, the slope is 0, as in torch.

    Examples
    --------
    >>> import numpy as np
    >>> relu = ReLU()
    >>> relu(np.array([-1.0, 0.0, 3.0])).tolist(), relu.backward(np.ones(3)).tolist()
    ([0.0, 0.0, 3.0], [0.0, 0.0, 1.0])
    """

    def forward(self, x):
        return np.maximum(x, 0), x > 0

    def gradient(self, dy, positive):
        return dy * positive


class TLU(Part):
    """y = max(x, tau), with a tau learned for every channel: a ReLU whose threshold is free.

    It follows `filter_response_norm`, whose output has no mean of 0. Where x is at most tau, the gradient
    goes to tau.

    Parameters
    ----------
    num_features : int
        The number of channels, C.
    axis : int, default 1
        Where the channel is; -1 for channels last.
    dtype : float dtype, default float64
        Of tau; y has the dtype of x.

    Attributes
    ----------
    tau, dtau : (C,) array
        The thresholds, which start at 0, and their gradient after `backward`.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; from a call, if x has other channels.

    References
    ----------
    S. Singh, S. Krishnan (2019). Filter Response Normalization Layer. arXiv:1911.09737.

    Examples
    --------
    >>> import numpy as np
    >>> tlu = TLU(1)
    >>> tlu.tau = np.array([-1.0])
    >>> tlu(np.array([[-3.0], [-0.5], [2.0]])).tolist()
    [[-1.0], [-0.5], [2.0]]
    """

    def __init__(self, num_features, axis=1, dtype=np.float64):
        self.num_features = arguments.positive_integer("num_features", num_features)
        self.axis = arguments.integer("axis", axis)
        self.tau = arguments.float_array("dtype", np.zeros(self.num_features, dtype))
        self.dtau = None

    def forward(self, x):
        x, axis = arguments.channels_input(x, self.axis, self.num_features)
        tau = self.tau.reshape(lying_along(x.shape, (axis,))).astype(x.dtype)
        return np.maximum(x, tau), (x > tau, axis)

    def gradient(self, dy, cache):
        above, axis = cache
        dy = arguments.float_array("dy", dy)
        others = all_axes_but(dy.ndim, axis)
        self.dtau = np.where(above, 0, dy).sum(axis=others, dtype=np.float64).astype(self.tau.dtype)
        return dy * above

    def parameters(self):
        yield self, "tau"


class Sigmoid(Part):
    """y = 1 / (1 + exp(-x)), for x of any shape, by an exponential that cannot overflow.

    Raises
    ------
    TypeError
        From a call, if x is not floating.

    Examples
    --------
    >>> import numpy as np
    >>> sigmoid = Sigmoid()
    >>> sigmoid(np.array([-1000.0, 0.0])).tolist(), sigmoid.backward(np.ones(2)).tolist()
    ([0.0, 0.5], [0.0, 0.25])
    """

    def forward(self, x):
        x = arguments.float_array("x", x)
        small = np.exp(-np.abs(x))
        y = np.where(x < 0, small, 1) / (1 + small)
        return y, y

    def gradient(self, dy, y):
        return dy * y * (1 - y)


class Dropout(Part):
    """Set values to 0 at random in training, and divide the others by 1 - drop; y = x in evaluation.

    Parameters
    ----------
    drop : float in [0, 1)
        The probability of a 0, as in torch.
    rng : numpy.random.Generator
        Draws a mask for every call in training mode. A deep copy of the part draws the same masks again.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; from a call, if x is not floating.

    References
    ----------
    N. Srivastava et al. (2014). Dropout: a simple way to prevent neural networks from overfitting. JMLR 15.

    Examples
    --------
    >>> import numpy as np
    >>> sorted(set(Dropout(0.75, np.random.default_rng(0))(np.ones(100)).tolist()))
    [0.0, 4.0]
    """

    def __init__(self, drop, rng):
        self.drop = arguments.fraction("drop", drop)
        if self.drop == 1:
            raise ValueError("drop must be in [0, 1), got 1.0: nothing would be left")
        self.rng = arguments.generator("rng", rng)

    def forward(self, x):
        x = arguments.float_array("x", x)
        if not self.training:
            return x, np.ones((), x.dtype)
        kept = self.rng.random(x.shape) >= self.drop
        scale = kept / np.asarray(1 - self.drop, x.dtype)
        return x * scale, scale

    def gradient(self, dy, scale):
        return dy * scale


def parts_of(container):
    """Yield every part in a container in order, however deep: a container before what it is made of.

    Parameters
    ----------
    container : part
        Nothing comes of one that has no `parts`.

    Examples
    --------
    >>> network = Sequential(Residual(ReLU()), Sigmoid())
    >>> [type(part).__name__ for part in parts_of(network)]
    ['Residual', 'ReLU', 'Sigmoid']
    """
    for part in getattr(container, "parts", ()):
        yield part
        yield from parts_of(part)


def state_of(network):
    """Every part with its attributes, to give back.

    That is all of its state where a part replaces its arrays, as those here do, and writes into none.
    """
    parts = (network, *parts_of(network))
    return [(part, dict(vars(part))) for part in parts if hasattr(part, "__dict__")]


def give_back(state):
    for part, attributes in state:
        vars(part).clear()
        vars(part).update(attributes)


@contextmanager
def unchanged_on_error(network):
    """Give every part the attributes back that it had before an error: a `with` block.

    Parameters
    ----------
    network : part
        Its parts replace their arrays, as those of this package do. What is written into an array stays
        written, and a generator that was drawn from stays where it is.

    Examples
    --------
    >>> import numpy as np
    >>> linear = Linear(1, 1, np.random.default_rng(0))
    >>> try:
    ...     with unchanged_on_error(linear):
    ...         linear.bias = np.array([7.0])
    ...         raise ValueError
    ... except ValueError:
    ...     print(linear.bias)
    [0.]
    """
    before = state_of(network)
    try:
        yield
    except Exception:
        give_back(before)
        raise


@contextmanager
def unchanged(network):
    """Give every part the attributes back that it had before, error or not."""
    before = state_of(network)
    try:
        yield
    finally:
        give_back(before)


class Container(Part):
    """A part made of parts: what is done to it is done to all. A subclass has a call and `backward`.

    ``train``, ``eval``, ``parameters`` and ``batch_norms`` reach all parts, however deep.

    Parameters
    ----------
    *parts : objects with a call, `backward` and `parameters`
        Parts, or others that have these; they may be containers, too.

    Raises
    ------
    TypeError
        If one is no part.
    ValueError
        If one is in it twice, at any depth: it would forget the first of its two calls.

    Examples
    --------
    >>> class Doubled(Container):  # y = 2 * what is in it
    ...     def __call__(self, x):
    ...         return 2 * self.parts[0](x)
    ...
    ...     def backward(self, dy):
    ...         return self.parts[0].backward(2 * dy)
    >>> doubled = Doubled(Dropout(0.5, np.random.default_rng(0)))
    >>> doubled.eval()(np.ones(1)).tolist(), doubled.parts[0].training
    ([2.0], False)
    """

    def __init__(self, *parts):
        self.parts = parts
        self.check_parts()

    def check_parts(self):
        seen = set()
        for part in parts_of(self):
            name = str(part) if isinstance(part, type) else type(part).__name__
            if isinstance(part, type) or not all(hasattr(part, one) for one in CONTRACT):
                hint = "; write *parts to hand over what is in it" if isinstance(part, list | tuple) else ""
                raise TypeError(f"parts must have {', '.join(CONTRACT)}, got {name}{hint}")
            if id(part) in seen:
                raise ValueError(f"parts must stand at one place each, got the same {name} twice")
            seen.add(id(part))

    def train(self, mode=True):
        super().train(mode)
        for part in parts_of(self):
            if hasattr(part, "train"):
                part.train(mode)
        return self

    def batch_norms(self):
        """Return the batch norms in it, in order."""
        return [part for part in parts_of(self) if isinstance(part, BatchNorm)]

    def parameters(self):
        """Yield (part, attribute name) of every learned array once; its gradient is at d + name."""
        seen = set()
        for part in parts_of(self):
            for owner, name in part.parameters():  # a container's come again with those of its parts
                if (id(owner), name) not in seen:
                    seen.add((id(owner), name))
                    yield owner, name


class Sequential(Container):
    """Parts applied one after the other; `backward` goes through them from the last to the first.

    Parameters
    ----------
    *parts : parts
        As for `Container`. Each takes what the one before it returns. Without any, y = x.

    Raises
    ------
    TypeError, ValueError
        As `Container` does; from a call, what a part raises. All parts are then as they were.

    Examples
    --------
    >>> import numpy as np
    >>> network = Sequential(Linear(1, 1, np.random.default_rng(0)), ReLU())
    >>> network.parts[0].weight = np.array([[5.0]])
    >>> network(np.array([[2.0], [-1.0]])).tolist(), network.backward(np.ones((2, 1))).tolist()
    ([[10.0], [0.0]], [[5.0], [0.0]])
    >>> [name for part, name in network.parameters()]
    ['weight', 'bias']
    """

    def __call__(self, x):
        with unchanged_on_error(self):
            for part in self.parts:
                x = part(x)
        return x

    def backward(self, dy):
        for part in reversed(self.parts):
            dy = part.backward(dy)
        return dy


class Residual(Container):
    """y = branch(x) + skip(x). A sum hands its gradient to both, so dx is the sum of what they make of dy.

    Parameters
    ----------
    branch : part
    skip : part or None, default None
        None for x itself; else what brings x to the shape of branch(x), such as a 1 x 1 convolution.

    Raises
    ------
    TypeError, ValueError
        As `Sequential` does; from a call, if the two have different shapes.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun (2015). Deep residual learning. arXiv:1512.03385.

    Examples
    --------
    >>> import numpy as np
    >>> block = Residual(ReLU())
    >>> block(np.array([-1.0, 3.0])).tolist(), block.backward(np.ones(2)).tolist()
    ([-1.0, 6.0], [1.0, 2.0])
    """

    def __init__(self, branch, skip=None):
        self.branch, self.skip = branch, skip
        self.check_parts()

    @property
    def parts(self):
        return (self.branch,) if self.skip is None else (self.branch, self.skip)

    def __call__(self, x):
        with unchanged_on_error(self):
            y, passed = self.branch(x), x if self.skip is None else self.skip(x)
            if y.shape != passed.shape:  # NumPy might broadcast them
                raise ValueError(f"branch(x) must have the shape of skip(x), {passed.shape}, got {y.shape}")
            return y + passed

    def backward(self, dy):
        return self.branch.backward(dy) + (dy if self.skip is None else self.skip.backward(dy))
