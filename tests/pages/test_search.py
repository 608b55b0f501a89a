"""What the search knows of a page: its sections as they are read, and where the index of terms leads."""

import pytest

pytest.importorskip("bs4")
pytest.importorskip("pagefind")
import search

PAGE = r"""
<nav>not this</nav><article class="bd-article">
<section id="page"><h1>A <em>page</em><a class="headerlink" href="#page">#</a></h1>
<div class="run-bar"><button>Run this page</button></div>
<p>The momentum {beta} of {formula}.</p>
<section id="inner"><h2>Inner<a class="headerlink" href="#inner">#</a></h2>
<p>Sentence <a class="reference" href="#x">(7)</a>.</p>
<div class="math" id="equation-x">{displayed}</div>
<div class="cell"><div class="cell_input"><pre>import numpy as np</pre></div>
<figure><img src="a.png"><figcaption><p>Fig. 1 Ink.</p></figcaption></figure></div>
<details class="sd-dropdown"><summary>Answer</summary><p>Four.</p></details>
<div class="exercise" id="ex-one"><p class="admonition-title">Exercise 3 (Try it)</p>
<section id="exercise-content"><p>Do it.</p></section></div>
<details class="sd-dropdown"><summary>Hint 1</summary><p>Given away.</p></details>
<div class="solution" id="ex-one-solution"><p>Given away, too.</p></div>
</section></section></article>
"""


def formula(mathml, letters="seen a second time"):
    """A formula as _ext/formulas.py writes it: once for a screen reader, once for the eye."""
    heard = f'<span class="katex-mathml"><math><semantics><mrow>{mathml}</mrow></semantics></math></span>'
    seen = f'<span class="katex-html" aria-hidden="true">{letters}</span>'
    return f'<span class="math"><span class="katex">{heard}{seen}</span></span>'


PAGE = PAGE.format(
    beta=formula("<mi>β</mi>"),
    formula=formula("<mi>m</mi><mo>+</mo><mn>1</mn>"),
    displayed=formula("<mfrac><mn>1</mn><mi>m</mi></mfrac>"),
)
INDEX = """
<dl class="glossary"><dt id="term-a">momentum<a class="headerlink" href="#term-a">#</a></dt>
<dd><p>A weight.</p><p>Also: decay (Caffe, other way round); <code>momentum=None</code>.</p>
<p>See <a href="page.html#inner">Inner</a>, <a href="page.html#page">A page</a>.</p></dd></dl>
"""


def test_sections_are_told_apart_and_read_as_prose():
    assert search.records(PAGE) == [
        ("page", "A page", "A page", "The momentum β of m+1."),
        ("inner", "A page", "Inner", "Sentence (7). … Fig. 1 Ink. Four."),
        ("ex-one", "A page", "Exercise: Try it", "Do it."),
    ]


@pytest.mark.parametrize(
    ("mathml", "words"),
    [
        ("<mover accent='true'><mi>x</mi><mo>^</mo></mover>", "x\u0302"),
        ("<mo>(</mo><mi>N</mi><mo>,</mo><mi>C</mi><mo>)</mo>", "(N,C)"),
        ("<msup><mn>10</mn><mn>5</mn></msup>", "…"),
        ("<mi>x</mi>" * 31, "…"),
    ],
)
def test_a_formula_is_letters_or_left_out(mathml, words):
    assert search.plain(search.BeautifulSoup(formula(mathml), "html.parser")) == words


def test_the_index_says_where_its_words_weigh_more():
    assert search.taught(INDEX) == {
        "book/page.html#inner": {"term": ["momentum"], "names": ["decay; momentum None"]},
        "book/page.html#page": {"further_term": ["momentum"], "further_names": ["decay; momentum None"]},
    }
