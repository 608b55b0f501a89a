"""What the batch norm of each framework does, by asking it: what it keeps of a batch, its modes, its names.

python benchmarks/conventions.py [--write] [--old] [NAME ...]

Asks the frameworks that are installed, or those named, and prints the answers. --write stores them beside
the appendix on conventions; there, the answers of a framework that is missing here stay as they are. With
--old an answer is stored under the name and the version. All are asked on a CPU, in float32:

pip install torch onnx keras "jax[cpu]" flax equinox "mlx[cpu]" tinygrad tensorflow-cpu tf_keras
"""

import inspect
import json
import os
import sys
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np

ENVIRONMENT = {
    "KERAS_BACKEND": "jax",
    "JAX_PLATFORMS": "cpu",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "DEV": "PYTHON",  # tinygrad's device that needs no compiler
}
STORED = Path(__file__).parent.parent / "book" / "conventions.json"
BATCH = np.array([[1], [1], [7]], np.float32)  # mean 3, variance 8 with divisor m and 12 with m - 1
GAMMA, BETA, MEAN, VAR, COUNT = "gamma", "beta", "mean", "var", "count"


def defaults_of(function):
    """The names of a function's arguments, and what they default to."""
    return {name: p.default for name, p in inspect.signature(function).parameters.items()}


def pytorch():
    import torch
    from torch import nn

    class Layer:
        packages, arguments, momentum, eps, axis = (
            ["torch"],
            defaults_of(nn.BatchNorm1d),
            "momentum",
            "eps",
            None,
        )

        def __init__(self, channels=1, rank=2, **arguments):
            self.layer = (nn.BatchNorm1d if rank == 2 else nn.BatchNorm2d)(channels, **arguments)

        def call(self, x):
            return self.layer(torch.from_numpy(x)).detach().numpy()

        def train(self, x):
            self.layer.train()
            return self.call(x)

        def evaluate(self, x):
            self.layer.eval()
            return self.call(x)

        def kept(self):
            return self.layer.running_mean.numpy(), self.layer.running_var.numpy()

        def keep(self, mean, var):
            self.layer.running_mean.fill_(mean)
            self.layer.running_var.fill_(var)

        def without_gradient(self, x):
            self.layer.requires_grad_(False)
            return self.call(x)

        ways = {"requires_grad_(False)": without_gradient, "eval()": evaluate}

        def names(self):
            roles = {"weight": GAMMA, "bias": BETA, "running_mean": MEAN, "running_var": VAR}
            return {roles.get(key, COUNT): key for key in self.layer.state_dict()}

        def more(self):
            layer = nn.BatchNorm1d(1)
            layer(torch.from_numpy(BATCH))
            four = {name: torch.full((1,), 7.0) for name in (*layer.state_dict(),)[:4]}
            layer.load_state_dict(four)
            new = nn.BatchNorm1d(1)
            new.load_state_dict(four)
            return {
                "four arrays": list(four),
                "count of a new layer after it loaded four arrays": int(new.num_batches_tracked),
                "count of one that had seen a batch": int(layer.num_batches_tracked),
                "convolution, 5 to 7 by 2 x 3": list(nn.Conv2d(5, 7, (2, 3)).weight.shape),
                "linear, 5 to 7": list(nn.Linear(5, 7).weight.shape),
            }

    return Layer


