"""Compare one answer, or a tuple of them, with the right one, and with the mistakes that one expects."""

import numpy as np

from bnlib.check.calling import NOT_TRIED, is_untouched
from bnlib.check.report import Report, format_distinct, lines_to
from bnlib.check.sizes import compare_sizes
from bnlib.check.slips import find_slips, swapped_results


def compare_answers(got, wanted, rtol, atol, mistakes, digits, see, apart):
    """The Report on an answer; where mistakes are expected, it does not give the right value away."""
    chapter = lines_to(see)
    exact = wanted
    if digits is not None:  # right is what is rounded to the same number
        wanted, rtol, atol = round_all(wanted, digits), 0, 0.5 * 10.0**-digits * (1 + 1e-9)
    if isinstance(wanted, tuple) and shape_of(got)[:1] == (len(wanted),):
        got = tuple(as_array(got))
    if is_untouched(got):
        return Report(False, NOT_TRIED)
    wrong = describe_difference(got, wanted, rtol, atol, mistakes is None, apart)
    if wrong is None:
        return Report(True, "right")
    whole = find_mistake(got, wanted, mistakes or {}, rtol, atol)
    parts = () if whole else split_results(got, wanted, mistakes or {})
    sentences = [s for s in (whole, *(find_mistake(*part, rtol, atol) for part in parts)) if s]
    slips = [] if sentences else slips_of(got, wanted, exact, rtol, atol)
    lines = [f"right already: {already}"] if (already := right_results(got, wanted, rtol, atol)) else []
    bare = [*lines, wrong]
    lines = [*bare, *dict.fromkeys(sentences), *(f"perhaps: {slip}" for slip in slips)]
    named = list(dict.fromkeys([*sentences, *slips]))
    return Report(False, "\n".join(lines + chapter), named, "\n".join(bare))


def round_all(wanted, digits):
    """The right answer to so many decimals."""
    if isinstance(wanted, tuple):
        return tuple(round_all(part, digits) for part in wanted)
    return np.round(wanted, digits)


def slips_of(got, wanted, exact, rtol, atol):
    """The sentences of the slips that show by rule."""

    def is_right(one, right):
        return describe_difference(one, right, rtol, atol) is None

    if same_length(got, wanted) and (swapped := swapped_results(got, wanted, is_right)):
        return [swapped]
    wrong = []
    for (name, one, right), (*_, unrounded) in zip(leaves(got, wanted), leaves(got, exact), strict=True):
        numbers, right = as_numbers(one, right), np.asarray(right)
        if numbers is not None and not is_right(one, right):
            where = find_wrong(numbers, right, rtol, atol) if numbers.shape == right.shape else None
            wrong.append((name, numbers, np.asarray(unrounded), where))
    return find_slips(wrong, rtol, atol)


def leaves(got, wanted, name=""):
    """Yield each result of a tuple, of tuples too, by name, with what it should be."""
    if not isinstance(wanted, tuple):
        yield name and f"result {name}", got, wanted
    elif same_length(got, wanted):
        for i, pair in enumerate(zip(got, wanted, strict=True), start=1):
            yield from leaves(*pair, f"{name}.{i}" if name else f"{i}")


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


def describe_difference(got, wanted, rtol, atol, hint=True, apart=True):
    """Where an answer is wrong, what it is and how it differs, in a few words; None if it is right."""
    if isinstance(wanted, tuple):
        if not same_length(got, wanted):
            count = len(got) if isinstance(got, (tuple, list)) else "one"
            return f"wrong: got {count} result{'' if count in (1, 'one') else 's'}, wanted {len(wanted)}"
        for i, (one, right) in enumerate(zip(got, wanted, strict=True), start=1):
            wrong = describe_difference(one, right, rtol, atol, hint, apart)
            if wrong is not None:
                inner = wrong.removeprefix("wrong").replace(" in result ", ".", 1)
                return f"wrong in result {i}{inner}"
        return None
    if got is None:
        return f"wrong: {NOT_TRIED}"
    numbers, wanted = as_numbers(got, wanted), np.asarray(wanted)
    if numbers is None:
        return f"wrong: got {describe_kind(got)}, wanted {describe_wanted(wanted)}"
    if numbers.shape != wanted.shape:
        return f"wrong: got shape {numbers.shape}, wanted {wanted.shape}"
    wrong = np.argwhere(find_wrong(numbers, wanted, rtol, atol))
    if len(wrong) == 0:
        return None
    at = tuple(int(i) for i in wrong[0])
    one, other = format_distinct(numbers[at], wanted[at])
    where = (f" at {list(at)}" if at else "") + (f" and {len(wrong) - 1} more" if len(wrong) > 1 else "")
    value = f"got {one}{f', wanted {other}' if hint else ''}"
    return f"wrong{where}: {value}; {compare_sizes(numbers[at], wanted[at], apart)}"


def find_wrong(got, wanted, rtol, atol):
    """Where an array is wrong."""
    return ~np.isclose(got, wanted, rtol=rtol, atol=atol, equal_nan=True)


def as_numbers(got, wanted):
    """An answer as an array of numbers, real ones if these are wanted; None if it is none."""
    got, wanted = as_array(got), np.asarray(wanted)
    return got if got.dtype.kind in ("biufc" if wanted.dtype.kind == "c" else "biuf") else None


def as_array(got):
    """An answer as an array, a tensor without its graph; an array of None for what is none."""
    try:
        return np.asarray(got.detach() if hasattr(got, "detach") else got)
    except Exception:  # a ragged list
        return np.asarray(None)


def shape_of(got):
    """The shape of an array or a tensor; of anything else no axes."""
    return as_array(got).shape if hasattr(got, "shape") else ()


def describe_wanted(wanted):
    """What kind of numbers an answer should be."""
    return f"real numbers of shape {wanted.shape}" if wanted.shape else "a real number"


def describe_kind(got):
    """What an answer is that is no array of real numbers."""
    if callable(got):
        return "a function, not what it returns"
    if isinstance(got, str):
        return f"the text {got!r}"
    if as_array(got).dtype.kind == "c":
        return "complex numbers"
    return f"a {type(got).__name__} that is no array of numbers"
