"""Answers to a reader's answers: what is right in them, what is wrong, and which misconception it shows.

`answer` compares one result, and `function` a function with a right one; both know the mistakes that they
are told of. The others take the reader's own function, try it on inputs that tell wrong formulas apart, and
name the one or two misconceptions of the library that explain its results.
"""

from functools import partial

from bnlib.check.answers import compare_answers
from bnlib.check.diagnosis import diagnose
from bnlib.check.exercises import SCRIPT
from bnlib.check.functions import compare_functions
from bnlib.check.gradient_tests import score
from bnlib.check.report import Report

__all__ = [
    "Report",
    "answer",
    "backward",
    "channel_stats",
    "eval_backward",
    "eval_forward",
    "forward",
    "function",
    "gradient_test",
    "layer",
    "running",
]


def channel_stats(function):
    """Check function(x) -> (mean, var): x is (N, C, *S), the results (C,), the variance has divisor m.

    Parameters
    ----------
    function : callable
        The reader's. None as its result, or NotImplementedError, means that it was not tried yet. It must
        leave its inputs as they are.

    Returns
    -------
    Report
        `ok`, the ids of the `misconceptions`, and a text that shows a counterexample.

    Raises
    ------
    TypeError
        If function is not callable. What the function raises is caught and reported.

    Examples
    --------
    >>> channel_stats(lambda x: (x.mean(axis=0), x.var(axis=0)))
    right already: x with 2 axes
    wrong: Every position has its own statistics: the sums run over the samples alone. For an input of
        shape (2, 3, 1, 3) mean has shape (3, 1, 3), where (3,) is wanted.
    see: A statistic is a choice of axes
    """
    return diagnose("channel_stats", function)


def forward(function):
    """Check function(x, gamma, beta, eps) -> y, batch norm in training mode. See `channel_stats`.

    Examples
    --------
    >>> from bnlib import batch_norm
    >>> forward(lambda x, gamma, beta, eps: batch_norm(x, beta, gamma, eps=eps)[0])
    right already: the batch's mean, the batch's variance, the deviation, xhat
    wrong: gamma and beta have changed places. For x = [1, 1, 7] of shape (3, 1), gamma = -4, beta = 10,
        eps = 8 your y is [-9, -9, 6], the right one [12, 12, 6].
    see: Scale and shift
    """
    return diagnose("forward", function)


def backward(function):
    """Check function(dy, x, gamma, eps) -> (dx, dgamma, dbeta), in training mode. See `channel_stats`.

    Examples
    --------
    >>> from bnlib import batch_norm, batch_norm_backward
    >>> def mine(dy, x, gamma, eps):  # as if gamma were 1
    ...     _, cache = batch_norm(x, gamma / gamma, gamma, eps=eps)
    ...     return batch_norm_backward(dy, cache)
    >>> backward(mine)
    right already: dgamma, dbeta
    wrong: gamma does not reach dx. For dy = [1, 0, 2], x = [1, 1, 7] of shape (3, 1), gamma = -4, eps =
        8 your dx is [0.0625, -0.1875, 0.125], the right one [-0.25, 0.75, -0.5].
    see: The backward projection
    """
    return diagnose("backward", function)


def running(function):
    """Check function(running_mean, running_var, x, momentum) -> (running_mean, running_var) after x.

    momentum is the weight of the new batch, and the variance has divisor m - 1. See `channel_stats`.

    Examples
    --------
    >>> from bnlib import channel_stats, update_running
    >>> running(lambda mean, var, x, momentum: update_running(mean, var, channel_stats(x), 1 - momentum))
    right already: the batch's mean, the batch's variance
    wrong: momentum weighs the old average here; in this book, as in PyTorch, it weighs the new batch.
        For running_mean = 1, running_var = 1, x = [1, 1, 7] of shape (3, 1), momentum = 0.25 your
        new_mean is 2.5, the right one 1.5.
    see: Running averages
    """
    return diagnose("running", function)


def eval_forward(function):
    """Check function(x, running_mean, running_var, gamma, beta, eps) -> y. See `channel_stats`.

    Examples
    --------
    >>> from bnlib import batch_norm
    >>> eval_forward(lambda x, mean, var, gamma, beta, eps: batch_norm(x, gamma, beta, eps=eps)[0])
    right already: the shapes
    wrong: The statistics of this batch are used: this is training mode. For x = [1, 1, 7] of shape (3,
        1), running_mean = 1, running_var = 1, gamma = -4, beta = 10, eps = 8 your y is [12, 12, 6], the
        right one [10, 10, 2].
    see: Training, evaluation, frozen
    """
    return diagnose("eval_forward", function)


