"""A Sphinx extension: after the build, no page holds a script of its own or names another host's.

Inline scripts become files, so that a host can forbid them (Content-Security-Policy: script-src 'self').
The parts of a service for remote kernels, which the theme puts into each page and this book does not use,
are taken out.
"""

import hashlib
import re
from pathlib import Path

INLINE = re.compile(r"<script(?P<attributes>[^>]*)>(?P<code>.*?)</script>", re.DOTALL)
REMOTE_KERNELS = re.compile(r"thebe|kernelName", re.IGNORECASE)
HANDLER = re.compile(r' onclick="[^"]*"')


def outside(page, folder):
    """The text of a page with its inline scripts moved into `folder`."""
    up = "../" * (len(page.relative_to(folder.parent.parent).parts) - 1)

    def move(match):
        attributes, code = match["attributes"], match["code"]
        if REMOTE_KERNELS.search(attributes + code):
            return ""
        if "src=" in attributes or "json" in attributes:
            return match[0]
        name = hashlib.sha256(code.encode()).hexdigest()[:16] + ".js"
        (folder / name).write_text(code, encoding="utf-8")
        return f'<script{attributes} src="{up}{folder.parent.name}/{folder.name}/{name}"></script>'

    return HANDLER.sub("", INLINE.sub(move, page.read_text(encoding="utf-8")))


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
