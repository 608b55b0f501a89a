"""Known mistakes in other clothes: with another constant, behind a clamp, a floor or a mask, in float32."""

import numpy as np

from bnlib.check.exercises import EXERCISES
from bnlib.check.library import misconceptions_of

CLAMPED = {
    "var clamped": {"var": "np.maximum({0}, 1e-12)"},
    "var masked": {"var": "np.where({0} > 0, {0}, 0)"},
}
FORWARD = CLAMPED | {
    "std floored": {"std": "np.maximum({0}, 1e-5)"},
    "std masked": {"std": "np.where({0} > 0, {0}, 1)"},
    "y cleaned": {"y": "np.nan_to_num({0})"},
}
BACKWARD = CLAMPED | {
    "inv_std masked": {"inv_std": "np.where(np.isfinite({0}), {0}, 0)"},
    "dx cleaned": {"dx": "np.nan_to_num({0})"},
}
MASKS = {  # exercise -> name -> step -> what is put around its expression
    "channel_stats": CLAMPED,
    "forward": FORWARD,
    "eval_forward": FORWARD,
    "backward": BACKWARD,
    "eval_backward": BACKWARD,
    "running": CLAMPED,
    "layer": {
        "kept_var clamped": {"kept_var": "np.maximum({0}, 1e-12)"},
        "std floored": {"train_std": "np.maximum({0}, 1e-5)", "eval_std": "np.maximum({0}, 1e-5)"},
        "output cleaned": {"train_y": "np.nan_to_num({0})", "eval_y": "np.nan_to_num({0})"},
    },
}


def masked(name, steps, mask):
    """The exercise with changed steps, and a mask around some of them."""
    exercise = EXERCISES[name]
    whole = exercise.steps | steps
    around = {step: code.format(f"({whole[step]})") for step, code in MASKS[name][mask].items()}
    return exercise.with_steps(steps | around)


def in_float32(function):
    """The same from float32 inputs."""
    return lambda *arguments: function(
        *(np.float32(a) if isinstance(a, np.ndarray) else a for a in arguments)
    )


def widened(function):
    """The same in float32, with float64 results."""

    def wide(*arguments):
        results = in_float32(function)(*arguments)
        if isinstance(results, tuple):
            return tuple(np.asarray(result, dtype=np.float64) for result in results)
        return np.asarray(results, dtype=np.float64)

    return wide


def disguised(name):
    """Yield (id, disguise, function) of every known mistake of an exercise behind every mask and cast."""
    for entry in misconceptions_of(name):
        for mask in MASKS[name]:
            yield entry.id, mask, masked(name, entry.steps, mask)
        plain = EXERCISES[name].with_steps(entry.steps)
        yield entry.id, "float32", in_float32(plain)
        yield entry.id, "float32 inside", widened(plain)


# A fixed eps, momentum or limit: (exercise, id, how the report says the number, the changed steps)
EPS = ["0.1", "0.01", "0.001", "0.0001", "1e-5", "2e-5", "1e-6", "1e-7", "1e-8", "1e-12"]
CONSTANTS = [
    *(("forward", "eps-fixed", eps, {"std": f"np.sqrt(var + {eps})"}) for eps in EPS),
    *(("forward", "eps-fixed-outside-the-root", eps, {"std": f"np.sqrt(var) + {eps}"}) for eps in EPS[:-1]),
    *(("eval_forward", "eps-fixed", eps, {"std": f"np.sqrt(var + {eps})"}) for eps in EPS),
    *(
        ("eval_forward", "eps-fixed-outside-the-root", eps, {"std": f"np.sqrt(var) + {eps}"})
        for eps in EPS[:-1]
    ),
    *(("backward", "eps-fixed", eps, {"inv_std": f"1 / np.sqrt(var + {eps})"}) for eps in EPS),
    *(("eval_backward", "eps-fixed", eps, {"inv_std": f"1 / np.sqrt(var + {eps})"}) for eps in EPS),
    *(
        ("layer", "eps-fixed", eps,
         {"train_std": f"np.sqrt(train_var + {eps})", "eval_std": f"np.sqrt(eval_var + {eps})"})
        for eps in EPS
    ),
    *(
        ("layer", "eps-fixed-in-training", eps, {"train_std": f"np.sqrt(train_var + {eps})"})
        for eps in EPS[:3]
    ),
    *(
        ("layer", "eps-fixed-in-evaluation", eps, {"eval_std": f"np.sqrt(eval_var + {eps})"})
        for eps in EPS[:3]
    ),
    *(
        (name, "momentum-fixed", momentum, {"weight": momentum})
        for name in ("running", "layer")
        for momentum in ("0.01", "0.001", "0.05", "0.1", "0.2", "0.9", "0.99")  # Keras, Caffe, TF ...
    ),
    *(
        ("channel_stats", "eps-in-the-variance", eps,
         {"var": f"((x - center) ** 2).mean(axis=axes) + {eps}"})
        for eps in EPS[:6]
    ),
    *(
        ("forward", "clipped", top, {"scaled": f"along(gamma, x) * np.clip(xhat, -{top}, {top})"})
        for top in ("2", "3", "4", "5")
    ),
    *(
        ("eval_forward", "statistics-mixed-with-the-batch", share,
         {"mean": f"(1 - {share}) * along(running_mean, x) + {share} * x.mean(axis=axes, keepdims=True)",
          "var": f"(1 - {share}) * along(running_var, x) + {share} * x.var(axis=axes, keepdims=True)"})
        for share in ("0.1", "0.5", "0.01")
    ),
]  # fmt: skip
NO_EPS = [  # a fixed eps of 0, with and without what keeps the division from failing
    ("forward", {"std": "np.sqrt(var + 0)"}),
    ("forward", {"std": "np.sqrt(np.maximum(var, 1e-12))"}),
    ("forward", {"std": "np.sqrt(np.maximum(var, 0)) + 1e-300"}),
    ("eval_forward", {"std": "np.sqrt(var + 0)"}),
    ("backward", {"inv_std": "1 / np.sqrt(np.maximum(var, 1e-12))"}),
]