def eval_backward(function):
    """Check function(dy, x, running_mean, running_var, gamma, eps) -> (dx, dgamma, dbeta).

    In evaluation mode, where the statistics are constants. See `channel_stats`.

    Examples
    --------
    >>> from bnlib import batch_norm, batch_norm_backward
    >>> def mine(dy, x, mean, var, gamma, eps):
    ...     return batch_norm_backward(dy, batch_norm(x, gamma, gamma, eps=eps)[1])
    >>> eval_backward(mine)
    right already: dbeta
    wrong: This is the backward pass of training mode, with the batch's statistics; here the running
        ones are constants. For dy = [1, 0, 2], x = [1, 1, 7] of shape (3, 1), running_mean = 1,
        running_var = 1, gamma = -4, eps = 8 your dx is [-0.25, 0.75, -0.5], the right one [-1.333, 0,
        -2.667].
    see: Training, evaluation, frozen
    """
    return diagnose("eval_backward", function)


def layer(kind):
    """Check a class with both modes: kind(num_features, eps=..., momentum=...), then calls and modes.

    A new layer is in training mode, and its scale and shift are 1 and 0; `layer.train()` and `layer.eval()`
    switch. It is called in training, evaluation, training and evaluation. See `channel_stats`.

    Examples
    --------
    >>> from bnlib import BatchNorm
    >>> layer(BatchNorm)
    right
    >>> layer(lambda num_features, eps, momentum: BatchNorm(num_features, eps, 1 - momentum))
    right already: output 1 (train), output 2 (train), output 5 (train)
    wrong: momentum weighs the old average here; in this book, as in PyTorch, it weighs the new batch.
        For the calls train [1, 1, 7], train [2, 5, 5], eval [1, 3, 5], of shape (3, 1), with eps = 8
        and momentum = 0.25, your output 3 (eval) is [-0.723, -0.1587, 0.4056], the right one [-0.1654,
        0.4227, 1.011].
    see: Running averages
    """
    if not callable(kind):
        raise TypeError(f"layer checks a class, got {kind.__class__.__name__}")
    report = diagnose("layer", partial(play, kind))
    if report.ok and not diagnose("layer", partial(play, kind, crowd=True)).ok:
        text = "wrong: two layers share their statistics: keep these on self, and not on the class"
        return Report(False, text, ["layer/shared-by-all-layers"])
    return report


def play(kind, first, second, third, eps, momentum, crowd=False):
    """The outputs of the script of the exercise `layer`; in a crowd, another layer trains in between."""
    batches = {"first": first, "second": second, "third": third}
    made, outputs, before = kind(first.shape[1], eps=eps, momentum=momentum), [], "train"
    other = kind(first.shape[1], eps=eps, momentum=momentum) if crowd else None
    for mode, key in SCRIPT:
        if mode != before:
            getattr(made, mode)()
        before = mode
        if crowd:
            step_of(other)(third.copy())
        outputs.append(step_of(made)(batches[key]))
    return tuple(outputs)


def step_of(layer):
    """What one calls: the layer itself, or its `forward`."""
    step = layer if callable(layer) else getattr(layer, "forward", None)
    if step is None:
        raise TypeError("the layer cannot be called: write __call__(self, x)")
    return step


def gradient_test(test):
    """Score a reader's own test(backward) -> bool by the wrong backward passes that it catches.

    Parameters
    ----------
    test : callable
        Gets a backward(dy, x, gamma, eps) -> (dx, dgamma, dbeta) and says whether it is right. A failed
        assertion counts as False.

    Returns
    -------
    Report
        `ok` if it accepts the right backward pass and no wrong one of the library; `misconceptions` are the
        survivors, and the text says what in the test's inputs may hide them.

    Raises
    ------
    TypeError
        If test is not callable. What it raises is caught and reported.

    Examples
    --------
    >>> gradient_test(lambda backward: None)
    not tried yet
    """
    return score(test)