def of_keras(keras, packages, rank):
    """Keras 3 or Keras 2; a batch of (N, 1) is given the rank."""

    class Layer:
        arguments, momentum, eps, axis = (
            defaults_of(keras.layers.BatchNormalization.__init__),
            "momentum",
            "epsilon",
            "axis",
        )

        def __init__(self, channels=1, **arguments):
            self.layer = keras.layers.BatchNormalization(**arguments)
            self.channels = channels

        def call(self, x, **arguments):
            y = self.layer(
                x.reshape(len(x), *[1] * (rank - 2), x.shape[1]) if x.ndim == 2 else x, **arguments
            )
            return np.array(y).reshape(x.shape)

        def train(self, x):
            return self.call(x, training=True)

        def evaluate(self, x):
            return self.call(x, training=False)

        def kept(self):
            if not self.layer.built:
                self.evaluate(np.zeros((2, self.channels), np.float32))
            return np.array(self.layer.moving_mean), np.array(self.layer.moving_variance)

        def keep(self, mean, var):
            self.kept()
            self.layer.moving_mean.assign(np.full(self.channels, mean, np.float32))
            self.layer.moving_variance.assign(np.full(self.channels, var, np.float32))

        def not_trainable(self, x):
            self.layer.trainable = False
            return self.train(x)

        ways = {"training=False": evaluate, "trainable=False": not_trainable}

        def names(self):
            return (
                file_of_keras(keras)
                if rank == 2
                else {
                    role: weight.name.split("/")[-1].split(":")[0]
                    for role, weight in zip((GAMMA, BETA, MEAN, VAR), self.built(), strict=True)
                }
            )

        def built(self):
            self.kept()
            return self.layer.weights

    Layer.packages = packages
    return Layer


def file_of_keras(keras, **arguments):
    """The names in a .weights.h5 file: gamma, beta, mean and variance are told by their values."""
    import h5py

    layer = keras.layers.BatchNormalization(**arguments)
    model = keras.Sequential([keras.Input((1,)), layer])
    values = {GAMMA: 2.0, BETA: 3.0, MEAN: 4.0, VAR: 5.0}
    for role, weight in zip(
        values, (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance), strict=True
    ):
        if weight is not None:
            weight.assign([values[role]])
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        model.save_weights(f"{folder}/a.weights.h5")
        with h5py.File(f"{folder}/a.weights.h5") as file:
            file.visititems(
                lambda name, item: found.update({name: item[0]} if isinstance(item, h5py.Dataset) else {})
            )
    return {
        role: name.split("layers/batch_normalization", 1)[1].split("/", 1)[1]
        for role, value in values.items()
        for name, stored in found.items()
        if stored == value
    }


def keras():
    import keras

    class Layer(of_keras(keras, ["keras", keras.backend.backend()], 2)):
        def more(self):
            layer = keras.layers.BatchNormalization()
            layer.build((None, 1))
            layer.set_weights([np.full(1, number) for number in (2.0, 3.0, 4.0, 5.0)])
            roles = layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance
            conv, dense = keras.layers.Conv2D(7, (2, 3)), keras.layers.Dense(7)
            conv.build((None, 8, 8, 5))
            dense.build((None, 5))
            return {
                "names without scale": file_of_keras(keras, scale=False),
                "set_weights of 2, 3, 4, 5": [number(np.array(weight)[0]) for weight in roles],
                "convolution, 5 to 7 by 2 x 3": list(conv.kernel.shape),
                "linear, 5 to 7": list(dense.kernel.shape),
            }

    return Layer


def keras_2():
    import tf_keras

    dense = of_keras(tf_keras, [], 2)

    class Layer(of_keras(tf_keras, ["tf_keras", "tensorflow"], 4)):
        def more(self):
            layer = dense()
            layer.train(BATCH)
            return {"kept of (3, 1)": numbers(layer.kept())}

    return Layer


