"""The lint of the book: of what every notebook has to keep, what a machine can see."""

import re
from itertools import pairwise
from statistics import median

import pytest

pytest.importorskip("nbformat")
import notebook_text as book
from exercises import KINDS, PAGE, exercises_of, page

from bnlib import check
from bnlib.check.exercises import EXERCISES

UNSEEDED = (
    r"default_rng\(\s*(None)?\s*\)|np\.random\.(?!default_rng|Generator)|(from|import) (numpy\.)?random"
)
BANNED = r"\b(simply|obviously|just|clearly|trivially|easily|of course|delve|crucial|powerful|note that)\b"
TORCH_CHAPTERS = "torch_backend", "torch_layers", "many_devices"  # the others run without torch
every_notebook = pytest.mark.parametrize("path", book.NOTEBOOKS, ids=lambda path: path.stem)
every_chapter = pytest.mark.parametrize("path", book.CHAPTERS, ids=lambda path: path.stem)


@every_notebook
def test_cells_are_stored_in_run_order(path):
    assert [cell.execution_count for cell in book.code_cells(path)] == list(
        range(1, len(book.code_cells(path)) + 1)
    )


@every_notebook
def test_printed_text_ends_without_spaces(path):
    """A page leaves them out, and so a fresh run in the browser would differ from it."""
    for output in book.outputs(path):
        if output.output_type == "stream":
            assert not re.search(r" +$", output.text.rstrip("\n")), output.text


@every_notebook
def test_outputs_are_clean(path):
    for output in book.outputs(path):
        assert output.output_type != "error"
        assert output.get("name") != "stderr", output.get("text")
        text = output.get("text") or output.get("data", {}).get("text/plain", "")
        assert len(text.splitlines()) <= 12, text
        if "image/png" not in output.get("data", {}):
            assert not re.search(r"0x[0-9a-f]{6,}|/home|/tmp|/root|/work|site-packages", text), text


@every_notebook
def test_code_cells(path):
    for cell in book.code_cells(path):
        lines = [line for line in cell.source.splitlines() if line.strip()]
        hidden = any(tag.startswith("hide-") for tag in cell.metadata.get("tags", []))
        assert len(lines) <= (25 if hidden else 12), cell.source
        assert not lines[-1].rstrip().endswith(";"), "nbval cannot silence a cell with a semicolon"
        assert not re.search(UNSEEDED, cell.source)
        assert not re.search(r"rcParams|warnings\.|time\.(time|perf)", cell.source)
        assert path.stem in TORCH_CHAPTERS or not re.search(r"\btorch\b", cell.source)


@every_notebook
def test_headings_are_in_order(path):
    levels = [len(line.split()[0]) for line in book.headings(path)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))


@every_notebook
def test_figures_have_alt_text_name_and_caption(path):
    for cell in book.code_cells(path):
        if any("image/png" in output.get("data", {}) for output in cell.outputs):
            assert "mystnb" in cell.metadata, cell.source
            figure, image = cell.metadata["mystnb"]["figure"], cell.metadata["mystnb"]["image"]
            assert re.fullmatch(r"fig-[a-z0-9-]+", figure["name"])
            assert figure["caption"].strip()
            assert 15 <= len(image["alt"].split()) <= 60, image["alt"]
            assert re.search(r"\d", image["alt"]), "alt text states one number"
            markdown = " ".join(c.source for c in book.read(path).cells if c.cell_type == "markdown")
            assert figure["name"] in markdown, f"{figure['name']} is not referred to"


def test_figure_names_and_labels_are_unique():
    names, labels = [], []
    for path in book.NOTEBOOKS:
        names += [
            c.metadata["mystnb"]["figure"]["name"] for c in book.code_cells(path) if "mystnb" in c.metadata
        ]
        labels += labels_of(path)
    assert len(set(names)) == len(names)
    assert len(set(labels)) == len(labels)


def labels_of(path):
    markdown = "\n".join(c.source for c in book.read(path).cells if c.cell_type == "markdown")
    return re.findall(r"\$\$\s*\((eq-[a-z0-9-]+)\)", markdown)


