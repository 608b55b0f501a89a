"""Write book/exercises.md: every exercise of the book in one list, and the checker's score.

python tools/exercises.py
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat

from bnlib.check.library import MISCONCEPTIONS

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "book" / "exercises.md"
SCORER = ROOT / "tests" / "checker" / "checker_score.py"
KINDS = {"predict": "predict", "write": "write", "derive": "derive", "find-the-bug": "find the bug"}
INTRODUCTION = """# Exercises

Every chapter has exercises that answer back; the appendices have none.
Type your function into the cell, run it, and a report tells three things: what is right already, what is
wrong, on an example small enough to follow by hand, and where the book treats it.
Each exercise has three hints and a solution. Read one at a time.

An untouched exercise says "not tried yet".
Where you are asked to find the bug in a function, the report on it shows wrong numbers, and keeps its name
back.
To try the eight functions of the checker in one place, open the [playground](playground.ipynb).
"""
SCORE = """## How well does the checker know a mistake?

A checker can fail in two ways. It may accept wrong code, and it may refuse right code.
So it is tested for both.
Its library holds {mistakes} mistakes in seven exercises.
Of these, {sourced} carry a public place where they were made.
Each is tried alone, and with every other one that changes another line: {pairs} pairs.
Every one is refused.

Alone, each is named.
In a pair, both are named, with an exception: one mistake can hide another, and two can add up to a third.
Then several explanations have the same results, and the checker names the simplest.
The last columns count right code in different styles: loops, einsum, staged steps, matrices, float32,
torch tensors, and others.
All of it is accepted.

{table}

The eighth function, `check.gradient_test`, scores a test of your own against the wrong backward passes.
The chapter [](testing_gradients.ipynb) is about it.

A mistake that the library does not hold is refused, too, if its numbers are wrong on one of eight inputs.
The report then says what the numbers show: a constant factor, a term that is missing, a Jacobian that
should be symmetric.
"""


def exercises_of(path):
    """(label, title, kind, checkers) of every exercise of a chapter, in its order."""
    cells = nbformat.read(path, as_version=4).cells
    found = []
    for number, cell in enumerate(cells):
        start = re.search(r"\{exercise-start\} (.+)\n:label: (\S+)\n:class: (\S+)", cell.source)
        if cell.cell_type == "markdown" and start:
            end = next(n for n, c in enumerate(cells) if n > number and "{exercise-end}" in c.source)
            code = "\n".join(c.source for c in cells[number:end] if c.cell_type == "code")
            found.append(
                (start[2], start[1], start[3], list(dict.fromkeys(re.findall(r"\bcheck\.(\w+)", code))))
            )
    return found


def title_of(path):
    """The first heading of a notebook."""
    return nbformat.read(path, as_version=4).cells[0].source.splitlines()[0].lstrip("# ")


def lists():
    """A table of exercises for each chapter, in the order of the contents."""
    names = re.findall(r"file: book/(\w+)", (ROOT / "_toc.yml").read_text())
    for path in (ROOT / "book" / f"{name}.ipynb" for name in names):
        found = exercises_of(path) if path.exists() else []
        if found:
            yield f"## [{title_of(path)}]({path.name})\n"
            yield "| Exercise | Kind | Checked by |\n| --- | --- | --- |"
            for label, title, kind, checkers in found:
                by = ", ".join(f"`check.{name}`" for name in checkers)
                yield f"| {{ref}}`{title} <{label}>` | {KINDS[kind]} | {by} |"
            yield ""


def table(scores):
    """The checker's scores as a table, with a last row of sums."""
    columns = list(next(iter(scores.values())))
    yield f"| exercise | {' | '.join(columns)} |\n|{' --- |' * (len(columns) + 1)}"
    total = {column: sum(score[column] for score in scores.values()) for column in columns}
    for name, score in (*((f"`{name}`", score) for name, score in scores.items()), ("all", total)):
        yield f"| {name} | {' | '.join(f'{score[column]:,}' for column in columns)} |"


def page(scores):
    """The whole page, from the scores of the exercises by name."""
    sourced = sum("no public source" not in entry.source for entry in MISCONCEPTIONS.values())
    pairs = sum(score["pairs"] for score in scores.values())
    words = SCORE.format(
        mistakes=len(MISCONCEPTIONS), sourced=sourced, pairs=f"{pairs:,}", table="\n".join(table(scores))
    )
    return "\n".join([INTRODUCTION, *lists(), words])


def main():
    PAGE.write_text(page(json.loads(subprocess.check_output([sys.executable, SCORER]))))


if __name__ == "__main__":
    main()
