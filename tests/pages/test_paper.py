"""The book on paper: what the LaTeX of a small book says."""

import re

import pytest

nbformat = pytest.importorskip("nbformat")
application = pytest.importorskip("sphinx.application")
for module in ("myst_nb", "sphinx_design", "sphinx_exercise", "sphinx_jupyterbook_latex"):
    pytest.importorskip(module)

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::PendingDeprecationWarning"
)  # of Sphinx's extensions

PAGES = {
    "intro.md": r"""# Title

See {doc}`book/first`, {doc}`the playground <book/playground>` and {eq}`eq-last`.

(why)=
## Why

```{toctree}
:hidden:
:numbered: 1

book/first
```

```{toctree}
:hidden:

book/terms
book/bibliography
book/playground
```
""",
    "book/terms.md": """# Terms

```{glossary}
norm
  See {doc}`first`.

other
  See {doc}`first` and [](../intro.md#title).
```
""",
    "book/bibliography.rst": "Bibliography\n============\n\nAs [Key]_ has it.\n\n.. [Key] An entry.\n",
    "book/playground.md": "# Playground\n\nClick here.\n",
}
CELLS = [  # text, or code with tags and what it printed
    r"""# First

$$ a $$ (eq-one)

Here is {eq}`eq-one`, here again {eq}`eq-one` (and {ref}`exercises`), and a {term}`norm`: μ, 手算.

(exercises)=
## Exercises

```{exercise-start} Count
:label: ex-count
```

How many?
""",
    ("known = 3", "hide-cell", ""),
    ("check.answer(guess, known)", None, "not tried yet"),
    r"""```{dropdown} Hint 1
By {eq}`eq-one`, and {ref}`exercises`.
```

```{exercise-end}
```

```{solution-start} ex-count
```

Three, for {ref}`why` and {ref}`exercises`.

$$ b $$ (eq-inside)
""",
    ("check.answer(3, known)", None, "right"),
    "```{solution-end}\n```\n",
    ("assert known == 3", "hide-input", ""),
    "$$ c $$ (eq-last)",
]