@every_notebook
def test_labelled_equations_have_an_executed_check(path):
    """A cell with an assert names, in a comment `# check: eq-...`, the equations that it checks."""
    checking = "\n".join(c.source for c in book.asserting_cells(path))
    for label in labels_of(path):
        assert re.search(rf"# check:.*\b{label}(?![\w-])", checking), f"{label} has no check beside it"


@every_chapter
def test_displayed_formulas_are_labelled(path):
    markdown = "\n".join(c.source for c in book.read(path).cells if c.cell_type == "markdown")
    assert len(re.findall(r"\$\$", markdown)) == 2 * len(labels_of(path))


@every_notebook
def test_sentences_are_short(path):
    lengths = sorted(len(sentence.split()) for sentence in book.sentences(path))
    assert median(lengths) <= 15
    assert lengths[int(0.9 * len(lengths))] < 28


@every_notebook
def test_no_filler_words(path):
    assert not re.findall(BANNED, book.prose(path), flags=re.I)


@every_notebook
def test_numbers_in_prose_are_pinned(path):
    """A number of three or more digits, or with a decimal point, stands in a cell with an assert, too."""
    asserting = "\n".join(c.source for c in book.asserting_cells(path))
    asserting = re.sub(r"(?<=\d)_(?=\d)", "", asserting)
    text = "\n".join([book.prose(path), *book.tables(path), *book.captions(path)])
    text = re.sub(r"arXiv:[\d.]+|\bfloat\d+|\bint\d+|CC BY [\d.]+|issues? \d+", "", text)
    for number in re.findall(r"(?<![\w.])\d[\d,]*\.?\d*(?![\w])", text):
        plain = number.replace(",", "").rstrip(".")
        if "." in plain or len(plain) > 2:
            assert re.search(rf"(?<![\d.]){re.escape(plain)}(?!\d)", asserting), f"{number} is not pinned"


@every_notebook
def test_two_digits_in_prose_stand_in_code(path):
    """A number of two digits, or the share that it is a percentage of, stands in the page's code, too."""
    code = re.sub(r"(?<=\d)_(?=\d)", "", "\n".join(cell.source for cell in book.code_cells(path)))
    text = "\n".join([book.prose(path), *book.tables(path), *book.captions(path)])
    text = re.sub(r"arXiv:[\d.]+|\bfloat\d+|\bissues? \d+|\d+\(\d+\)|ResNet-50", "", text)
    text = re.sub(
        r"\*\d+ minutes · difficulty|^\|.*\d of 3 \|.*$|^\|  \|.*\| \d\d \|.*$|, 4 and 16,",
        "",
        text,
        flags=re.M,
    )
    for number in re.findall(r"(?<![\w.,])\d\d(?!\w|[.,]\d)", text):
        assert re.search(rf"(?<![\d.])(0\.)?{number}(?!\d)", code), f"{number} is in no code"


def test_the_playground_promises_what_its_exercises_say():
    text = "\n".join(cell.source for cell in book.read(book.BOOK / "playground.ipynb").cells)
    rows = re.findall(r"\| (\d+) \| (\d of 3) \| \{ref\}`(ex-[\w-]+)`", text)
    assert len(rows) == 8
    for minutes, difficulty, label in rows:
        texts = (text for path in book.CHAPTERS for text, _ in blocks(path, "exercise"))
        (text,) = (text for text in texts if f":label: {label}\n" in text)
        assert f"*{minutes} minutes · difficulty {difficulty}" in text, label


@every_chapter
def test_chapter_has_its_parts(path):
    markdown = "\n".join(c.source for c in book.read(path).cells if c.cell_type == "markdown")
    for part in ("**You do**", "**You learn**", "**You need**"):
        assert part in markdown
    titles = [line.lstrip("# ") for line in book.headings(path)]
    assert titles[-3:] == ["What we measured", "Exercises", "Sources"] or all(
        title in titles for title in ("What we measured", "Exercises", "Sources")
    )
    assert markdown.count("**Predict.**") >= 2


