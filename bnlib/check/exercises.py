"""The exercises: signature, results, and the right steps as expressions."""

from dataclasses import dataclass
from functools import cache

import numpy as np

CHANNEL_AXES = "tuple(i for i in range(x.ndim) if i != 1)"
BATCH = {
    "axes": CHANNEL_AXES,
    "mean": "x.mean(axis=axes, keepdims=True)",
    "var": "((x - mean) ** 2).mean(axis=axes, keepdims=True)",
}


@dataclass(frozen=True)
class Exercise:
    """A function to write. `steps` maps each intermediate, in order, to the expression that computes it."""

    name: str
    arguments: tuple
    results: tuple
    steps: dict

    def run(self, inputs, changes=None):
        """The results for inputs by name, as float64 or wider arithmetic has them; steps may be changed."""
        names = evaluate(self.steps | (changes or {}), inputs)
        return tuple(np.asarray(names[result]) for result in self.results)

    def with_steps(self, changes):
        """A function of the exercise's signature, with changed steps."""

        def function(*arguments):
            results = self.run(dict(zip(self.arguments, arguments, strict=True)), changes)
            return results if len(results) > 1 else results[0]

        return function

    def describe_inputs(self, values, shape, result):
        """The inputs in words, from their values as text; a layer's depend on which result is told."""
        values = values | {"x": f"{values['x']} of shape {shape}"}
        return ", ".join(f"{key} = {value}" for key, value in values.items())


@dataclass(frozen=True)
class LayerExercise(Exercise):
    """A layer to write: its steps are evaluated along a script of training and evaluation."""

    def run(self, inputs, changes=None):
        """The outputs of every call of the script; steps may be changed.

        A step sees `trained`, the number of training calls so far, this one included.
        """
        steps, outputs, trained = self.steps | (changes or {}), [], 0
        begin = {step: steps[step] for step in ("running_mean", "running_var")}
        state = {step: evaluate(begin, inputs)[step] for step in begin}
        for mode, key in SCRIPT:
            trained += mode == "train"
            of_mode = {step: steps[step] for step in LAYER_STEPS[mode]}
            names = evaluate(of_mode, inputs | state | {"x": inputs[key], "trained": trained})
            state = {"running_mean": names[f"{mode}_next_mean"], "running_var": names[f"{mode}_next_var"]}
            outputs.append(np.asarray(names[f"{mode}_y"]))
        return tuple(outputs)

    def describe_inputs(self, values, shape, result):
        """The calls up to this output."""
        calls = [f"{mode} {values[key]}" for mode, key in SCRIPT[: self.results.index(result) + 1]]
        eps, momentum = values["eps"], values["momentum"]
        return (
            f"the calls {', '.join(calls)}, of shape {shape}, with eps = {eps} and momentum = {momentum},"
        )


SCRIPT = [  # the mode of a call, and its input
    ("train", "first"),
    ("train", "second"),
    ("eval", "third"),
    ("eval", "third"),
    ("train", "first"),
    ("eval", "second"),
]
LAYER_STEPS = {
    "train": {
        "axes": CHANNEL_AXES,
        "mean": "x.mean(axis=axes)",
        "var": "x.var(axis=axes)",
        "kept_var": "x.var(axis=axes, ddof=1)",
        "weight": "momentum",
        "train_next_mean": "(1 - weight) * running_mean + weight * mean",
        "train_next_var": "(1 - weight) * running_var + weight * kept_var",
        "train_mean": "mean",
        "train_var": "var",
        "train_std": "np.sqrt(train_var + eps)",
        "train_y": "(x - along(train_mean, x)) / along(train_std, x)",
    },
    "eval": {
        "axes": CHANNEL_AXES,
        "eval_mean": "running_mean",
        "eval_var": "running_var",
        "eval_next_mean": "running_mean",
        "eval_next_var": "running_var",
        "eval_std": "np.sqrt(eval_var + eps)",
        "eval_y": "(x - along(eval_mean, x)) / along(eval_std, x)",
    },
}


