"""A Sphinx extension: after the build no page holds a script, names another host, or is needlessly large.

Inline scripts become files, so that a host can forbid them (Content-Security-Policy: script-src 'self').
Taken out are a service for remote kernels, which this book does not use, icons as a script of 1.5 MB, which
the theme's style sheet has as a font, and what serves things that are not on the page. Scripts run in
order, when the page is there. Pictures get their size, so that nothing moves, and load when they are near.
"""

import hashlib
import re
import struct
from pathlib import Path

INLINE = re.compile(r"<script(?P<attributes>[^>]*)>(?P<code>.*?)</script>", re.DOTALL)
LINK = re.compile(r"<link(?P<attributes>[^>]*)>\n?")
# Firefox fetches what rel="next" names, against the policy of the site.
NOT_USED = re.compile(r"thebe|kernelName|fontawesome\.js|rel=\"(?:preload|next)\"", re.IGNORECASE)
ONLY_WITH = {  # part of a file's address: what a page has that needs it
    "/katex.min.css": 'class="katex',
    "/mystnb.": 'class="cell',
    "/exercise.css": 'class="exercise',
    "/sphinx-design.": 'class="sd-',
    "/design-tabs.js": 'class="sd-tab-set',
    "/copybutton.": 'class="highlight',
    "/clipboard.min.js": 'class="highlight',
    "/togglebutton.js": "dropdown admonition",
}
HANDLER = re.compile(r' onclick="[^"]*"')
DARK = 'matchMedia("(prefers-color-scheme: dark)").matches'
COLOURS = {  # until the theme's scripts run its mode is "auto", for which it has no colours
    ' data-theme="auto"': ' data-theme="light"',
    '("theme") || "auto"': f'("theme") || ({DARK} ? "dark" : "light")',
}
# Started when the page is there, this script must find the settings that come after it.
TOO_EARLY = re.compile(r"(<script[^>]*/togglebutton\.js[^>]*></script>)(.*?)(?=</head>)", re.DOTALL)
PICTURE = re.compile(r'<img (?P<attributes>[^>]*src="(?P<source>[^"]+\.png)"[^>]*?) ?/?>')


def outside(page, folder):
    """The text of a page with its inline scripts moved into `folder`."""
    up = "../" * (len(page.relative_to(folder.parent.parent).parts) - 1)
    html = page.read_text(encoding="utf-8")
    for no_colours, colours in COLOURS.items():
        html = html.replace(no_colours, colours)

    def needed(tag):
        return not NOT_USED.search(tag) and all(
            thing in html for name, thing in ONLY_WITH.items() if name in tag
        )

    def link(match):
        return match[0] if needed(match["attributes"]) else ""

    def move(match):
        attributes, code = match["attributes"], match["code"]
        if not needed(attributes + code):
            return ""
        if "json" in attributes:
            return match[0]
        if not re.search(r"\b(defer|async|module|cfasync)\b", attributes):  # "cfasync" sets the colours
            attributes = " defer" + attributes
        if "src=" in attributes:
            return f"<script{attributes}></script>"
        name = hashlib.sha256(code.encode()).hexdigest()[:16] + ".js"
        (folder / name).write_text(code, encoding="utf-8")
        return f'<script{attributes} src="{up}{folder.parent.name}/{folder.name}/{name}"></script>'

    def measure(match):
        if "loading=" in match["attributes"]:
            return match[0]
        header = (page.parent / match["source"]).read_bytes()[16:24]
        width, height = struct.unpack(">II", header)  # of a PNG
        return f'<img {match["attributes"]} width="{width}" height="{height}" loading="lazy">'

    text = TOO_EARLY.sub(r"\2\1", LINK.sub(link, INLINE.sub(move, html)))
    return PICTURE.sub(measure, HANDLER.sub("", text))


def rewrite(app, error):
    if error or app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_static" / "inline"
    folder.mkdir(parents=True, exist_ok=True)
    pages = set(Path(app.outdir).rglob("*.html"))
    for other in ("lite", "_static"):
        pages -= set((Path(app.outdir) / other).rglob("*.html"))
    for page in pages:
        page.write_text(outside(page, folder), encoding="utf-8")


def setup(app):
    app.connect("build-finished", rewrite)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