@every_chapter
def test_exercises_are_graded_hinted_and_solved(path):
    """4 to 6 exercises, each of a kind, with three hints, a stub or a bug, and a solution."""
    kinds = [kind for _, _, kind, _ in exercises_of(path)]
    assert 4 <= len(kinds) <= 6
    assert {"predict", "derive", "find-the-bug"} <= set(kinds) <= set(KINDS)
    for text, outputs in blocks(path, "exercise"):
        assert [f"Hint {n}" in text for n in (1, 2, 3, 4)] == [True, True, True, False], text[:80]
        assert outputs
        assert "right" not in outputs
        assert "not tried yet" in "".join(outputs) or ":class: find-the-bug" in text, text[:80]
    solutions = blocks(path, "solution")
    assert len(solutions) == len(kinds)
    for text, outputs in solutions:
        assert ":class: dropdown" in text
        assert "report.ok" in text
        assert any(re.search(r"^(.*: )?right\b", output) for output in outputs), (text[:80], outputs)


def blocks(path, what):
    """(text of all cells, outputs as text) from each {what-start} to its {what-end}."""
    found, cells = [], iter(book.read(path).cells)
    for cell in cells:
        if f"{{{what}-start}}" in cell.source:
            inside = [cell]
            while f"{{{what}-end}}" not in inside[-1].source:
                inside.append(next(cells))
            outputs = [output for c in inside for output in c.get("outputs", [])]
            shown = [o.get("text") or o.get("data", {}).get("text/plain", "") for o in outputs]
            found.append(("\n".join(c.source for c in inside), shown))
    return found


def test_the_page_of_exercises_is_current():
    """`python tools/exercises.py` writes it; the scores in it are tested beside the checker."""
    text = PAGE.read_text()
    table = [line.strip("|").split("|") for line in text.splitlines() if line.count("|") == 9]
    (_, *columns), _, *rows, _ = [[cell.strip(" `") for cell in row] for row in table]
    scores = {
        name: {column: int(n.replace(",", "")) for column, n in zip(columns, numbers, strict=True)}
        for name, *numbers in rows
    }
    assert list(scores) == list(EXERCISES)
    assert text == page(scores), "run python tools/exercises.py"


def test_every_checker_is_used_by_the_chapters():
    used = {name for path in book.CHAPTERS for *_, names in exercises_of(path) for name in names}
    assert used >= set(check.__all__) - {"Report"}


MUSEUM_PARTS = (
    "**Find it.**",
    "```{dropdown} Answer",
    "**The checker.**",
    "**The price.**",
    "**The fix.**",
    "# What this room asserts",
    "```{dropdown} Source",
)
NUMBERS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen".split()


def test_the_museum_has_its_parts():
    """Every room: each part once, the answer after its question, and last the folded source, labelled.

    What a room claims of its price and its fix stands in one folded cell of asserts, before the source.
    """
    text = "\n".join(
        cell.source if cell.cell_type == "markdown" else f"```code\n{cell.source}\n```"
        for cell in book.read(book.BOOK / "bug_museum.ipynb").cells
    )
    opening, *rooms = re.split(r"^## ", text, flags=re.M)
    *rooms, closing, _ = rooms
    stated = re.findall(rf"\b({'|'.join(NUMBERS)})\b", opening + closing)
    assert len(stated) >= 2, "opening and closing say how many rooms there are"
    assert {NUMBERS.index(word) + 10 for word in stated} == {len(rooms)}
    labels = re.findall(r"^\((room-\w+)\)=$", text, flags=re.M)
    assert sorted(re.findall(r"^\|.*{ref}`(room-\w+)` \|$", opening, flags=re.M)) == sorted(labels)
    assert len(labels) == len(rooms)
    for room in rooms:
        title = room.splitlines()[0]
        assert [room.count(part) for part in MUSEUM_PARTS] == [1] * len(MUSEUM_PARTS), title
        find, answer, checker, price, fix, pins, source = map(room.find, MUSEUM_PARTS)
        assert room.find("```code") < pins, f"{title}: no code"
        assert find < answer < fix < pins < source, f"{title}: parts out of order"
        assert max(checker, price) < pins, f"{title}: parts out of order"
        asserts = re.findall(r"^assert ", room[pins:source], flags=re.M)
        assert len(asserts) >= 2, f"{title}: price and fix are asserted"
        assert "Read, not run" in room[source:], f"{title}: source unlabelled"


@every_notebook
def test_something_is_asserted(path):
    assert book.asserting_cells(path) or path.stem == "playground"
