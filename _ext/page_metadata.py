"""A Sphinx extension: what a search engine and a shared link show of a page.

The description is the page's first paragraph, the picture its first figure with its alt text. Addresses
must be whole ones, so they are written only where that of the site is given: make site BOOK_URL=...
"""

import os
from html import escape
from urllib.parse import urljoin

from docutils import nodes

LONGEST = 200  # characters that are shown


def description(doctree):
    """The first paragraph outside boxes, cut at the end of a sentence or, if need be, of a word."""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section):
            text = " ".join(paragraph.astext().split())
            if len(text) <= LONGEST:
                return text
            cut = text[: LONGEST - 2]
            return cut[: cut.rfind(". ") + 1] or cut[: cut.rfind(" ")] + " …"
    return ""


def tags(app, docname, title, doctree):
    """Pairs of a name and a content, for this page."""
    found = {"og:title": title, "og:type": "article", "og:site_name": app.config.html_title}
    if text := description(doctree):
        found |= {"description": text, "og:description": text, "twitter:card": "summary"}
    if site := os.environ.get("BOOK_URL"):
        page = urljoin(site.rstrip("/") + "/", app.builder.get_target_uri(docname))
        found["og:url"] = page
        if image := next(doctree.findall(nodes.image), None):
            found["og:image"] = urljoin(page, image["uri"])
            found["og:image:alt"] = image.get("alt", "")
            found["twitter:card"] = "summary_large_image"
    return found


def add_tags(app, pagename, templatename, context, doctree):
    if doctree is None:  # search, index of terms
        context["metatags"] = context.get("metatags", "") + '<meta name="robots" content="noindex">\n'
        return
    title = nodes.document.next_node(doctree, nodes.title).astext()
    for name, content in tags(app, pagename, title, doctree).items():
        kind = "property" if name.startswith("og:") else "name"
        context["metatags"] += f'<meta {kind}="{name}" content="{escape(content)}">\n'


def setup(app):
    app.connect("html-page-context", add_tags)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