def fused():
    import tensorflow as tf

    function = tf.compat.v1.nn.fused_batch_norm

    class Layer:
        packages, arguments = ["tensorflow"], defaults_of(function)
        momentum, eps, axis = "exponential_avg_factor", "epsilon", "data_format"

        def __init__(self, channels=1, **arguments):
            self.more_arguments, self.channels = arguments, channels
            self.keep(0.0, 1.0)

        def call(self, x, **arguments):
            images = x.reshape(len(x), 1, 1, x.shape[1]) if x.ndim == 2 else x
            one, zero = np.ones(self.channels, np.float32), np.zeros(self.channels, np.float32)
            state = (
                {}
                if arguments.pop("stateless", False)
                else dict(zip(("mean", "variance"), self.state, strict=True))
            )
            y, mean, var = function(images, one, zero, **state, **self.more_arguments, **arguments)
            if arguments.get("is_training", True):
                self.state = mean.numpy(), var.numpy()
            return y.numpy().reshape(x.shape)

        def train(self, x):
            return self.call(x, is_training=True)

        def evaluate(self, x):
            return self.call(x, is_training=False)

        def kept(self):
            return self.state

        def keep(self, mean, var):
            self.state = tuple(np.full(self.channels, value, np.float32) for value in (mean, var))

        ways = {"is_training=False": evaluate}

        def names(self):
            return {GAMMA: "scale", BETA: "offset", MEAN: "mean", VAR: "variance"}

        def more(self):
            largest = Layer(epsilon=1e-7).train(BATCH / 1000).max()
            return {"largest of a thousandth at eps 1e-7": number(largest)}

    return Layer


def linen():
    import jax
    from flax import linen as nn
    from flax import traverse_util

    class Layer:
        packages, arguments = ["flax", "jax"], defaults_of(nn.BatchNorm)
        momentum, eps, axis = "momentum", "epsilon", "axis"

        def __init__(self, channels=1, **arguments):
            self.layer = nn.BatchNorm(**arguments)
            self.state = self.layer.init(
                jax.random.key(0), np.zeros((2, channels), np.float32), use_running_average=True
            )

        def train(self, x):
            y, new = self.layer.apply(self.state, x, use_running_average=False, mutable=["batch_stats"])
            self.state = {**self.state, **new}
            return np.array(y)

        def evaluate(self, x):
            return np.array(self.layer.apply(self.state, x, use_running_average=True))

        def call(self, x):
            return np.array(self.layer.apply(self.state, x))

        def not_mutable(self, x):
            return np.array(self.layer.apply(self.state, x, use_running_average=False))

        def kept(self):
            return tuple(np.array(self.state["batch_stats"][name]) for name in ("mean", "var"))

        def keep(self, mean, var):
            old = self.kept()[0]
            stats = {"mean": np.full_like(old, mean), "var": np.full_like(old, var)}
            self.state = {**self.state, "batch_stats": stats}

        ways = {"use_running_average=True": evaluate, "without mutable=": not_mutable}

        def names(self):
            return {
                role_of(key.split("/")[-1]): key for key in traverse_util.flatten_dict(self.state, sep="/")
            }

    return Layer


def nnx():
    from flax import nnx

    class Layer:
        packages, arguments = ["flax", "jax"], defaults_of(nnx.BatchNorm.__init__)
        momentum, eps, axis = "momentum", "epsilon", "axis"

        def __init__(self, channels=1, **arguments):
            self.layer = nnx.BatchNorm(channels, rngs=nnx.Rngs(0), **arguments)

        def call(self, x):
            return np.array(self.layer(x))

        def train(self, x):
            self.layer.train()
            return self.call(x)

        def evaluate(self, x):
            self.layer.eval()
            return self.call(x)

        def kept(self):
            return np.array(self.layer.mean[...]), np.array(self.layer.var[...])

        def keep(self, mean, var):
            self.layer.mean[...] = np.full_like(self.kept()[0], mean)
            self.layer.var[...] = np.full_like(self.kept()[0], var)

        ways = {"eval()": evaluate}

        def names(self):
            return {
                role_of(path[-1]): "/".join(path) for path, _ in nnx.to_flat_state(nnx.state(self.layer))
            }

    return Layer


