"""bnlib.check: what a reader is told about an answer, and that no answer raises."""

import re
from dataclasses import FrozenInstanceError
from html import escape
from pathlib import Path

import numpy as np
import pytest

from bnlib import batch_norm, check
from bnlib.check import Report, answer
from bnlib.check.library import TITLES
from bnlib.check.probes import probes

VERDICTS = [
    (None, 1.0, "not tried yet"),
    (None, (1.0, 2.0), "not tried yet"),
    (1.0, 1.0, "right"),
    (1, 1.0, "right"),
    ([1.0, 2.0], np.array([1.0, 2.0]), "right"),
    (float("nan"), float("nan"), "right"),
    (float("inf"), float("inf"), "right"),
    (np.empty((0, 2)), np.empty((0, 2)), "right"),
    (True, True, "right"),
    (2.5, 1.0, "wrong: got 2.5, wanted 1; too large by a factor of 2.5"),
    (True, False, "wrong: got 1, wanted 0; too large by 1"),
    (
        [1.0, 2.0, 5.0],
        [1.0, 3.0, 7.0],
        "wrong at [1] and 1 more: got 2, wanted 3; too small by a factor of 1.5",
    ),
    (
        [[1.0, 2.0], [0.12345, 4.0]],
        [[1.0, 2.0], [3.45678, 4.0]],
        "wrong at [1, 0]: got 0.1235, wanted 3.457; too small by a factor of 28",
    ),
    (
        float("nan"),
        1.0,
        "wrong: got nan, wanted 1; it is no number, as 0 / 0 is none, or the root of a negative number",
    ),
    (float("inf"), 1.0, "wrong: got inf, wanted 1; it is infinite, as after a division by 0"),
    (1.0, float("nan"), "wrong: got 1, wanted nan; the right one is no finite number"),
    ([1.0, 2.0], [1.0, 2.0, 3.0], "wrong: got shape (2,), wanted (3,)"),
    (1j, np.array(1j), "right"),
    ("abc", 1.0, "wrong: got the text 'abc', wanted a real number"),
    (1j, 1.0, "wrong: got complex numbers, wanted a real number"),
    ({"a": 1}, 1.0, "wrong: got a dict that is no array of numbers, wanted a real number"),
    (
        len,
        np.ones((2, 3)),
        "wrong: got a function, not what it returns, wanted real numbers of shape (2, 3)",
    ),
    ((1.0, 2.0), (1.0, 2.0), "right"),
    ([1.0, 2.0], (1.0, 2.0), "right"),
    (np.array([1.0, 2.0]), (1.0, 2.0), "right"),
    (np.array([[1.0, 2.0], [3.0, 4.0]]), ([1.0, 2.0], [3.0, 4.0]), "right"),
    ((None, None), (1.0, 2.0), "not tried yet"),
    ([None, (None,)], (1.0, (2.0,)), "not tried yet"),
    (
        ((1.0, 2.0), 3.0),
        ((1.0, 5.5), 3.0),
        "right already: result 2\nwrong in result 1.2: got 2, wanted 5.5; too small by a factor of 2.75",
    ),
    (1.23456789, 1.23461234, "wrong: got 1.23457, wanted 1.23461; too small by 0.0036 %"),
    (
        (1.0, 2.5),
        (1.0, 2.0),
        "right already: result 1\nwrong in result 2: got 2.5, wanted 2; too large by a factor of 1.25",
    ),
    ((0.0, 2.5), (1.0, 2.0), "wrong in result 1: got 0, wanted 1; too small by 1"),
    ((1.0, None), (1.0, 2.0), "right already: result 1\nwrong in result 2: not tried yet"),
    (1.0, (1.0, 2.0), "wrong: got one result, wanted 2"),
    ((1.0,), (1.0, 2.0), "wrong: got 1 result, wanted 2"),
    ((1.0, 2.0, 3.0), (1.0, 2.0), "wrong: got 3 results, wanted 2"),
]


@pytest.mark.parametrize(("got", "wanted", "text"), VERDICTS)
def test_verdict(got, wanted, text):
    report = answer(got, wanted)
    assert report.ok is (text == "right")
    assert repr(report) == str(report) == report.text == text
    assert report.misconceptions == []


@pytest.mark.parametrize(("got", "ok"), [(1 + 0.9e-6, True), (1 + 1.2e-6, False)])
def test_relative_tolerance(got, ok):
    assert answer(got, 1.0).ok is ok
    assert answer(1e6 * got, 1e6).ok is ok
    assert answer((got,), (1.0,)).ok is ok


@pytest.mark.parametrize(("got", "ok"), [(0.9e-9, True), (1.2e-9, False)])
def test_absolute_tolerance(got, ok):
    assert answer(got, 0.0).ok is ok


