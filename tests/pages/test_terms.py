"""The index of terms: each leads to the section that teaches it, and the chapters link to it."""

import re
from textwrap import indent

import pytest

pytest.importorskip("nbformat")
anchors = pytest.importorskip("mdit_py_plugins.anchors.index")
import notebook_text as book  # noqa: E402

TEXT = (book.BOOK / "terms.md").read_text(encoding="utf-8")
ENTRY = re.compile(r"^(?P<term>\S.*)\n(?P<body>(?:  .*\n|\n)+)", re.M)
ENTRIES = {match["term"]: match["body"] for match in ENTRY.finditer(TEXT.partition("{glossary}\n")[2])}
LINK = re.compile(r"\[\]\((\w+)\.ipynb#([\w-]+)\)")
every_term = pytest.mark.parametrize("term", ENTRIES)


def names(term):
    """The term and its other names, without the frameworks in brackets."""
    also = re.search(r"^  Also: (.*)\.$", ENTRIES[term], re.M)
    others = re.sub(r" \([^)]*\)|`", "", also[1]).split("; ") if also else []
    return [term, *others]


def section(page, anchor):
    """What stands below a heading, its subsections included."""
    text = "\n".join(
        indent(cell.source, "    ") if cell.cell_type == "code" else cell.source  # a comment is no heading
        for cell in book.read(book.BOOK / f"{page}.ipynb").cells
    )
    headings = list(re.finditer(r"^(#{1,3}) (.*)", text, re.M))
    (at,) = (n for n, heading in enumerate(headings) if anchors.slugify(heading[2]) == anchor)
    start, *later = headings[at:]
    ends = (heading.start() for heading in later if len(heading[1]) <= len(start[1]))
    return text[start.start() : next(ends, len(text))]


def test_the_index_is_in_order_and_of_a_readable_length():
    assert list(ENTRIES) == sorted(ENTRIES, key=str.lower)
    assert 40 <= len(ENTRIES) <= 90


@every_term
def test_a_definition_is_short(term):
    definition = ENTRIES[term].strip().splitlines()[0]
    assert len(re.findall(r"[.?!](?: |$)", definition)) <= 2
    assert len(definition.split()) <= 36


@every_term
def test_a_term_leads_to_where_it_is_taught(term):
    links = LINK.findall(ENTRIES[term])
    assert links
    for page, anchor in links:
        text = section(page, anchor).replace("*", "")
        words = "|".join(map(re.escape, names(term)))
        assert re.search(rf"(?<!\w)({words})(?!\w)", text, re.I), f"{page}#{anchor} has none of: {words}"


def test_chapters_link_to_central_terms():
    used = [
        term.rpartition("<")[2].rstrip(">")
        for path in book.NOTEBOOKS
        for cell in book.read(path).cells
        if cell.cell_type == "markdown"
        for term in re.findall(r"\{term\}`([^`]+)`", cell.source)
    ]
    assert set(used) <= set(ENTRIES), "as the index writes them: the notebook site knows no other form"
    assert len(set(used)) >= 20
