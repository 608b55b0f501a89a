"""The lint of what a reader sees: code that teaches, asserts folded, and paragraphs that argue."""

import re
from itertools import groupby
from statistics import median

import pytest

pytest.importorskip("nbformat")
import notebook_text as book

every_notebook = pytest.mark.parametrize("path", book.NOTEBOOKS, ids=lambda path: path.stem)
every_chapter = pytest.mark.parametrize("path", book.CHAPTERS, ids=lambda path: path.stem)


def statements_in_sight(path, before=None):
    """Lines of code in cells that are not folded, blank lines apart, and those of them that assert."""
    lines, asserts = 0, 0
    for cell in book.cells_in_sight(path, before):
        lines += len([line for line in cell.source.splitlines() if line.strip()])
        asserts += sum(node.end_lineno - node.lineno + 1 for node in book.asserts_of(cell))
    return lines, asserts


@every_notebook
def test_asserts_in_sight_are_few(path):
    lines, asserts = statements_in_sight(path)
    assert asserts < 0.1 * max(lines, 1), f"{asserts} of {lines} lines in sight assert"


@every_notebook
def test_cells_in_sight_are_short(path):
    for cell in book.cells_in_sight(path):
        assert len(cell.source.splitlines()) <= 20, cell.source


@pytest.mark.parametrize(
    "path",
    [*book.CHAPTERS, *(book.BOOK / f"{name}.ipynb" for name in ("bug_museum", "conventions"))],
    ids=lambda path: path.stem,
)
def test_the_code_in_sight_is_short(path):
    lines, _ = statements_in_sight(path, before="Exercises")
    assert lines < 150


@every_notebook
def test_pins_say_what_they_are(path):
    """A folded cell that only asserts says so, so that nobody unfolds it in hope of a lesson."""
    for cell in book.code_cells(path):
        if "hide-input" in cell.metadata.get("tags", []) and book.asserts_of(cell):
            first = cell.source.splitlines()[0]
            assert first.startswith("# ") or len(book.asserts_of(cell)) < 3, cell.source


@every_chapter
def test_sentences_have_the_length_of_speech(path):
    assert 11 <= median(len(sentence.split()) for sentence in book.sentences(path)) <= 17


@every_notebook
def test_no_drumroll_of_short_sentences(path):
    for paragraph in book.paragraphs(path):
        for short, run in groupby(paragraph, key=lambda sentence: len(sentence.split()) < 9):
            assert not short or len(run := list(run)) <= 4, run


@every_chapter
def test_a_chapter_is_read_aloud_in_half_an_hour(path):
    """At 150 words a minute, before the exercises."""
    assert len(book.words_before(path, "Exercises")) <= 30 * 150


@every_chapter
def test_figures_are_few(path):
    assert sum("mystnb" in cell.metadata for cell in book.code_cells(path)) <= 5


def test_the_first_pages_table_of_chapters():
    (table,) = [
        cell.source for cell in book.read(book.BOOK / "intro.ipynb").cells if "| minutes |" in cell.source
    ]
    rows = re.findall(r"^\| \{doc\}`(\w+)` \| (.*) \| (\d+) \| [123](, PyTorch)? \|$", table, re.M)
    readme = (book.BOOK.parent / "README.md").read_text()
    assert {name for name, *_ in rows} == {path.stem for path in book.CHAPTERS} - {"conventions"}
    assert "about fourteen hours" in table
    assert 13.5 < sum(int(minutes) for _, _, minutes, _ in rows) / 60 < 14.5
    for name, question, minutes, torch in rows:
        assert f"[{name}](book/{name}.ipynb) | {question} |" in readme
        path = book.BOOK / f"{name}.ipynb"
        assert int(minutes) == book.minutes(path), name
        assert bool(torch) == any("import torch" in cell.source for cell in book.code_cells(path)), name