def test_tolerances_can_be_given():
    assert answer(1.05, 1.0, rtol=0.1).ok
    assert answer(0.05, 0.0, atol=0.1).ok
    assert not answer(1.05, 1.0, rtol=0.01).ok
    assert answer((0.05, 1.09), (0.0, 1.0), rtol=0.1, atol=0.06).ok
    assert not answer((0.05, 1.05), (0.0, 1.0), rtol=0.1).ok
    assert not answer((0.05, 1.2), (0.0, 1.0), atol=0.1).ok


@pytest.mark.parametrize(
    "got",
    [
        "abc",
        "1.0",
        [[1.0], [1.0, 2.0]],
        len,
        [None, 1.0],
        {"a": 1},
        np.array("x"),
        object(),
        np.array(1 + 1j),
    ],
    ids=["text", "digits", "ragged", "function", "half a stub", "dict", "text array", "object", "complex"],
)
@pytest.mark.parametrize("wanted", [1.0, np.ones(2), (1.0, 2.0)], ids=["number", "array", "tuple"])
def test_an_answer_of_another_kind_is_wrong_and_does_not_raise(got, wanted):
    for report in (answer(got, wanted), answer((got, got), (wanted, wanted))):
        assert report.ok is False
        assert "wrong" in report.text or "not tried yet" in report.text


def test_a_known_mistake_is_told():
    mistakes = {"This is the median.": 3.0, "The two are swapped.": (2.0, 1.0)}
    told = answer(3.0, 4.0, mistakes=mistakes)
    assert str(told) == "wrong: got 3; too small by a factor of 1.33\nThis is the median."
    assert told.misconceptions == ["This is the median."]
    assert answer((2.0, 1.0), (1.0, 2.0), mistakes=mistakes).misconceptions == ["The two are swapped."]
    swapped = answer((1.0, 9.0), (1.0, 2.0), mistakes={"both": (5.0, 6.0), "the second": (4.0, 9.0)})
    assert swapped.misconceptions == ["the second"]
    assert swapped.text == (
        "right already: result 1\nwrong in result 2: got 9; too large by a factor of 4.5\nthe second"
    )
    for got in (None, 4.0, 7.0):
        assert answer(got, 4.0, mistakes=mistakes).misconceptions == []
    assert str(answer(7.0, 4.0, mistakes=mistakes)) == "wrong: got 7; too large by a factor of 1.75"


def test_the_nearest_mistake_is_told():
    mistakes = {"far": 10.9, "near": 10.5}
    assert answer(10.5, 20.0, rtol=0.1, mistakes=mistakes).misconceptions == ["near"]
    assert answer(10.8, 20.0, rtol=0.1, mistakes=mistakes).misconceptions == ["far"]


@pytest.mark.parametrize("detached", [True, False])
def test_a_tensor_that_keeps_its_graph_is_taken_without(detached):
    class Tensor:  # as torch has it
        shape = (2,)

        def __init__(self, values, keeps_graph=True):
            self.values, self.keeps_graph = values, keeps_graph

        def detach(self):
            return Tensor(self.values, False)

        def __array__(self, *_, **__):
            if self.keeps_graph:
                raise RuntimeError("call detach()")
            return np.array(self.values)

    values, right = Tensor([1.0, 2.0], not detached), np.array([1.0, 2.0])
    assert answer(values, right).ok
    assert answer((values, values), (right, right)).ok
    assert answer(values, (1.0, 2.0)).ok  # one tensor for two results
    assert not answer(values, (1.0, 2.5)).ok
    assert check.function(lambda x: (values, values), lambda x: (right, right), [(1.0,)], {}).ok
    assert check.function(lambda x: values, lambda x: (1.0, 2.0), [(1.0,)], {}).ok


@pytest.mark.parametrize("one", [np.float64(2), np.array(2.0)])
def test_a_number_is_one_result_where_several_of_unequal_shapes_are_wanted(one):
    report = check.function(lambda x: one, lambda x: (x, x.mean()), [(np.array([1.0, 3.0]),)], {})
    assert "one result, where 2 results are wanted" in report.text


def test_what_numpy_cannot_take_is_wrong_and_does_not_raise():
    class Tensor:
        def __array__(self, *_, **__):
            raise RuntimeError("it keeps its graph")

    assert (
        str(answer(Tensor(), 1.0))
        == "wrong: got a Tensor that is no array of numbers, wanted a real number"
    )


def test_report_is_frozen_and_its_list_its_own():
    report = Report(False, "text")
    with pytest.raises(FrozenInstanceError):
        report.ok = True
    report.misconceptions.append("mean-path-missing")
    assert Report(False, "text").misconceptions == []
    assert Report(False, "text", ["a"]).misconceptions == ["a"]


