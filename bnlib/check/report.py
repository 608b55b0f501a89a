"""What a reader is told."""

import textwrap
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from bnlib.check.library import TITLES

EDGE = {"right": "#009E73", "wrong": "#D55E00", "untried": "#767676"}  # the words say it, too


@dataclass(frozen=True)
class Report:
    """The verdict on an answer. A notebook shows its text; `print` does, too.

    Parameters
    ----------
    ok : bool
        Whether the answer is right. An untouched stub is not.
    text : str
        Few lines: "right", "not tried yet", or what is right already, what is wrong, and where to read.
    misconceptions : list of str
        What was recognised: ids of mistakes in the eight known functions, or the sentences of `mistakes`.
    bare : str
        The text without what was recognised, for `unnamed`.

    Examples
    --------
    >>> from bnlib import check
    >>> report = check.answer(9.0, 3.0)
    >>> report.ok, report.misconceptions
    (False, ['this is the square of it'])
    >>> report
    wrong: got 9, wanted 3; too large by a factor of 3
    perhaps: this is the square of it
    """

    ok: bool
    text: str
    misconceptions: list = field(default_factory=list)
    bare: str = ""

    def unnamed(self):
        """The report that shows where it is wrong, and names no mistake: for code whose bug is to be found.

        Examples
        --------
        >>> from bnlib import check
        >>> check.answer(4, 3.5, mistakes={"4 is the mean; the median is asked for.": 4}).unnamed()
        wrong: got 4; too large by a factor of 1.14
        """
        return Report(self.ok, self.bare or self.text)

    def __repr__(self):
        return "\n".join(
            textwrap.fill(line, 100, subsequent_indent="    ", break_long_words=False) if line else ""
            for line in self.text.splitlines()
        )

    def _repr_html_(self):
        """The same lines as paragraphs, for notebooks; text and ground stay those of the page."""
        verdict = "untried" if self.text == "not tried yet" else "right" if self.ok else "wrong"
        lines = "".join(
            f'<p style="margin: 0.2em 0">{to_html(line)}</p>' for line in self.text.splitlines()
        )
        style = f"border-left: 5px solid {EDGE[verdict]}; padding: 0.1em 0 0.1em 0.8em"
        return f'<div class="bnlib-report" data-verdict="{verdict}" style="{style}">{lines}</div>'


def to_html(line):
    """A line in HTML, its label in bold: what stands before the first colon, or a line of one word."""
    label, colon, rest = line.partition(": ")
    if not colon:
        return f"<strong>{escape(line)}</strong>" if len(line) < 20 else escape(line)
    rest = escape(rest)
    for chapter, title in TITLES.items() if label == "see" else ():
        rest = rest.replace(title, link_chapter(chapter, title))
    return f"<strong>{escape(label)}:</strong> {rest}"


def lines_to(see):
    """The last line of a report, in a list, where an exercise gives the chapter that treats it.

    Raises ValueError if `see` is no chapter.
    """
    if see is not None and see not in TITLES:
        raise ValueError(f"see must be one of {', '.join(TITLES)}, got {see!r}")
    return [f"see: {TITLES[see]}"] if see else []


def link_chapter(chapter, title):
    """A chapter's title: a link on the notebook site, where files have numbers; the book makes one."""
    for notebook in Path().glob(f"[0-9][0-9]_{chapter}.ipynb"):
        return f'<a href="{notebook.name}">{title}</a>'
    return f'<span data-chapter="{chapter}">{title}</span>'


def format_distinct(one, other, write=None):
    """Two numbers, or what `write` writes out, in as many digits as tell them apart, 4 at least."""
    write = write or format_number
    for digits in (4, 6, 8, 17):
        texts = write(one, digits), write(other, digits)
        if texts[0] != texts[1]:
            break
    return texts


def format_number(number, digits):
    """In so many digits; a large number, below a million million, is written out: 53,173."""
    text = f"{number + 0:.{digits}g}"  # + 0: no -0
    return f"{number:,.0f}" if "e+" in text and abs(number) < 1e12 else text