def equinox():
    import equinox as eqx
    import jax

    def applied(layer, state, x):
        return jax.vmap(layer, axis_name="batch", in_axes=(0, None), out_axes=(0, None))(x, state)

    class Layer:
        packages, arguments = ["equinox", "jax"], defaults_of(eqx.nn.BatchNorm.__init__)
        momentum, eps, axis = "momentum", "eps", None

        def __init__(self, channels=1, mode="batch", **arguments):
            make = eqx.nn.make_with_state(eqx.nn.BatchNorm)
            self.layer, self.state = make(channels, "batch", mode=mode, **arguments)
            self.index = self.layer.batch_state_index if mode == "batch" else self.layer.ema_state_index

        def call(self, x):
            y, self.state = applied(self.layer, self.state, x)
            return np.array(y)

        train = call

        def evaluate(self, x):
            y, _ = applied(eqx.nn.inference_mode(self.layer), self.state, x)
            return np.array(y)

        def dropped(self, x):
            y, _ = applied(self.layer, self.state, x)
            return np.array(y)

        def kept(self):
            return tuple(np.array(value) for value in self.state.get(self.index))

        def keep(self, mean, var):
            old = self.kept()[0]
            self.state = self.state.set(self.index, (np.full_like(old, mean), np.full_like(old, var)))

        ways = {"inference_mode(model)": evaluate, "drop the new state": dropped}

        def names(self):
            """A file has no names; its arrays come in this order."""
            self.layer = eqx.tree_at(
                lambda layer: (layer.weight, layer.bias), self.layer, (np.full(1, 2.0), np.full(1, 3.0))
            )
            self.keep(4.0, 5.0)
            leaves = [leaf for leaf in jax.tree.leaves((self.layer, self.state)) if eqx.is_array(leaf)]
            roles = {2.0: GAMMA, 3.0: BETA, 4.0: MEAN, 5.0: VAR}
            return {
                roles.get(float(np.ravel(leaf)[0]), COUNT): f"leaf {place}"
                for place, leaf in enumerate(leaves)
            }

        def more(self):
            one, later, moved = Layer(), Layer(mode="ema"), Layer()
            one.train(BATCH)
            later.train(BATCH)
            moved.keep(3.0, 8.0)
            moved.state = moved.state.set(moved.layer.batch_counter, jax.numpy.array(10_000))
            return {
                "evaluated after one batch": numbers(one.evaluate(BATCH)),
                "evaluated at 3, 8 and count 10000": numbers(moved.evaluate(BATCH)),
                "ema kept": numbers(later.kept()),
                "ema largest of a second batch": number(later.train(BATCH + 100).max()),
            }

    return Layer


def mlx():
    import mlx.core as mx
    from mlx import nn
    from mlx.utils import tree_flatten

    class Layer:
        packages, arguments = ["mlx"], defaults_of(nn.BatchNorm.__init__)
        momentum, eps, axis = "momentum", "eps", None

        def __init__(self, channels=1, **arguments):
            self.layer = nn.BatchNorm(channels, **arguments)

        def call(self, x):
            return np.array(self.layer(mx.array(x)))

        def train(self, x):
            self.layer.train()
            return self.call(x)

        def evaluate(self, x):
            self.layer.eval()
            return self.call(x)

        def frozen(self, x):
            self.layer.freeze()
            return self.train(x)

        def kept(self):
            return np.array(self.layer.running_mean), np.array(self.layer.running_var)

        def keep(self, mean, var):
            old = self.layer.running_mean
            self.layer.running_mean, self.layer.running_var = (
                mx.full(old.shape, mean),
                mx.full(old.shape, var),
            )

        ways = {"freeze()": frozen, "eval()": evaluate}

        def names(self):
            return {role_of(key): key for key, _ in tree_flatten(self.layer.parameters())}

    return Layer


