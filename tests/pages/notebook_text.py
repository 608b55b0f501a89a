"""The book as the lint sees it: notebooks, their cells, and the plain sentences of their prose."""

import ast
import re
from functools import cache
from pathlib import Path

import nbformat

BOOK = Path(__file__).parents[2] / "book"
NOTEBOOKS = sorted(BOOK.glob("*.ipynb"))
APART = "intro", "playground", "bug_museum", "conventions"  # no exercises of their own, and other parts
CHAPTERS = [path for path in NOTEBOOKS if path.stem not in APART]


@cache
def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(path):
    return [cell for cell in read(path).cells if cell.cell_type == "code" and cell.source.strip()]


def asserting_cells(path):
    """Code cells with an assert whose test is no constant, read by the parser, not by the eye."""
    return [cell for cell in code_cells(path) if any(map(is_a_test, ast.walk(ast.parse(cell.source))))]


def is_a_test(node):
    return isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant)


def asserts_of(cell):
    return [node for node in ast.walk(ast.parse(cell.source)) if is_a_test(node)]


def cells_in_sight(path, before=None):
    """Code cells that are not folded, up to a heading if one is given."""
    found = []
    for cell in read(path).cells:
        if before and cell.cell_type == "markdown" and re.search(rf"^## {before}$", cell.source, re.M):
            break
        folded = any(tag.startswith(("hide-", "remove-")) for tag in cell.metadata.get("tags", []))
        if cell.cell_type == "code" and cell.source.strip() and not folded:
            found.append(cell)
    return found


def outputs(path):
    return [output for cell in code_cells(path) for output in cell.outputs]


def prose(path):
    """The markdown of a notebook without code, formulas, directives, links' targets and tables."""
    text = "\n\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    text = re.sub(r"\$\$.*?\$\$(\s*\([\w-]+\))?", " FORMULA ", text, flags=re.S)
    text = re.sub(r"\$[^$\n]+\$", "FORMULA", text)
    text = re.sub(r"\{[\w:]+\}`[^`]*`", "REFERENCE", text)
    text = re.sub(r"`[^`\n]+`", "CODE", text)
    text = re.sub(r"^\s*(`{3,}|:{3,}).*$|^:[\w-]+:.*$|^\s*\|.*$|^\s*\([\w-]+\)=\s*$", "", text, flags=re.M)
    return re.sub(r"\]\([^)]*\)", "]", text)


def tables(path):
    """The rows of the tables, without code, formulas and references."""
    lines = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown").splitlines()
    rows = [line for line in lines if line.lstrip().startswith("|")]
    return [re.sub(r"`[^`]*`|\$[^$]*\$|\{[\w:]+\}", "", row) for row in rows]


def captions(path):
    """The captions and alternative texts of the figures."""
    figures = [cell.metadata["mystnb"] for cell in code_cells(path) if "mystnb" in cell.metadata]
    return [text for figure in figures for text in (figure["figure"]["caption"], figure["image"]["alt"])]


def sentences(path):
    """Sentences of running text and list items, headings left out."""
    return [sentence for paragraph in paragraphs(path) for sentence in paragraph]


def paragraphs(path):
    """The same, in the paragraphs and list items that they stand in."""
    found = []
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.)\s)|(?<=\n)(?=#)", prose(path)):
        paragraph = re.sub(r"^\s*(?:[-*]|\d+\.)\s+", "", paragraph.strip())
        if not paragraph.startswith("#"):
            found.append([s for s in re.split(r"(?<=[.!?:])\s+", paragraph) if len(s.split()) > 2])
    return found


def words_before(path, heading):
    """The words of running text up to a heading."""
    return re.split(rf"^## {heading}$", prose(path), flags=re.M)[0].split()


def headings(path):
    cells = [cell.source for cell in read(path).cells if cell.cell_type == "markdown"]
    return [line for source in cells for line in source.splitlines() if re.match(r"#{1,6} ", line)]


def minutes(path):
    """How long a chapter takes to read, without its exercises, to five minutes.

    Technical prose is read at some 150 words a minute, and a line of code in sight takes four seconds.
    """
    words = 0
    for cell in read(path).cells:
        if cell.source.startswith("## Exercises"):
            break
        if cell.cell_type == "markdown":
            words += len(re.sub(r"[|$`{}:*#-]", " ", cell.source).split())
    lines = [line for cell in cells_in_sight(path, before="Exercises") for line in cell.source.splitlines()]
    return 5 * round((words / 150 + len([line for line in lines if line.strip()]) / 15) / 5)
