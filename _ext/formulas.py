"""A Sphinx extension: KaTeX draws the formulas while the book is built, so a page needs no script for them.

Each formula is there twice: as MathML, which a screen reader reads, and as boxes of letters, which are seen
(class "katex-html", hidden from screen readers). The class of the whole is "math".
"""

import atexit
import re
from functools import cache, lru_cache
from pathlib import Path

from docutils import nodes
from py_mini_racer import MiniRacer
from sphinx.errors import SphinxError
from sphinx.locale import _
from sphinx.util.math import get_node_equation_number

KATEX = Path(__file__).parent.parent / "tools" / "katex" / "katex.min.js"
RENDER = """(tex, displayMode) => {
  try {
    return { html: katex.renderToString(tex, { displayMode, strict: "error" }) };
  } catch (error) {
    return { error: error.message };
  }
}"""
SOURCE = re.compile("<annotation .*?</annotation>", re.DOTALL)  # the formula a third time, as TeX
NUMBERED = re.compile(r"(\\(?:begin|end)\{(?:equation|align|alignat|gather))\}")


class FormulaError(SphinxError):
    category = "Formula error"


@lru_cache
def engine():
    """A JavaScript engine that knows the function `render`."""
    javascript = MiniRacer()
    atexit.register(javascript.close)  # left open, it can wait for ever when Python ends
    javascript.eval(KATEX.read_text(encoding="utf-8"))
    javascript.eval(f"const render = {RENDER}")
    return javascript


@cache
def drawn(tex, display=False):
    """The markup of a formula; ValueError says what is wrong with it."""
    answer = engine().call("render", tex, display)
    if "error" in answer:
        raise ValueError(answer["error"])
    return SOURCE.sub("", answer["html"]).replace(' columnspacing=""', "")  # Firefox warns of an empty one


def display_tex(node):
    """What Sphinx makes of a display: an empty line or two backslashes begin a new line, & aligns."""
    text = node.astext()
    if node["nowrap"]:
        return NUMBERED.sub(r"\1*}", text)  # the number is Sphinx's
    parts = [part for part in text.split("\n\n") if part.strip()]
    parts = [rf"\begin{{split}}{part}\end{{split}}" if r"\\" in part else part for part in parts]
    if len(parts) == 1:
        return parts[0]
    return r"\begin{aligned}" + r"\\".join(parts) + r"\end{aligned}"


def write(translator, node, tex, display):
    try:
        translator.body.append(drawn(tex, display))
    except ValueError as error:
        place = f"{node.source or translator.builder.current_docname}:{node.line or ''}"
        raise FormulaError(f"{place}: {error}\n{tex}") from error


def visit_math(self, node):
    self.body.append(self.starttag(node, "span", "", CLASS="math notranslate nohighlight"))
    write(self, node, node.astext(), display=False)
    self.body.append("</span>")
    raise nodes.SkipNode


def visit_displaymath(self, node):
    self.body.append(self.starttag(node, "div", CLASS="math notranslate nohighlight"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, _("Link to this equation"))
        self.body.append("</span>")
    write(self, node, display_tex(node), display=True)
    self.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("katex", (visit_math, None), (visit_displaymath, None))
    return {"parallel_read_safe": True, "parallel_write_safe": False}  # a forked engine stands still
