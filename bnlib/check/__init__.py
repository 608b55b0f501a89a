"""Answers to a reader's answers: compare what an exercise function returned with what was wanted."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Report:
    """The verdict on an answer: `ok`, ids of `misconceptions`, and as text what is wrong."""

    ok: bool
    text: str
    misconceptions: list = field(default_factory=list)

    def __repr__(self):
        return self.text


def answer(got, wanted, *, rtol=1e-6, atol=1e-9):
    """Compare an answer, or a tuple of them, with the right one.

    Parameters
    ----------
    got : array-like, tuple of array-like, or None
        What the reader's function returned; None means an untouched stub.
    wanted : array-like or tuple of array-like
        The right answer.
    rtol, atol : float
        As in numpy.isclose.

    Returns
    -------
    Report
        "not tried yet", "right", or what differs: the shape, or the first wrong value.

    Examples
    --------
    >>> answer(None, 1.0), answer(1.0, 1.0), answer([1.0, 2.0], [1.0, 3.0])
    (not tried yet, right, wrong at [1]: got 2, wanted 3)
    """
    if got is None:
        return Report(False, "not tried yet")
    if isinstance(wanted, tuple):
        if not isinstance(got, tuple) or len(got) != len(wanted):
            return Report(False, f"wrong: wanted a tuple of {len(wanted)} results")
        for i, (one, right) in enumerate(zip(got, wanted, strict=True)):
            report = answer(one, right, rtol=rtol, atol=atol)
            if not report.ok:
                return Report(False, f"result {i + 1} {report}")
        return Report(True, "right")
    wanted, kind = np.asarray(wanted), type(got).__name__
    try:
        got = np.asarray(got)
    except ValueError:  # ragged
        got = np.asarray(None)
    if got.dtype.kind not in ("biufc" if wanted.dtype.kind == "c" else "biuf"):
        return Report(False, f"wrong: got {kind}, wanted numbers of shape {wanted.shape}")
    if got.shape != wanted.shape:
        return Report(False, f"wrong shape: got {got.shape}, wanted {wanted.shape}")
    wrong = np.argwhere(~np.isclose(got, wanted, rtol=rtol, atol=atol, equal_nan=True))
    if len(wrong) == 0:
        return Report(True, "right")
    at = tuple(int(i) for i in wrong[0])
    return Report(False, f"wrong at {list(at)}: got {got[at]:.4g}, wanted {wanted[at]:.4g}")
