"""What a reader is told."""

import textwrap
from dataclasses import dataclass, field
from html import escape

EDGE = {
    True: "#009E73",
    False: "#D55E00",
    None: "#767676",
}  # right, wrong, not tried; the words say it, too


@dataclass(frozen=True)
class Report:
    """The verdict on an answer: `ok`, the ids of `misconceptions`, and a text of few lines."""

    ok: bool
    text: str
    misconceptions: list = field(default_factory=list)

    def __repr__(self):
        return "\n".join(
            textwrap.fill(line, 100, subsequent_indent="    ", break_long_words=False) if line else ""
            for line in self.text.splitlines()
        )

    def _repr_html_(self):
        """The same lines as paragraphs, for notebooks; text and ground stay those of the page."""
        edge = EDGE[None if self.text == "not tried yet" else self.ok]
        lines = "".join(f'<p style="margin: 0.2em 0">{marked(line)}</p>' for line in self.text.splitlines())
        style = f"border-left: 5px solid {edge}; padding: 0.1em 0 0.1em 0.8em"
        return f'<div class="bnlib-report" style="{style}">{lines}</div>'


def marked(line):
    """A line in HTML, its label in bold: what stands before the first colon, or a line of one word."""
    label, colon, rest = line.partition(": ")
    if not colon:
        return f"<strong>{escape(line)}</strong>" if len(line) < 20 else escape(line)
    return f"<strong>{escape(label)}:</strong> {escape(rest)}"


def apart(one, other):
    """Two numbers in as many digits as tell them apart, 4 at least."""
    for digits in (4, 6, 8, 17):
        texts = f"{one + 0:.{digits}g}", f"{other + 0:.{digits}g}"  # + 0: no -0
        if texts[0] != texts[1]:
            break
    return texts
