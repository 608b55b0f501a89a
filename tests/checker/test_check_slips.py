"""Slips that show by rule in an answer, and the wrong answers of readers: which of them have a name."""

import numpy as np
import pytest
from wrong_answers import ANSWERS, FUNCTIONS

from bnlib.check import answer, slips
from bnlib.check.library import TITLES
from bnlib.check.sizes import compare_sizes

UNNAMED = 15  # of the wrong answers below may stay without a name


def names(row):
    """What the report on a wrong answer recognises."""
    _, wanted, given, got, _ = row
    return answer(got, wanted, **given).misconceptions


def count_unnamed():
    return sum(row[4] != "right" and not names(row) for row in ANSWERS)


@pytest.mark.parametrize("row", ANSWERS, ids=lambda row: f"{row[0]} {row[4]}")
def test_a_wrong_answer_has_its_name_and_its_size(row):
    _, wanted, given, got, name = row
    report = answer(got, wanted, mistakes={}, **given)
    assert report.ok is (name == "right")
    assert names(row) == ([] if name in (None, "right") else report.misconceptions)
    if not report.ok:
        assert "too large" in report.text or "too small" in report.text or "changed places" in report.text
        assert name is None or any(name in found for found in report.misconceptions)


def test_few_wrong_answers_have_no_name(monkeypatch):
    assert count_unnamed() <= UNNAMED
    for table in ("VALUES", "ROUNDED", "ARRAYS"):
        monkeypatch.setattr(slips, table, [])
    assert count_unnamed() > UNNAMED


@pytest.mark.parametrize("row", FUNCTIONS, ids=lambda row: f"{row[0]} {row[3]}")
def test_a_wrong_function_has_its_name_and_its_chapter(row):
    _, checker, function, ids, title = row
    report = checker(function)
    assert report.misconceptions == ids
    assert report.text.splitlines()[-1] == f"see: {title}"


def test_a_wrong_mean_is_told_beside_the_variance_within_parts():
    _, checker, merged, (id,), _ = next(row for row in FUNCTIONS if row[0] == "ex-devices-merge")
    found = checker(lambda x: (1.25 * merged(x)[0], merged(x)[1])).misconceptions
    assert "channel_stats/mean-scaled" in found
    assert id not in found


# The rules

V = np.array([[3.25, -0.125, 0.75], [0.0, 12.0, 0.4375], [5.5, 2.5, -1.75]])


@pytest.mark.parametrize(("sentence", "slip"), slips.VALUES, ids=[sentence for sentence, _ in slips.VALUES])
def test_a_rule_names_its_own_slip(sentence, slip):
    right = np.array([37.0, 41.0]) if "one too" in sentence else np.array([0.3125, 0.77])
    wrong = slip(right)
    assert answer(wrong, right).misconceptions == [sentence]
    assert answer(float(wrong[0]), float(right[0])).misconceptions == [sentence]
    assert answer(right, right).text == "right"


@pytest.mark.parametrize(("sentence", "slip"), slips.ARRAYS, ids=[sentence for sentence, _ in slips.ARRAYS])
def test_a_rule_for_arrays_names_its_own_slip(sentence, slip):
    got = {
        "right values": V[[1, 0, 2]],
        "off by the same number": V + 0.7,
        "the same number everywhere": np.full_like(V, 0.3),
        "same factor": 1.3 * V,
        "column": V * [1.3, 0.7, 2.1],
        "row": V * [[1.3], [0.7], [2.1]],
    }
    made = next((array for key, array in got.items() if key in sentence), None)
    assert answer(slip(V, V) if made is None else made, V).misconceptions == [sentence]


SHAPES = [
    ((3, 1), (3,), "left in"),
    ((3,), (1, 3), "is missing"),
    ((2, 3), (3, 2), "transposed"),
    ((2, 4, 3), (2, 3, 4), "axes have changed places"),
    ((), (3,), "one number for all"),
    ((5, 3), (3,), "an axis is left over"),
    ((3,), (5, 3), "an axis too many"),
    ((6,), (2, 3), "in another shape"),
    ((5,), (3,), None),
]


@pytest.mark.parametrize(("got", "wanted", "name"), SHAPES)
def test_a_wrong_shape_is_explained(got, wanted, name):
    report = answer(np.ones(got), np.ones(wanted))
    assert f"got shape {got}, wanted {wanted}" in report.text
    assert [name in found for found in report.misconceptions] == ([True] if name else [])


@pytest.mark.parametrize(
    ("got", "wanted", "name"),
    [
        (0.33, 1 / 3, "it is rounded to 2 decimals"),
        (0.66, 2 / 3, "it is cut off to 2 decimals"),
        (22, 21.85, "it is rounded to a whole number"),
        ([0.3, 0.7], [1 / 3, 2 / 3], "it is rounded to 1 decimal"),
        (0.0, 0.2, None),
        (1e-4, 1.74e-4, None),
        (0.34, 1 / 3, None),
    ],
)
def test_rounding_is_recognised(got, wanted, name):
    assert answer(got, wanted).misconceptions == ([name] if name else [])