def tinygrad():
    from tinygrad import Tensor, nn
    from tinygrad.helpers import Context

    class Layer:
        packages, arguments = ["tinygrad"], defaults_of(nn.BatchNorm.__init__)
        momentum, eps, axis = "momentum", "eps", None

        def __init__(self, channels=1, **arguments):
            self.layer = nn.BatchNorm(channels, **arguments)

        def call(self, x):
            return self.layer(Tensor(x)).numpy()

        def train(self, x):
            with Context(TRAINING=1):
                y = self.call(x)
                self.kept()
                return y

        def evaluate(self, x):
            with Context(TRAINING=0):
                return self.call(x)

        def kept(self):
            return self.layer.running_mean.numpy(), self.layer.running_var.numpy()

        def keep(self, mean, var):
            shape = self.layer.running_mean.shape
            self.layer.running_mean, self.layer.running_var = (
                Tensor.full(shape, mean),
                Tensor.full(shape, var),
            )

        ways = {"Context(TRAINING=0)": evaluate}

        def names(self):
            return {role_of(key): key for key in nn.state.get_state_dict(self.layer)}

    return Layer


def onnx():
    from onnx import TensorProto, defs, helper
    from onnx.reference import ReferenceEvaluator

    def run(x, mean, var, outputs, opset=15, **attributes):
        names = ("X", "scale", "B", "mean", "var")
        value = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in (*names, *outputs)
        ]
        node = helper.make_node("BatchNormalization", names, outputs, **attributes)
        graph = helper.make_graph([node], "one", value[:5], value[5:])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        values = x, np.ones_like(mean), np.zeros_like(mean), mean, var
        return ReferenceEvaluator(model).run(None, dict(zip(names, values, strict=True)))

    schema = defs.get_schema("BatchNormalization", 15)

    class Layer:
        packages = ["onnx"]
        arguments = {
            name: helper.get_attribute_value(a.default_value) for name, a in schema.attributes.items()
        }
        momentum, eps, axis = "momentum", "epsilon", None

        def __init__(self, channels=1, **attributes):
            self.attributes = attributes
            self.state = np.zeros(channels, np.float32), np.ones(channels, np.float32)

        def call(self, x):
            return run(x, *self.state, ["Y"], **self.attributes)[0]

        def train(self, x):
            outputs = ["Y", "running_mean", "running_var"]
            y, *self.state = run(x, *self.state, outputs, training_mode=1, **self.attributes)
            return y

        def evaluate(self, x):
            return run(x, *self.state, ["Y"], training_mode=0, **self.attributes)[0]

        def kept(self):
            return tuple(self.state)

        def keep(self, mean, var):
            self.state = tuple(np.full_like(self.state[0], value) for value in (mean, var))

        ways = {"training_mode=0": evaluate}

        def names(self):
            return dict(
                zip((GAMMA, BETA, MEAN, VAR), [each.name for each in schema.inputs][1:], strict=True)
            )

        def more(self):
            old = run(BATCH, *self.state, ["Y"], opset=9)
            return {
                "outputs": [each.name for each in schema.outputs],
                "opset 9 of one output": numbers(old),
            }

    return Layer


def role_of(key):
    """What an array is, by the last part of its name."""
    roles = {"weight": GAMMA, "scale": GAMMA, "bias": BETA, "running_mean": MEAN, "running_var": VAR}
    return {**roles, "mean": MEAN, "var": VAR, "num_batches_tracked": COUNT}[key]


FRAMEWORKS = {
    f.__name__: f for f in (pytorch, keras, keras_2, fused, linen, nnx, equinox, mlx, tinygrad, onnx)
}


def number(value):
    """A number as it is stored: six digits of a float32, and what is no number by its name."""
    value = float(f"{float(value):.6g}")
    return value if np.isfinite(value) else str(abs(value))


def numbers(arrays):
    return [number(value) for array in arrays for value in np.ravel(array)]


def met(Layer, x):
    """What a layer in training does with a batch that has too few values."""
    layer = Layer()
    try:
        y = layer.train(x)
        return {"shape": list(y.shape), "y": numbers([y]), "kept": numbers(layer.kept())}
    except Exception as error:
        return {"error": type(error).__name__}