def notebook():
    cells = []
    for cell in CELLS:
        if isinstance(cell, str):
            cells.append(nbformat.v4.new_markdown_cell(cell))
            continue
        source, tag, printed = cell
        outputs = [nbformat.v4.new_output("stream", text=printed)] if printed else []
        metadata = {"tags": [tag] if tag else []}
        cells.append(nbformat.v4.new_code_cell(source, outputs=outputs, metadata=metadata))
    return nbformat.v4.new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    """The LaTeX of the body."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("out")
    (source / "book").mkdir()
    for name, text in PAGES.items():
        (source / name).write_text(text, encoding="utf-8")
    nbformat.write(notebook(), source / "book" / "first.ipynb")
    config = {
        "root_doc": "intro",
        "extensions": [
            "myst_nb",
            "sphinx_design",
            "sphinx_exercise",
            "sphinx_jupyterbook_latex",
            "paper",
        ],
        "myst_heading_anchors": 1,
        "myst_enable_extensions": ["dollarmath"],
        "nb_execution_mode": "off",
        "suppress_warnings": ["myst-nb.lexer"],
        "numfig": True,
        "copyright": "2026",
        "latex_documents": [("intro", "book.tex", "Title", "", "manual")],
    }
    app = application.Sphinx(source, None, out, out, "latex", config, status=None, warningiserror=True)
    app.build()
    assert app.statuscode == 0
    return (out / "book.tex").read_text(encoding="utf-8").partition(r"\begin{document}")[2]


def between(text, start, end):
    return text.partition(start)[2].partition(end)[0]


def test_hints_and_solutions_come_last(paper):
    chapter, solutions = paper.split(r"\chapter{Hints and solutions}")
    exercise = between(chapter, r"\begin{sphinxadmonition}", r"\end{sphinxadmonition}")
    solution = between(solutions, r"\begin{sphinxadmonition}", r"\end{sphinxadmonition}")
    assert "How many?" in exercise
    assert "guess" in exercise
    for secret in (r"\begin{folded}", "Hint 1", "Three", "not tried yet"):
        assert secret not in exercise
    assert (
        solution.index("Hint 1.") < solution.index(r"\begin{folded}") < solution.index("Solution.} Three")
    )
    assert "right" in solution
    assert r"\section{1 First}" in solutions


def test_exercise_and_solution_name_each_others_page(paper):
    chapter, solutions = paper.split(r"\chapter{Hints and solutions}")
    (there,) = re.findall(r"Hints and solution: page~\\pageref\{\\detokenize\{(.*?)\}\}", chapter)
    (back,) = re.findall(r"Exercise 1 \(Count\), page~\\pageref\{\\detokenize\{(.*?)\}\}", solutions)
    assert f"label{{{there}}}" in solutions
    assert rf"\label{{\detokenize{{{back}}}}}" in chapter


def test_a_formula_that_moves_keeps_its_number(paper):
    """In LaTeX each formula takes the next number; the pages count in their own order."""
    number, numbers = 0, {}
    for setting, _, label in re.findall(
        r"\\setcounter\{equation\}\{(\d+)\}|\\(stepcounter)\{equation\}|\\label\{equation:\S+?:(eq-\w+)\}",
        paper,
    ):
        number = int(setting) if setting else number + 1
        if label:
            numbers[label] = number
    assert numbers == {"eq-one": 1, "eq-inside": 2, "eq-last": 3}


def test_a_link_inside_a_solution_leads_where_it_led(paper):
    solutions = paper.split(r"\chapter{Hints and solutions}")[1]
    targets = re.findall(r"\\hyperref\[\\detokenize\{(.*?)\}\]", solutions)
    assert targets == ["book/first:exercises", "intro:why", "book/first:exercises"]
    for target in targets:
        assert rf"\label{{\detokenize{{{target}}}}}" in paper


def test_the_first_page_keeps_its_label(paper):
    """Its title is set by hand."""
    assert r"\hyperref[\detokenize{intro:title}]" in paper
    assert r"\label{\detokenize{intro:title}}" in paper


def test_pages_in_references(paper):
    sentence = between(paper, "Here is", "手").partition("norm")[0]
    assert sentence.count(r"\onpage") == 2  # of three references: one is the first one, again
    assert re.search(r"\(\\ref\{equation:book/first:eq-one\}\\onpage\{\d+\}\{.*?\}\{, \}\{\}\)", sentence)
    assert re.search(r"\\onpage\{\d+\}\{\\detokenize\{book/first:exercises\}\}\{, \}\{\}\)", sentence)
    assert r"{\detokenize{book/first::doc}}{ (}{)}" in between(paper, "See", ".")
    numbers = re.findall(r"\\onpage\{(\d+)\}", paper)
    assert len(numbers) == len(set(numbers))
    assert (
        between(paper, r"\chapter{Terms}", r"\chapter").count(r"\onpage") == 3
    )  # one an entry, and the first page
    assert "book/terms" not in "".join(re.findall(r"\\onpage\{\d+\}\{(.*?\}?)\}", paper))


def test_only_chapters_with_a_number_on_the_screen_have_one(paper):
    def setting(title):
        return paper.partition(rf"\chapter{{{title}}}")[0].rpartition(r"\setcounter{secnumdepth}")[2]

    assert setting("First").startswith(r"{0}\setcounter{chapter}{0}")
    assert setting("Terms").startswith("{-1}")
    assert setting("Hints and solutions").startswith("{-1}")


def test_the_entries_of_the_bibliography_are_in_its_chapter(paper):
    assert "An entry." in between(paper, r"\chapter{Bibliography}", r"\chapter{")


def test_what_is_left_out(paper):
    assert "Click here" not in paper
    assert "Playground" not in paper
    assert "book/playground" not in paper
    assert "the playground" in paper


def test_what_was_folded_is_small(paper):
    folded = re.findall(r"\\begin\{folded\}(.*?)\\end\{folded\}", paper, flags=re.S)
    assert [("known" in part, "assert" in part) for part in folded] == [(True, True), (True, False)]


def test_letters_of_other_fonts(paper):
    assert r"{\greekfont μ}, {\chinesefont 手算}." in paper