def evaluate(steps, inputs):
    """The inputs and all steps, by name; a step sees those before it."""
    names = {"np": np, "along": along} | inputs
    for step, expression in steps.items():
        names[step] = eval(compile_step(expression), names)
    return names


@cache
def compile_step(expression):
    return compile(expression, "<step>", "eval")


def along(vector, x):
    """The (C,) vector in a shape that broadcasts against x."""
    return np.reshape(vector, (1, -1) + (1,) * (x.ndim - 2))


EXERCISES = {
    exercise.name: exercise
    for exercise in (
        Exercise(
            "channel_stats",
            ("x",),
            ("mean", "var"),
            {
                "axes": CHANNEL_AXES,
                "center": "x.mean(axis=axes, keepdims=True)",
                "mean": "x.mean(axis=axes)",
                "var": "((x - center) ** 2).mean(axis=axes)",
            },
        ),
        Exercise(
            "forward",
            ("x", "gamma", "beta", "eps"),
            ("y",),
            BATCH
            | {
                "centered": "x - mean",
                "std": "np.sqrt(var + eps)",
                "xhat": "centered / std",
                "scaled": "along(gamma, x) * xhat",
                "y": "scaled + along(beta, x)",
            },
        ),
        Exercise(
            "backward",
            ("dy", "x", "gamma", "eps"),
            ("dx", "dgamma", "dbeta"),
            BATCH
            | {
                "sum_axes": CHANNEL_AXES,
                "inv_std": "1 / np.sqrt(var + eps)",
                "xhat": "(x - mean) * inv_std",
                "g": "along(gamma, x) * dy",
                "mean_g": "g.mean(axis=axes, keepdims=True)",
                "mean_g_xhat": "(g * xhat).mean(axis=axes, keepdims=True)",
                "along_xhat": "xhat * mean_g_xhat",
                "inner": "g - mean_g - along_xhat",
                "dx": "inv_std * inner",
                "dgamma": "(dy * xhat).sum(axis=sum_axes)",
                "dbeta": "dy.sum(axis=sum_axes)",
            },
        ),
        Exercise(
            "running",
            ("running_mean", "running_var", "x", "momentum"),
            ("new_mean", "new_var"),
            {
                "axes": CHANNEL_AXES,
                "mean": "x.mean(axis=axes)",
                "var": "x.var(axis=axes, ddof=1)",
                "weight": "momentum",
                "old_weight": "1 - weight",
                "new_mean": "old_weight * running_mean + weight * mean",
                "new_var": "old_weight * running_var + weight * var",
            },
        ),
        Exercise(
            "eval_forward",
            ("x", "running_mean", "running_var", "gamma", "beta", "eps"),
            ("y",),
            {
                "axes": CHANNEL_AXES,
                "mean": "along(running_mean, x)",
                "var": "along(running_var, x)",
                "std": "np.sqrt(var + eps)",
                "xhat": "(x - mean) / std",
                "scaled": "along(gamma, x) * xhat",
                "y": "scaled + along(beta, x)",
            },
        ),
        Exercise(
            "eval_backward",
            ("dy", "x", "running_mean", "running_var", "gamma", "eps"),
            ("dx", "dgamma", "dbeta"),
            {
                "axes": CHANNEL_AXES,
                "mean": "along(running_mean, x)",
                "var": "along(running_var, x)",
                "inv_std": "1 / np.sqrt(var + eps)",
                "xhat": "(x - mean) * inv_std",
                "g": "along(gamma, x) * dy",
                "dx": "inv_std * g",
                "dgamma": "(dy * xhat).sum(axis=axes)",
                "dbeta": "dy.sum(axis=axes)",
            },
        ),
        LayerExercise(
            "layer",
            ("first", "second", "third", "eps", "momentum"),
            tuple(f"output {i} ({mode})" for i, (mode, _) in enumerate(SCRIPT, start=1)),
            {"running_mean": "np.zeros(first.shape[1])", "running_var": "np.ones(first.shape[1])"}
            | LAYER_STEPS["train"]
            | LAYER_STEPS["eval"],
        ),
    )
}