def behaviour(Layer, way):
    """What a call normalises by, and whether it moves the statistics 0 and 1."""
    layer = Layer()
    layer.keep(0.0, 1.0)
    try:
        largest = way(layer, BATCH).max()
    except Exception as error:
        return {"error": type(error).__name__}
    by = (
        "batch"
        if np.isclose(largest, 4 / np.sqrt(8), rtol=1e-3)
        else "kept"
        if abs(largest - 7) < 0.1
        else "?"
    )
    return {"by": by, "moved": not np.array_equal(np.ravel(layer.kept()), [0, 1])}


def channel_axis(Layer):
    """The axis of images (2, 3, 4, 5) that has statistics of its own."""
    x, found = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32), []
    for axis, size in enumerate(x.shape):
        try:
            layer = Layer(size, rank=4) if "rank" in defaults_of(Layer.__init__) else Layer(size)
            layer.train(x)
        except Exception:
            continue
        others = tuple(i for i in range(4) if i != axis)
        mean = layer.kept()[0]
        if mean.shape == (size,) and np.corrcoef(mean, x.mean(axis=others))[0, 1] > 0.999:
            found.append(axis)
    (axis,) = found
    return axis


def ask(Layer):
    arguments = {
        role: [name, Layer.arguments.get(name) if role == "axis" else number(Layer.arguments[name])]
        if name
        else None
        for role, name in (("momentum", Layer.momentum), ("eps", Layer.eps), ("axis", Layer.axis))
    }
    new, quarter, half = Layer(), Layer(**{Layer.momentum: 0.25}), Layer(**{Layer.momentum: 0.5})
    start = numbers(new.kept())
    new.train(BATCH)
    quarter.train(BATCH)
    half.train(np.array([[0], [2]], np.float32))
    flat = Layer(**{Layer.eps: 1 / 16})
    flat.keep(0.0, 0.0)
    return {
        "versions": {package: version(package).split("+")[0] for package in Layer.packages},
        "arguments": arguments,
        "order": [name for name in Layer.arguments if name not in ("self", "parent", "name", "kwargs")],
        "start": start,
        "kept": numbers(new.kept()),
        "largest of a hundredth": number(Layer().train(BATCH / 100).max()),
        "mean at momentum 1/4": number(quarter.kept()[0][0]),
        "var of [0, 2] at momentum 1/2": number(half.kept()[1][0]),
        "1 at variance 0 and eps 1/16": number(flat.evaluate(np.ones((1, 1), np.float32))[0, 0]),
        "empty": met(Layer, BATCH[:0]),
        "one value": met(Layer, BATCH[2:]),
        "axis": channel_axis(Layer),
        "bare call": behaviour(Layer, Layer.call),
        "ways": {name: behaviour(Layer, way) for name, way in Layer.ways.items()},
        "names": Layer().names(),
        "more": Layer().more() if hasattr(Layer, "more") else {},
    }


def main():
    os.environ |= {name: os.environ.get(name, value) for name, value in ENVIRONMENT.items()}
    warnings.simplefilter("ignore")
    names = [name for name in sys.argv[1:] if not name.startswith("--")] or FRAMEWORKS
    stored = json.loads(STORED.read_text()) if STORED.exists() else {}
    for name in names:
        try:
            Layer = FRAMEWORKS[name]()
        except ImportError as error:
            print(f"{name}: not installed ({error.name}), its answers stay as they are", file=sys.stderr)
            continue
        answers = ask(Layer)
        key = f"{name} {version(Layer.packages[0])}" if "--old" in sys.argv else name
        stored[key] = answers
        print(json.dumps({key: answers}, indent=1))
    if "--write" in sys.argv:
        STORED.write_text(json.dumps(dict(sorted(stored.items())), indent=1) + "\n")


if __name__ == "__main__":
    main()
