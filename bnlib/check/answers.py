"""Compare one answer, or a tuple of them, with the right one, and with the mistakes that one expects."""

import numpy as np

from bnlib.check.calling import NOT_TRIED
from bnlib.check.report import Report


def judge(got, wanted, rtol, atol, mistakes):
    """The Report on an answer; where mistakes are expected, it does not give the right value away."""
    if untouched(got):
        return Report(False, NOT_TRIED)
    wrong = difference(got, wanted, rtol, atol, hint=mistakes is None)
    if wrong is None:
        return Report(True, "right")
    for close in (rtol / 100, rtol):  # the nearest mistake, where one asks for few digits
        for sentence, value in (mistakes or {}).items():
            if difference(got, value, close, atol) is None:
                return Report(False, f"{wrong}\n{sentence}", [sentence])
    return Report(False, wrong)


def untouched(got):
    """Whether nothing was answered: None, or a tuple or list of it."""
    return got is None or (isinstance(got, (tuple, list)) and bool(got) and all(map(untouched, got)))


def difference(got, wanted, rtol, atol, hint=True):
    """What is wrong with an answer, in a few words; None if it is right."""
    if isinstance(wanted, tuple):
        if not isinstance(got, (tuple, list)) or len(got) != len(wanted):
            return f"wrong: wanted {len(wanted)} results"
        for i, (one, right) in enumerate(zip(got, wanted, strict=True)):
            wrong = difference(one, right, rtol, atol, hint)
            if wrong is not None:
                return f"result {i + 1} {wrong}" if wrong[0] != "r" else f"result {i + 1}, {wrong}"
        return None
    if got is None:
        return NOT_TRIED
    wanted, kind = np.asarray(wanted), type(got).__name__
    try:
        got = np.asarray(got)
    except Exception:  # a ragged list, or a tensor that keeps its graph
        got = np.asarray(None)
    if got.dtype.kind not in ("biufc" if wanted.dtype.kind == "c" else "biuf"):
        return f"wrong: got {kind}, wanted numbers of shape {wanted.shape}"
    if got.shape != wanted.shape:
        return f"wrong shape: got {got.shape}, wanted {wanted.shape}"
    wrong = np.argwhere(~np.isclose(got, wanted, rtol=rtol, atol=atol, equal_nan=True))
    if len(wrong) == 0:
        return None
    at = tuple(int(i) for i in wrong[0])
    place = f"wrong at {list(at)}" if at else "wrong"
    for digits in (4, 8, 17):
        one, other = f"{got[at]:.{digits}g}", f"{wanted[at]:.{digits}g}"
        if one != other:
            break
    return f"{place}: got {one}, wanted {other}" if hint else f"{place}: got {one}"