def test_an_unnamed_report_shows_where_and_names_nothing():
    """Of the book's own functions, of others, and of results; what is right, not tried or hidden stays."""
    swapped = check.forward(lambda x, gamma, beta, eps: batch_norm(x, beta, gamma, eps=eps)[0])
    assert swapped.misconceptions == ["forward/gamma-and-beta-swapped"]
    assert swapped.unnamed().text == (
        "right already: the shapes\n"
        "wrong: For x = [1, 1, 7] of shape (3, 1), gamma = -4, beta = 10, eps = 8 your y is [-9, -9, 6], "
        "the right one [12, 12, 6]."
    )
    digits = check.channel_stats(lambda x: (x.mean(axis=0), np.mean(x * x, axis=0) - x.mean(axis=0) ** 2))
    assert "Computing a variance" in digits.text
    assert digits.unnamed().text.startswith("right already: mean\nwrong: For ")
    squared = {"This is the square.": lambda x: x**2}
    assert str(check.function(lambda x: x**2, lambda x: 2 * x, [(3.0,)], squared).unnamed()) == (
        "wrong: For x = 3 your result is 9, the right one 6."
    )
    turned = check.function(lambda x: -x, lambda x: x, [(3.0,)], {"The sign is turned.": lambda x: -x})
    assert str(turned.unnamed()) == "wrong: For x = 3 your result is -3, the right one 3."
    mistakes = {"The second is squared.": (1.0, 9.0)}
    told = answer((1.0, 9.0), (1.0, 3.0), mistakes=mistakes, see="speed").unnamed()
    assert str(told).startswith("right already: result 1\nwrong in result 2: got 9")
    assert "squared" not in told.text
    assert told.misconceptions == []
    calls = iter([0.0] * len(probes("forward")) + [1.0] * 99)
    hidden = check.forward(lambda x, g, b, eps: batch_norm(x, g, b, eps=eps)[0] + next(calls))
    assert hidden.misconceptions == ["hidden-state"]
    for report in (hidden, answer(1, 1), answer(None, 1)):
        assert report.unnamed().text == report.text


@pytest.mark.parametrize(
    ("got", "wanted"), [([1 + 1j], [1.0]), ("1.0", 1.0), ([None], [np.nan]), (10**400, 1.0)]
)
def test_what_is_no_real_number_is_wrong(got, wanted):
    assert not answer(got, wanted).ok


def test_the_display_of_a_notebook_has_a_paragraph_a_line():
    html = Report(False, "right already: x\nwrong: 1 < 2, see y")._repr_html_()
    assert html.count("<p ") == 2
    assert "<strong>right already:</strong> x</p>" in html
    assert "<strong>wrong:</strong> 1 &lt; 2, see y</p>" in html
    assert "<strong>right</strong>" in Report(True, "right")._repr_html_()
    found = {
        text: re.search(
            r'data-verdict="(\w+)" style="border-left: 5px solid (#\w+)', Report(ok, text)._repr_html_()
        )
        for ok, text in ((True, "right"), (False, "wrong"), (False, "not tried yet"))
    }
    assert [match[1] for match in found.values()] == ["right", "wrong", "untried"]
    assert len({match[2] for match in found.values()}) == 3


def test_a_report_names_chapters_so_that_the_book_can_link_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = Report(False, "wrong: Scale and shift\nsee: Training, evaluation, frozen, Scale and shift")
    assert report._repr_html_().count("<span") == 2
    assert (
        '<span data-chapter="train_eval_frozen">Training, evaluation, frozen</span>, '
        in report._repr_html_()
    )
    (tmp_path / "02_scale_and_shift.ipynb").touch()
    assert '<a href="02_scale_and_shift.ipynb">Scale and shift</a>' in report._repr_html_()
    assert report._repr_html_().count("<span") == 1


def test_the_chapters_that_reports_name_are_in_the_book():
    book = Path(__file__).parents[2] / "book"
    for chapter, title in TITLES.items():
        assert title == escape(title)
        assert f'"# {title}\\n"' in (book / f"{chapter}.ipynb").read_text(encoding="utf-8")


def test_what_a_function_prints_is_shown_once(capsys):
    def talking(x):
        print("hello", x.shape)
        return x.mean(axis=0), x.var(axis=0)

    def talking_test(backward):
        print("trying")
        return True

    assert not check.channel_stats(talking).ok
    first, note = capsys.readouterr().out.splitlines()
    assert first == "hello (5, 3)"
    assert "first call" in note
    check.gradient_test(talking_test)
    assert capsys.readouterr().out.splitlines() == ["trying", note]
    check.channel_stats(lambda x: (x.mean(axis=0), x.var(axis=0)))
    assert capsys.readouterr().out == ""


def test_one_number_for_all_channels_is_explained():
    report = check.channel_stats(lambda x: (x.mean(), x.var()))
    assert "mean has shape (), where (3,) is wanted: one number for all channels" in report.text


def test_long_lines_of_a_report_are_wrapped():
    report = Report(False, f"wrong: {'word ' * 40}")
    assert max(map(len, str(report).splitlines())) <= 100
    assert str(report).splitlines()[1].startswith("    word")
