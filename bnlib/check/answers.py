"""Compare one answer, or a tuple of them, with the right one, and with the mistakes that one expects."""

import numpy as np

from bnlib.check.calling import NOT_TRIED
from bnlib.check.report import Report, format_distinct


def compare_answers(got, wanted, rtol, atol, mistakes):
    """The Report on an answer; where mistakes are expected, it does not give the right value away."""
    if isinstance(wanted, tuple) and isinstance(got, np.ndarray) and got.shape[:1] == (len(wanted),):
        got = tuple(got)
    if is_untouched(got):
        return Report(False, NOT_TRIED)
    wrong = describe_difference(got, wanted, rtol, atol, hint=mistakes is None)
    if wrong is None:
        return Report(True, "right")
    whole = find_mistake(got, wanted, mistakes or {}, rtol, atol)
    parts = () if whole else split_results(got, wanted, mistakes or {})
    sentences = [s for s in (whole, *(find_mistake(*part, rtol, atol) for part in parts)) if s]
    lines = [f"right already: {already}"] if (already := right_results(got, wanted, rtol, atol)) else []
    lines += [wrong, *dict.fromkeys(sentences)]
    return Report(False, "\n".join(lines), list(dict.fromkeys(sentences)))


def split_results(got, wanted, mistakes):
    """Yield each result of a tuple, with what it should be, and what it would be by each mistake."""
    if same_length(got, wanted) and all(same_length(value, wanted) for value in mistakes.values()):
        for i, (one, right) in enumerate(zip(got, wanted, strict=True)):
            yield one, right, {sentence: value[i] for sentence, value in mistakes.items()}


def find_mistake(got, wanted, mistakes, rtol, atol):
    """The sentence of the mistake that gives this wrong answer, the nearest one; or None."""
    if is_untouched(got) or describe_difference(got, wanted, rtol, atol) is None:
        return None
    for close in (rtol / 100, rtol):  # where one asks for few digits, two mistakes may be near
        for sentence, value in mistakes.items():
            if describe_difference(got, value, close, atol) is None:
                return sentence
    return None


def right_results(got, wanted, rtol, atol):
    """Which results of a tuple are right, in words; nothing for a single answer."""
    if not same_length(got, wanted):
        return ""
    pairs = enumerate(zip(got, wanted, strict=True), start=1)
    return ", ".join(f"result {n}" for n, (a, b) in pairs if describe_difference(a, b, rtol, atol) is None)


def same_length(got, wanted):
    return isinstance(wanted, tuple) and isinstance(got, (tuple, list)) and len(got) == len(wanted)


def is_untouched(got):
    """Whether nothing was answered: None, or a tuple or list of it."""
    return got is None or (isinstance(got, (tuple, list)) and bool(got) and all(map(is_untouched, got)))


def describe_difference(got, wanted, rtol, atol, hint=True):
    """Where an answer is wrong and what it is, in a few words; None if it is right."""
    if isinstance(wanted, tuple):
        if not same_length(got, wanted):
            return f"wrong: wanted {len(wanted)} results"
        for i, (one, right) in enumerate(zip(got, wanted, strict=True), start=1):
            wrong = describe_difference(one, right, rtol, atol, hint)
            if wrong is not None:
                inner = wrong.removeprefix("wrong").replace(" in result ", ".", 1)
                return f"wrong in result {i}{inner}"
        return None
    if got is None:
        return f"wrong: {NOT_TRIED}"
    wanted, kind = np.asarray(wanted), type(got).__name__
    try:
        got = np.asarray(got)
    except Exception:  # a ragged list, or a tensor that keeps its graph
        got = np.asarray(None)
    if got.dtype.kind not in ("biufc" if wanted.dtype.kind == "c" else "biuf"):
        return f"wrong: got {kind}, wanted numbers of shape {wanted.shape}"
    if got.shape != wanted.shape:
        return f"wrong: got shape {got.shape}, wanted {wanted.shape}"
    wrong = np.argwhere(~np.isclose(got, wanted, rtol=rtol, atol=atol, equal_nan=True))
    if len(wrong) == 0:
        return None
    at = tuple(int(i) for i in wrong[0])
    one, other = format_distinct(got[at], wanted[at])
    return f"wrong{f' at {list(at)}' if at else ''}: got {one}{f', wanted {other}' if hint else ''}"
