"""A Sphinx extension: after the build no page holds a script, names another host, or is needlessly large.

Inline scripts become files, so that a host can forbid them (Content-Security-Policy: script-src 'self').
Taken out are a service for remote kernels, which this book does not use, and icons as a script of 1.5 MB,
which the theme's style sheet has as a font. Pictures get their size, so that nothing moves, and load when
they are near.
"""

import hashlib
import re
import struct
from pathlib import Path

INLINE = re.compile(r"<script(?P<attributes>[^>]*)>(?P<code>.*?)</script>", re.DOTALL)
NOT_USED = re.compile(r"thebe|kernelName|fontawesome\.js", re.IGNORECASE)
HANDLER = re.compile(r' onclick="[^"]*"')
PICTURE = re.compile(r'<img (?P<attributes>[^>]*src="(?P<source>[^"]+\.png)"[^>]*?) ?/?>')


def outside(page, folder):
    """The text of a page with its inline scripts moved into `folder`."""
    up = "../" * (len(page.relative_to(folder.parent.parent).parts) - 1)

    def move(match):
        attributes, code = match["attributes"], match["code"]
        if NOT_USED.search(attributes + code):
            return ""
        if "src=" in attributes or "json" in attributes:
            return match[0]
        name = hashlib.sha256(code.encode()).hexdigest()[:16] + ".js"
        (folder / name).write_text(code, encoding="utf-8")
        return f'<script{attributes} src="{up}{folder.parent.name}/{folder.name}/{name}"></script>'

    def measure(match):
        if "loading=" in match["attributes"]:
            return match[0]
        header = (page.parent / match["source"]).read_bytes()[16:24]
        width, height = struct.unpack(">II", header)  # of a PNG
        return f'<img {match["attributes"]} width="{width}" height="{height}" loading="lazy">'

    text = INLINE.sub(move, page.read_text(encoding="utf-8"))
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
