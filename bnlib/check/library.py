"""The misconceptions that the checker knows: each is a changed step of an exercise, as data.

To add one, add one entry. Its expressions see the exercise's arguments, the steps before, `np` and `along`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Misconception:
    """A wrong way to write some steps of an exercise."""

    id: str  # stable: reports and tests name it
    exercise: str
    says: str  # one sentence to the learner
    steps: dict  # step -> the wrong expression
    chapter: str  # where the book treats it
    source: str = ""  # a public place where it was made


def known(exercise):
    """All misconceptions of an exercise."""
    return [entry for entry in MISCONCEPTIONS.values() if entry.exercise == exercise]


def entries(exercise, *rows):
    return [Misconception(f"{exercise}/{name}", exercise, *row) for name, *row in rows]


STATS, SCALE = "channel_statistics", "scale_and_shift"
GRAPH, PROJECTION = "backward_graph", "backward_projection"
AVERAGES, MODES = "running_averages", "train_eval_frozen"
TITLES = {
    STATS: "A statistic is a choice of axes",
    SCALE: "Scale and shift",
    GRAPH: "The backward graph",
    PROJECTION: "The backward projection",
    AVERAGES: "Running averages",
    MODES: "Training, evaluation, frozen",
}
UNBIASED = "pytorch/pytorch issues 3122, 19902 and 60528; keras issue 8982"
WRONG_AXES = [
    ("statistics-over-the-batch-axis-alone", "Every position has its own statistics: the sums run over the samples alone.", {"axes": "(0,)"}, STATS),
    ("statistics-of-every-sample", "Every sample has its own statistics: the sums leave out the batch axis.", {"axes": "tuple(range(2, x.ndim))"}, STATS),
    ("statistics-over-the-channels", "The sums run over the channel axis, too: this is layer norm.", {"axes": "tuple(range(1, x.ndim))"}, STATS),
    ("one-statistic-for-everything", "All channels share one mean and one variance.", {"axes": "tuple(range(x.ndim))"}, STATS),
    ("channel-taken-to-be-last", "The sums leave out the last axis, not axis 1: right for channels last alone.", {"axes": "tuple(range(x.ndim - 1))"}, STATS, "keras issue 1921"),
]  # fmt: skip
MISCONCEPTIONS = {m.id: m for m in [
    *entries("channel_stats", *WRONG_AXES[:3], *WRONG_AXES[4:],
        ("unbiased-variance", "The variance divides by m - 1; normalising divides by m.", {"var": "x.var(axis=axes, ddof=1)"}, STATS, UNBIASED),
        ("standard-deviation-for-variance", "This is the standard deviation; the variance is its square.", {"var": "x.std(axis=axes)"}, STATS),
        ("mean-square-minus-square-mean", "mean(x * x) - mean(x)**2 cancels where the mean is large: centre first.", {"var": "(x * x).mean(axis=axes) - x.mean(axis=axes) ** 2"}, STATS, "tensorflow issue 3290; flax issue 1491"),
        ("mean-of-squares-for-variance", "The squares are averaged without taking the mean away.", {"var": "(x * x).mean(axis=axes)"}, STATS),
        ("absolute-deviation-for-variance", "The absolute deviations are averaged, not their squares.", {"var": "abs(x - center).mean(axis=axes)"}, STATS),
        ("sum-for-mean", "The values are added up, and not divided by their number.", {"mean": "x.sum(axis=axes)"}, STATS),
        ("sum-for-variance", "The squared deviations are added up, and not divided by their number.", {"var": "((x - center) ** 2).sum(axis=axes)"}, STATS),
        ("median-for-mean", "This is the median of the channel.", {"mean": "np.median(x, axis=axes)"}, STATS),
    ),
    *entries("forward", *WRONG_AXES,
        ("unbiased-variance", "The variance divides by m - 1; normalising divides by m.", {"var": "x.var(axis=axes, ddof=1, keepdims=True)"}, SCALE, UNBIASED),
        ("mean-square-minus-square-mean", "mean(x * x) - mean(x)**2 cancels where the mean is large: centre first.", {"var": "np.maximum((x * x).mean(axis=axes, keepdims=True) - mean**2, 0)"}, STATS, "tensorflow issue 3290; flax issue 1491"),
        ("eps-outside-the-root", "eps is added to the standard deviation; it belongs to the variance, under the root.", {"std": "np.sqrt(var) + eps"}, SCALE),
        ("eps-squared", "eps is squared; its unit is already that of the variance.", {"std": "np.sqrt(var + eps**2)"}, SCALE),
        ("eps-subtracted", "eps is subtracted from the variance.", {"std": "np.sqrt(abs(var - eps))"}, SCALE),
        ("eps-fixed", "The argument eps is ignored.", {"std": "np.sqrt(var + 1e-5)"}, SCALE),
        ("divided-by-the-variance", "The root is missing: x is divided by the variance.", {"std": "var + eps"}, SCALE),
        ("multiplied-by-the-deviation", "x is multiplied by the standard deviation, not divided.", {"xhat": "centered * std"}, SCALE),
        ("mean-not-subtracted", "The mean is not subtracted.", {"centered": "x"}, SCALE),
        ("mean-added", "The mean is added, not subtracted.", {"centered": "x + mean"}, SCALE),
        ("scaled-to-a-range", "This scales to the range from the smallest to the largest value; batch norm standardises.", {"xhat": "(x - x.min(axis=axes, keepdims=True)) / (np.ptp(x, axis=axes, keepdims=True) + eps)"}, SCALE),
        ("gamma-missing", "gamma has no effect.", {"scaled": "xhat"}, SCALE),
        ("gamma-divides", "xhat is divided by gamma.", {"scaled": "xhat / along(gamma, x)"}, SCALE),
        ("gamma-without-sign", "The sign of gamma is lost.", {"scaled": "along(abs(gamma), x) * xhat"}, SCALE),
        ("gamma-along-the-last-axis", "gamma runs along the last axis instead of the channel's.", {"scaled": "gamma * xhat"}, SCALE),
        ("beta-missing", "beta has no effect.", {"y": "scaled"}, SCALE),
        ("beta-subtracted", "beta is subtracted.", {"y": "scaled - along(beta, x)"}, SCALE),
        ("beta-along-the-last-axis", "beta runs along the last axis instead of the channel's.", {"y": "scaled + beta"}, SCALE),
        ("beta-inside-the-product", "beta is added before gamma multiplies.", {"scaled": "along(gamma, x) * (xhat + along(beta, x))", "y": "scaled"}, SCALE),
        ("gamma-and-beta-swapped", "gamma and beta have changed places.", {"scaled": "along(beta, x) * xhat", "y": "scaled + along(gamma, x)"}, SCALE),
    ),
    *entries("backward",
        ("mean-path-missing", "The path through the mean is missing: dx does not add up to zero.", {"mean_g": "0 * g"}, GRAPH),
        ("variance-path-missing", "The path through the variance is missing.", {"mean_g_xhat": "0 * g"}, GRAPH),
        ("statistics-as-constants", "The batch statistics are treated as constants: this is the backward pass of evaluation mode.", {"mean_g": "0 * g", "mean_g_xhat": "0 * g"}, MODES, "pytorch/pytorch issue 586"),
        ("gamma-missing-in-dx", "gamma does not reach dx.", {"g": "dy"}, GRAPH),
        ("gamma-in-one-term-alone", "gamma multiplies dy, but not the two means that are taken away.", {"mean_g": "dy.mean(axis=axes, keepdims=True)", "mean_g_xhat": "(dy * xhat).mean(axis=axes, keepdims=True)"}, GRAPH),
        ("sum-for-mean-of-g", "The sum of g is taken away, not its mean.", {"mean_g": "g.sum(axis=axes, keepdims=True)"}, GRAPH),
        ("sum-for-mean-of-g-xhat", "The sum of g * xhat is used, not its mean.", {"mean_g_xhat": "(g * xhat).sum(axis=axes, keepdims=True)"}, GRAPH),
        ("variance-path-with-the-wrong-sign", "The term with xhat is added, not taken away.", {"dx": "inv_std * (g - mean_g + xhat * mean_g_xhat)"}, GRAPH),
        ("mean-path-with-the-wrong-sign", "The mean of g is added, not taken away.", {"dx": "inv_std * (g + mean_g - xhat * mean_g_xhat)"}, GRAPH),
        ("inv-std-missing", "dx is not divided by the standard deviation.", {"dx": "g - mean_g - xhat * mean_g_xhat"}, GRAPH),
        ("inv-std-squared", "dx is divided by the variance, not by its root.", {"dx": "inv_std**2 * (g - mean_g - xhat * mean_g_xhat)"}, GRAPH),
        ("xhat-forgotten-in-the-product", "The mean of g * xhat is taken away without its factor xhat.", {"dx": "inv_std * (g - mean_g - mean_g_xhat)"}, GRAPH),
        ("deviation-for-xhat", "x - mean stands where xhat belongs.", {"dx": "inv_std * (g - mean_g - (x - mean) * mean_g_xhat)"}, GRAPH),
        ("variance-path-without-m-1", "The variance here divides by m - 1, and its path with it.", {"var": "x.var(axis=axes, ddof=1, keepdims=True)"}, GRAPH, UNBIASED),
        ("eps-missing", "eps is missing under the root.", {"inv_std": "1 / np.sqrt(var + 1e-12)"}, GRAPH),
        ("dx-is-dy", "dy is passed on as it came.", {"dx": "dy"}, GRAPH),
        ("dx-is-zero", "dx is zero everywhere; tests with an upstream gradient of ones accept that.", {"dx": "0 * dy"}, PROJECTION),
        ("dgamma-of-x", "dgamma multiplies dy by x, not by xhat.", {"dgamma": "(dy * x).sum(axis=axes)"}, GRAPH),
        ("dgamma-of-the-deviation", "dgamma multiplies dy by x - mean, not by xhat.", {"dgamma": "(dy * (x - mean)).sum(axis=axes)"}, GRAPH),
        ("dgamma-with-gamma", "dgamma is multiplied by gamma.", {"dgamma": "(g * xhat).sum(axis=axes)"}, GRAPH),
        ("dgamma-averaged", "dgamma is a mean; gamma is used m times, so its gradients add up.", {"dgamma": "(dy * xhat).mean(axis=axes)"}, GRAPH),
        ("dbeta-with-gamma", "dbeta is multiplied by gamma.", {"dbeta": "g.sum(axis=axes)"}, GRAPH),
        ("dbeta-averaged", "dbeta is a mean; beta is used m times, so its gradients add up.", {"dbeta": "dy.mean(axis=axes)"}, GRAPH),
        ("dgamma-and-dbeta-swapped", "dgamma and dbeta have changed places.", {"dgamma": "dy.sum(axis=axes)", "dbeta": "(dy * xhat).sum(axis=axes)"}, GRAPH),
    ),
    *entries("running",
        ("momentum-weighs-the-old", "momentum weighs the old average here; in this book, as in PyTorch, it weighs the new batch.", {"weight": "1 - momentum"}, AVERAGES, "cs231n.github.io issue 180; d2l-en pull request 2213"),
        ("biased-variance", "The running variance averages the variance with divisor m; PyTorch keeps m - 1.", {"var": "x.var(axis=axes)"}, AVERAGES, UNBIASED),
        ("standard-deviation-averaged", "The standard deviation is averaged, not the variance.", {"var": "x.std(axis=axes, ddof=1)"}, AVERAGES),
        ("replaced-by-the-batch", "The old average is forgotten.", {"weight": "1"}, AVERAGES),
        ("added-without-forgetting", "The new batch is added, and the old average does not shrink.", {"new_mean": "running_mean + weight * mean", "new_var": "running_var + weight * var"}, AVERAGES),
        ("never-moved", "The statistics are returned as they came.", {"new_mean": "running_mean + 0 * mean", "new_var": "running_var + 0 * var"}, AVERAGES, "tensorflow issues 11965 and 16102"),
        ("variance-not-moved", "The running variance is returned as it came.", {"new_var": "running_var + 0 * var"}, AVERAGES),
        ("mean-not-moved", "The running mean is returned as it came.", {"new_mean": "running_mean + 0 * mean"}, AVERAGES),
        ("momentum-fixed", "The argument momentum is ignored: 0.1 is always used.", {"weight": "0.1"}, AVERAGES),
        ("mean-and-variance-swapped", "The two results have changed places.", {"new_mean": "(1 - weight) * running_var + weight * var", "new_var": "(1 - weight) * running_mean + weight * mean"}, AVERAGES),
        *[(n, s, c, AVERAGES) for n, s, c, _ in WRONG_AXES[2:4]],
    ),
    *entries("eval_forward",
        ("batch-mean", "The mean of this batch is used; evaluation mode uses the running mean.", {"mean": "x.mean(axis=axes, keepdims=True)"}, MODES, "pytorch/pytorch issue 4741; keras issue 6977"),
        ("batch-variance", "The variance of this batch is used; evaluation mode uses the running variance.", {"var": "x.var(axis=axes, keepdims=True)"}, MODES),
        ("batch-statistics", "The statistics of this batch are used: this is training mode.", {"mean": "x.mean(axis=axes, keepdims=True)", "var": "x.var(axis=axes, keepdims=True)"}, MODES, "pytorch/pytorch issue 4741"),
        ("running-variance-as-deviation", "running_var is used as a standard deviation: the root is missing.", {"std": "var + eps"}, MODES),
        ("running-variance-squared", "running_var is squared, as if it were a standard deviation.", {"std": "np.sqrt(var**2 + eps)"}, MODES),
        ("running-variance-corrected-again", "m / (m - 1) is applied to a variance that has it already.", {"var": "along(running_var, x) * (x.size / x.shape[1]) / (x.size / x.shape[1] - 1)"}, MODES),
        ("eps-outside-the-root", "eps is added to the standard deviation; it belongs to the variance, under the root.", {"std": "np.sqrt(var) + eps"}, SCALE),
        ("eps-fixed", "The argument eps is ignored.", {"std": "np.sqrt(var + 1e-5)"}, SCALE),
        ("mean-not-subtracted", "The mean is not subtracted.", {"mean": "0 * along(running_mean, x)"}, MODES),
        ("gamma-missing", "gamma has no effect.", {"scaled": "xhat"}, SCALE),
        ("gamma-along-the-last-axis", "gamma runs along the last axis instead of the channel's.", {"scaled": "gamma * xhat"}, SCALE),
        ("beta-missing", "beta has no effect.", {"y": "scaled"}, SCALE),
        ("beta-along-the-last-axis", "beta runs along the last axis instead of the channel's.", {"y": "scaled + beta"}, SCALE),
        ("gamma-and-beta-swapped", "gamma and beta have changed places.", {"scaled": "along(beta, x) * xhat", "y": "scaled + along(gamma, x)"}, SCALE),
    ),
    *entries("eval_backward",
        ("training-mode", "This is the backward pass of training mode; here the statistics are constants.", {"dx": "inv_std * (g - g.mean(axis=axes, keepdims=True) - xhat * (g * xhat).mean(axis=axes, keepdims=True))"}, MODES, "pytorch/xla issue 3361"),
        ("mean-path", "dx adds up to zero, as if the mean depended on x; here it is a constant.", {"dx": "inv_std * (g - g.mean(axis=axes, keepdims=True))"}, MODES),
        ("batch-statistics-in-xhat", "xhat uses this batch's statistics; evaluation mode uses the running ones.", {"xhat": "(x - x.mean(axis=axes, keepdims=True)) / np.sqrt(x.var(axis=axes, keepdims=True) + eps)"}, MODES),
        ("batch-variance-in-dx", "dx is divided by this batch's deviation; evaluation mode uses the running one.", {"dx": "g / np.sqrt(x.var(axis=axes, keepdims=True) + eps)"}, MODES),
        ("gamma-missing-in-dx", "gamma does not reach dx.", {"g": "dy"}, MODES),
        ("inv-std-missing", "dx is not divided by the standard deviation.", {"dx": "g"}, MODES),
        ("inv-std-squared", "dx is divided by the variance, not by its root.", {"dx": "inv_std**2 * g"}, MODES),
        ("eps-missing", "eps is missing under the root.", {"inv_std": "1 / np.sqrt(var)"}, MODES),
        ("dx-is-dy", "dy is passed on as it came.", {"dx": "dy"}, MODES),
        ("dgamma-of-x", "dgamma multiplies dy by x, not by xhat.", {"dgamma": "(dy * x).sum(axis=axes)"}, MODES),
        ("dgamma-of-the-deviation", "dgamma multiplies dy by x - mean, not by xhat.", {"dgamma": "(dy * (x - mean)).sum(axis=axes)"}, MODES),
        ("dgamma-with-gamma", "dgamma is multiplied by gamma.", {"dgamma": "(along(gamma, x) * dy * xhat).sum(axis=axes)"}, MODES),
        ("dgamma-averaged", "dgamma is a mean; gamma is used m times, so its gradients add up.", {"dgamma": "(dy * xhat).mean(axis=axes)"}, MODES),
        ("dbeta-averaged", "dbeta is a mean; beta is used m times, so its gradients add up.", {"dbeta": "dy.mean(axis=axes)"}, MODES),
        ("dbeta-with-gamma", "dbeta is multiplied by gamma.", {"dbeta": "(along(gamma, x) * dy).sum(axis=axes)"}, MODES),
    ),
    *entries("layer",
        ("evaluates-by-the-batch", "Evaluation normalises by its own batch; it must use the running statistics.", {"eval_mean": "x.mean(axis=axes)", "eval_var": "x.var(axis=axes)"}, MODES, "pytorch/pytorch issue 4741; keras issue 6977"),
        ("trains-by-the-running-statistics", "Training normalises by the running statistics; it must use its batch.", {"train_mean": "running_mean", "train_var": "running_var"}, MODES),
        ("trains-by-the-moved-statistics", "Training normalises by the running statistics that it has just moved; it must use its batch.", {"train_mean": "train_next_mean", "train_var": "train_next_var"}, MODES),
        ("statistics-never-moved", "The running statistics never move.", {"train_next_mean": "running_mean", "train_next_var": "running_var"}, AVERAGES, "tensorflow issues 11965 and 16102"),
        ("variance-never-moved", "The running variance never moves.", {"train_next_var": "running_var"}, AVERAGES),
        ("mean-never-moved", "The running mean never moves.", {"train_next_mean": "running_mean"}, AVERAGES),
        ("statistics-move-in-evaluation", "The running statistics move in evaluation mode, too.", {"eval_next_mean": "(1 - momentum) * running_mean + momentum * x.mean(axis=axes)", "eval_next_var": "(1 - momentum) * running_var + momentum * x.var(axis=axes, ddof=1)"}, MODES),
        ("momentum-weighs-the-old", "momentum weighs the old average here; in this book, as in PyTorch, it weighs the new batch.", {"weight": "1 - momentum"}, AVERAGES, "cs231n.github.io issue 180; d2l-en pull request 2213"),
        ("momentum-fixed", "The argument momentum is ignored: 0.1 is always used.", {"weight": "0.1"}, AVERAGES),
        ("biased-running-variance", "The running variance averages the variance with divisor m; PyTorch keeps m - 1.", {"kept_var": "x.var(axis=axes)"}, AVERAGES, UNBIASED),
        ("unbiased-variance-in-training", "Training divides by m - 1; normalising divides by m.", {"var": "x.var(axis=axes, ddof=1)"}, SCALE, UNBIASED),
        ("running-variance-starts-at-0", "The running variance starts at 0; it must start at 1.", {"running_var": "np.zeros(first.shape[1])"}, AVERAGES),
        ("running-mean-starts-at-1", "The running mean starts at 1; it must start at 0.", {"running_mean": "np.ones(first.shape[1])"}, AVERAGES),
        ("eps-missing-in-evaluation", "eps is missing in evaluation mode.", {"eval_y": "(x - along(eval_mean, x)) / np.sqrt(along(eval_var, x))"}, SCALE),
    ),
]}  # fmt: skip
