"""Formulas: every one of the book can be drawn, and a built page has what Sphinx promises of them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytest.importorskip("nbformat")
pytest.importorskip("py_mini_racer")
pytest.importorskip("sphinx")
import formulas  # noqa: E402
import notebook_text as book  # noqa: E402

CODE = re.compile(
    r"^ *(`{3,})[a-z].*?^ *\1|(?<!`)`[^`\n]+`", re.M | re.S
)  # a fence with a language, or a word
FORMULA = re.compile(r"\$\$(?P<display>.+?)\$\$|(?<!\\)\$(?P<inline>[^$]+)\$", re.S)
TAG = re.compile(r"<[^>]+>")


def markdown(path):
    """What is read as Markdown: the cells of a notebook and its captions, or the whole file."""
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    cells = [cell.source for cell in book.read(path).cells if cell.cell_type == "markdown"]
    return "\n\n".join([*cells, *book.captions(path)])


PAGES = [*book.NOTEBOOKS, *sorted(book.BOOK.glob("*.md"))]
FORMULAS = {path.name: list(FORMULA.finditer(CODE.sub("", markdown(path)))) for path in PAGES}


@pytest.mark.parametrize("name", [name for name in FORMULAS if FORMULAS[name]])
def test_every_formula_of_the_book_can_be_drawn(name):
    for found in FORMULAS[name]:
        markup = formulas.drawn(found["display"] or found["inline"], bool(found["display"]))
        assert markup.count("<math") == markup.count('class="katex-html" aria-hidden="true"') == 1
        assert "annotation" not in markup


def test_formulas_are_found():
    assert sum(map(len, FORMULAS.values())) > 900


def test_rows_of_one_column_have_no_empty_spacing():
    assert "<mtable" in (rows := formulas.drawn(r"\begin{split}a \\ b\end{split}", True))
    assert 'spacing=""' not in rows


@pytest.mark.parametrize(
    "wrong",
    [
        r"\frac{a}",  # an argument is missing
        r"\nonsense",
        r"\begin{split} a \\ b",
        "a % b",  # LaTeX would stop here: strict
        "é",
    ],
)
def test_a_wrong_formula_is_an_error(wrong):
    with pytest.raises(ValueError, match=r"KaTeX|LaTeX"):
        formulas.drawn(wrong, True)


PAGE = r"""
# Title

Inline $a < b$, and {eq}`eq-first`.

$$a = b$$ (eq-first)

$$
a &= b \\
c &= d
$$

```{math}
:label: eq-second
a &= b

c &= d
```

\begin{align}
e &= f
\end{align}

```{math}
:nowrap: true
\begin{gather} g \\ h \end{gather}
```

## Heading $H_0$

| $t$ |
|-----|
| $u$ |

```{figure} a.png
Caption $v$
```
"""


CONFIG = """
extensions = ["myst_parser", "formulas"]
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_update_mathjax = False
html_theme = "basic"
"""


def build(folder, page):
    """What Sphinx says when it builds a page with this extension, warnings as errors, and the HTML."""
    (folder / "conf.py").write_text(CONFIG)
    (folder / "index.md").write_text(page, encoding="utf-8")
    (folder / "a.png").write_bytes(b"\x89PNG")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-n", folder, folder / "html"]
    with_extensions = os.environ | {"PYTHONPATH": str(ROOT / "_ext")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=with_extensions)
    built = folder / "html" / "index.html"
    return done.stderr, built.read_text(encoding="utf-8") if built.exists() else ""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    complaints, text = build(tmp_path_factory.mktemp("formulas"), PAGE)
    assert complaints == ""
    return text


def test_a_page_has_every_formula(page):
    shown = TAG.sub("", page)
    assert page.count('class="katex-html"') == page.count("<math ") == 11  # the heading twice
    assert page.count('class="katex-display"') == 5
    assert "\\" not in shown.replace("\\u", "")
    assert "annotation" not in page
    assert "mathjax" not in page.lower()


def test_numbers_and_links(page):
    for number, label in ((1, "eq-first"), (2, "eq-second")):
        div = page[page.index(f'id="equation-{label}"') :]
        start = f'class="eqno">({number})<a class="headerlink" href="#equation-{label}"'
        assert start in div[:200]
    assert re.search(r'href="#equation-eq-first">\(1\)</a>', page)
    assert "eqn-num" not in page, "KaTeX counts, too"


def test_an_error_names_the_page(tmp_path):
    complaints, text = build(tmp_path, "# Title\n\nwords\nand $\\nonsense$.\n")
    assert text == ""
    assert "Formula error" in complaints
    assert re.search(r"index\.md:\d+: KaTeX parse error: .*nonsense", complaints)
