"""A Sphinx extension: search by Pagefind, in place of Sphinx's own, that leads to the section that teaches.

Every section and every exercise becomes one record: title, chapter, and prose as a reader sees it.
The index of terms says what is taught where, so its words weigh more there than in any other section.
"""

import asyncio
import re
from collections import defaultdict
from pathlib import Path
from unittest.mock import patch

from bs4 import BeautifulSoup
from pagefind.index import PagefindIndex

TERMS = "book/terms"
# What is read on a page and is none of its sentences, and what would give an exercise away.
LEFT_OUT = "a.headerlink, .run-bar, .toctree-wrapper, summary, thead, script, style, div.highlight"
SOLUTION = "div.solution"
IN_A_LINE = {"semantics", "mrow", "mstyle", "mpadded", "mi", "mn", "mo", "mtext", "mspace"}  # of MathML
KEPT = {"pagefind.js", "pagefind-worker.js", "pagefind-entry.json", "wasm.en.pagefind", "fragment", "index"}


def plain(formula):
    """A formula as plain letters, or an ellipsis where letters do not suffice."""
    math = formula.find("math")
    for over in math.select("mover"):
        letter, mark = over.find_all(recursive=False)
        if (
            mark.get_text() in ("^", "\N{MODIFIER LETTER CIRCUMFLEX ACCENT}")
            and len(letter.get_text()) == 1
        ):
            over.replace_with(f"{letter.get_text()}\N{COMBINING CIRCUMFLEX ACCENT}")
    text = math.get_text()
    structured = any(part.name not in IN_A_LINE for part in math.find_all(True))
    return "…" if structured or len(text) > 30 else text


def prose(part):
    """The sentences of a part of a page. It takes the part to pieces."""
    for cell in part.select("div.cell"):
        cell.replace_with(*cell.select("figcaption"))
    for fold in part.select("details"):
        if fold.summary and fold.summary.get_text().strip().startswith("Hint"):
            fold.decompose()
    for element in part.select(LEFT_OUT):
        element.decompose()
    for cell in part.select("td:not(:last-child)"):
        cell.append(" ·")
    for formula in part.select("span.math, div.math"):
        formula.replace_with(" … " if formula.name == "div" else plain(formula))
    return " ".join(part.get_text().replace("#", "").split())


def title_of(part):
    """The words of its heading, which is taken out of it."""
    heading = part.find(["h1", "h2", "h3", "h4", "p"]).extract()
    return re.sub(r"^Exercise \d+ \((.*)\)$", r"Exercise: \1", prose(heading))


def records(html):
    """(id, chapter, title, text) of each section and exercise of a page, without those inside it."""
    article = BeautifulSoup(html, "html.parser").select_one("article.bd-article")
    for solution in article.select(SOLUTION):
        solution.decompose()
    parts = article.select("section[id]:not(#exercise-content), div.exercise[id]")
    chapter = parts[0].find("h1")
    chapter = prose(BeautifulSoup(str(chapter), "html.parser"))
    found = []
    for part in reversed(parts):  # inner parts come after their outer ones
        part.extract()
        found.append((part["id"], chapter, title_of(part), prose(part)))
    return found[::-1]


def taught(html):
    """{page and anchor: {kind: words}} of the index: a term's first place weighs more than further ones."""
    places = defaultdict(lambda: defaultdict(list))
    for entry in BeautifulSoup(html, "html.parser").select("dl.glossary dt"):
        entry.select_one("a.headerlink").decompose()
        body = entry.find_next_sibling("dd")
        also = next((p.get_text() for p in body.find_all("p") if p.get_text().startswith("Also: ")), "")
        names = re.sub(r" \([^)]*\)(?=;|\.$)|\.$", "", also.removeprefix("Also: "))
        first, *further = (places[f"book/{link['href']}"] for link in body.select("a[href*='#']"))
        names = re.sub(r"[=()]+", " ", names)  # or momentum=None would count as another word for momentum
        for place, kind in [(first, ""), *((place, "further_") for place in further)]:
            place[f"{kind}term"].append(entry.get_text())
            place[f"{kind}names"].append(names)
    return places


async def at_once(_, sleep=asyncio.sleep):
    """In place of the 0.1 s for which Pagefind's client sleeps before it reads each of 500 answers."""
    await sleep(0)


async def write(out, pages):
    places = taught((out / f"{TERMS}.html").read_text(encoding="utf-8"))
    async with PagefindIndex({"output_path": str(out / "pagefind")}) as index:
        for page in pages:
            for anchor, chapter, title, text in records((out / page).read_text(encoding="utf-8")):
                url = f"{page}#{anchor}"
                words = {kind: "; ".join(found) for kind, found in places.pop(url, {}).items()}
                if text or words:
                    meta = {"title": title, "chapter": chapter, **words}
                    await index.add_custom_record(url=url, content=text or title, language="en", meta=meta)
    if places:
        raise ValueError(f"the index of terms leads to no section: {list(places)}")


def replace_index(app, error):
    if error or app.builder.format != "html":
        return
    out = Path(app.outdir)
    pages = sorted(app.builder.get_target_uri(name) for name in app.env.found_docs - {TERMS})
    with patch("asyncio.sleep", at_once):
        asyncio.run(write(out, pages))
    for file in (out / "pagefind").iterdir():
        if file.name not in KEPT and file.suffix != ".pf_meta":
            file.unlink()
    for unused in ("searchtools.js", "language_data.js"):
        (out / "_static" / unused).unlink(missing_ok=True)


def leave_out_sphinx_search(app):
    if app.builder.format == "html":
        app.builder.search = False


def search_page(app):
    return [("search", {"title": "Search", "terms": TERMS}, "find.html")]


def add_templates(app, config):
    config.templates_path.append(str(Path(__file__).parent / "templates"))


def setup(app):
    app.connect("config-inited", add_templates)
    app.connect("builder-inited", leave_out_sphinx_search)
    app.connect("html-collect-pages", search_page)
    app.connect("build-finished", replace_index)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