def answer(got, wanted, *, rtol=1e-6, atol=1e-9, digits=None, mistakes=None, see=None, apart=True):
    """Compare an answer, or a tuple of them, with the right one.

    Parameters
    ----------
    got : array-like, tuple of array-like, or None
        What the reader's function returned; None means an untouched stub.
    wanted : array-like or tuple of array-like
        The right answer; a tuple of them may be answered by a list.
    rtol, atol : float
        As in numpy.isclose.
    digits : int, optional
        Decimals that are asked for, in place of rtol and atol: an answer is right if it rounds to the same
        number as `wanted`.
    mistakes : dict of str to (array-like or tuple of array-like), optional
        Wrong answers that a reader may give, by the sentence that explains each. Where they are given,
        the report does not tell the right value.
    see : str, optional
        The chapter that treats it, by the name of its notebook: "scale_and_shift".
    apart : bool, default True
        Whether the report says by how much a number is too large or too small; of one number that gives
        the right one away.

    Returns
    -------
    Report
        "not tried yet", "right", or what differs: the shape, or the first wrong value, and by how much it
        is too large or too small; then the sentence of the mistake that gives the same answer, or else
        the slip that may have made it (``bnlib.check.slips``). `misconceptions` holds these sentences.

    Raises
    ------
    ValueError
        If `see` is no chapter.

    Examples
    --------
    >>> answer(None, 1.0), answer(1.0, 1.0), answer(0.33, 0.28, digits=1)
    (not tried yet, right, right)
    >>> answer([1.0, 9.0], [1.0, 3.0])
    wrong at [1]: got 9, wanted 3; too large by a factor of 3
    perhaps: this is the square of it
    >>> answer(4, 3.5, mistakes={"4 is the mean; the median is asked for.": 4})
    wrong: got 4; too large by a factor of 1.14
    4 is the mean; the median is asked for.
    """
    return compare_answers(got, wanted, rtol, atol, mistakes, digits, see, apart)


def function(mine, right, probes, mistakes, *, results=None, close=None, see=None):
    """Compare a reader's function with a right one, and name the mistake that gives the same results.

    The exercise itself is tried first, at every call: some probe has to tell `right` and the mistakes
    apart, each from each, so that every mistake gets its own sentence.

    Parameters
    ----------
    mine : callable
        The reader's. None or an ellipsis as its result, or NotImplementedError, means that it was not tried
        yet. It must leave arrays among its arguments as they are.
    right : callable
        Returns numbers, arrays, truth values or texts: one, or a tuple, list or dict of them. Reports have
        its names for the arguments.
    probes : list of tuple
        The arguments of each call, which gets copies of its own: also of a generator, with its state, or of
        a layer. Let one be of few numbers, to be followed by hand: reports show the smallest that is wrong.
    mistakes : dict of str to callable
        The wrong functions that readers write, by the sentence that explains each. Two at once are found
        where they are in different results; slips that show by rule (``bnlib.check.slips``) need no entry.
    results : str or sequence of str, optional
        The names of what `right` returns: "y", or ("dx", "dw").
    close : float, optional
        How far values may be off, relative to the largest of their array, or to 1e-3 where all are smaller:
        by default 2e-6, which central differences keep to, 1e-4 in float32, 1e-2 in float16. Whole numbers,
        texts and truth values must be equal.
    see : str, optional
        The chapter that treats it, by the name of its notebook: "scale_and_shift".

    Returns
    -------
    Report
        "not tried yet", "right", or which results or probes are right already, what is wrong, and on which
        numbers. `misconceptions` holds the sentences of the mistakes, or of what else shows.

    Raises
    ------
    TypeError
        If `mine`, `right` or a mistake is not callable. What `mine` raises is caught and reported.
    ValueError
        If `right` or a mistake raises, changes its arguments or returns nothing; if no probe tells two of
        them apart; or if `see` is no chapter.

    Examples
    --------
    >>> import numpy as np
    >>> def backward(dy, x, weight):  # of y = x @ weight
    ...     return dy @ weight.T, x.T @ dy
    >>> mistakes = {
    ...     "The batch is averaged: its gradients add up.": lambda dy, x, weight: (
    ...         dy @ weight.T, x.T @ dy / len(x)
    ...     ),
    ...     "dx is multiplied by x; weight belongs there.": lambda dy, x, weight: (dy * x, x.T @ dy),
    ... }
    >>> probes = [(np.array([[1.0], [2.0]]), np.array([[3.0], [4.0]]), np.array([[5.0]]))]
    >>> def mine(dy, x, weight):
    ...     return dy @ weight.T, (x * dy).mean(axis=0, keepdims=True)
    >>> function(mine, backward, probes, mistakes, results=("dx", "dweight"))
    right already: dx
    wrong: The batch is averaged: its gradients add up. For dy = [[1], [2]], x = [[3], [4]], weight =
        [[5]] your dweight is [[5.5]], the right one [[11]].
    """
    return compare_functions(mine, right, probes, mistakes, results, close, see)