@pytest.mark.parametrize(
    ("got", "ok"), [(0.3, True), (0.2807, True), (0.25, True), (0.24, False), (0.36, False)]
)
def test_decimals_can_be_asked_for(got, ok):
    assert answer(got, 0.2807, digits=1).ok is ok
    assert answer((1.0, got), (1.0, 0.2807), digits=1).ok is ok


def test_a_number_cut_off_where_it_should_be_rounded():
    assert answer(0.2, 0.2807, digits=1).misconceptions == ["it is cut off to 1 decimal"]


def test_the_mistakes_of_the_author_come_before_the_rules():
    told = answer(4.0, 2.0, mistakes={"It is counted in pairs.": 4.0})
    assert told.misconceptions == ["It is counted in pairs."]
    assert "perhaps" not in told.text
    assert answer(4.0, 2.0, mistakes={"Another one.": 5.0}).misconceptions == ["a factor of 2 is too many"]
    parts = answer((4.0, 9.0), (2.0, 3.0), mistakes={"The first.": (4.0, 7.0)})
    assert parts.misconceptions == ["The first."]


def test_a_slip_of_all_results_is_told_once():
    assert answer((4.0, 9.0), (2.0, 3.0)).misconceptions == ["this is the square of it"]
    both = answer((4.0, -3.0, 1.0), (2.0, 3.0, 1.0))
    assert both.misconceptions == [
        "in result 1, a factor of 2 is too many",
        "in result 2, the sign is the wrong way round",
    ]
    nested = answer(((1.0, 2.0), 7.0), ((1.0, -2.0), 7.0))
    assert nested.misconceptions == ["in result 1.2, the sign is the wrong way round"]


def test_a_rule_looks_at_the_wrong_entries_alone():
    assert answer([1.0, -2.0, 0.0], [1.0, 2.0, 0.0]).misconceptions == ["the sign is the wrong way round"]


def test_a_rule_fits_closely_where_an_answer_need_not():
    assert answer(2.3, 1.0, rtol=0.25).misconceptions == []
    assert answer(28, 0.2807, rtol=0.1).misconceptions == ["this is in percent"]
    assert answer([100.15, 101.2, 102.25], [100.0, 101.0, 102.0], rtol=1e-3).misconceptions == []


def test_one_row_has_no_columns_to_compare():
    assert answer([[1.0, 2.0, 5.0]], [[3.0, 7.0, 2.5]]).misconceptions == []


def test_numbers_at_random_have_no_name():
    got, wanted = np.random.default_rng(0).uniform(0.1, 10, size=(2, 500))
    named = [answer(*pair).misconceptions for pair in zip(got, wanted, strict=True)]
    assert not any(named)


@pytest.mark.parametrize(
    ("got", "wanted", "words"),
    [
        (2.0, 1.0, "too large by a factor of 2"),
        (1.0, 7.0, "too small by a factor of 7"),
        (-4.0, -2.0, "too large in size by a factor of 2"),
        (1.047, 1.0, "too large by 4.7 %"),
        (38, 39, "too small by 2.6 %"),
        (-1.0, 2.0, "too small by 3"),
        (0.2, 0.0, "too large by 0.2"),
        (53_173e6, 53_173.0, "too large by a factor of 1,000,000"),
        (1j, 1.0, "off by 1.41"),
        (np.nan, 1.0, "no number, as 0 / 0"),
        (-np.inf, 1.0, "infinite, as after a division by 0"),
        (1.0, np.inf, "the right one is no finite number"),
    ],
)
def test_the_size_of_an_error(got, wanted, words):
    said = compare_sizes(got, wanted)
    assert words in said
    kept = said.partition(" by ")[0] if said.startswith(("too", "off")) else said
    assert compare_sizes(got, wanted, apart=False) == kept


def test_the_size_of_an_error_can_be_kept_back():
    report = answer((2.0, 8.75), (2.0, 5.0), mistakes={"half": (4.0, 10.0)}, apart=False)
    assert report.text == "right already: result 1\nwrong in result 2: got 8.75; too large"


def test_large_numbers_are_written_out():
    assert answer(53_173.0, 106_346.0).text.startswith("wrong: got 53,173, wanted 106,346;")


def test_a_report_names_the_chapter_that_an_exercise_gives():
    for chapter, title in TITLES.items():
        assert answer(1.0, 2.0, see=chapter).text.splitlines()[-1] == f"see: {title}"
        assert answer(2.0, 2.0, see=chapter).text == "right"
        assert answer(None, 2.0, see=chapter).text == "not tried yet"
    with pytest.raises(ValueError, match=r"see must be one of channel_statistics, .* got 'speeds'"):
        answer(2.0, 2.0, see="speeds")
