"""A Sphinx extension: "Run this page", where the runtime of tools/runtime.py has been fetched.

Under each title it writes a bar. In a chapter that runs in the browser, assets/run/page.js puts a button
into it; a chapter that needs torch says why it does not run. Without the runtime the book is built as if
this file were not there.
"""

import shutil
import sys
from html import escape
from pathlib import Path

from docutils import nodes

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import runtime  # noqa: E402
from lite_notebooks import data_files, file_name, page, runs_in_a_browser  # noqa: E402

LITE = runtime.RUNTIME.parent / "lite"


def lite_link(up, address, words):
    link = f'<a class="needs-server" href="{up}lite/{address}" target="_blank">{words}</a>'
    return link if LITE.exists() else ""


def bar(source, up):
    """What stands under the title of a page; `up` leads from the page to the root of the site."""
    all_notebooks = lite_link(up, "tree/index.html", "All notebooks")
    if source.suffix != ".ipynb":
        return f'<p class="run-bar">{all_notebooks}</p>'
    if not runs_in_a_browser(page(source.stem)):
        return (
            '<p class="run-bar">This chapter needs PyTorch, which does not run in a browser. '
            f'<a href="{up}_sources/book/{source.name}" download>Download the notebook</a> to run it. '
            f"{all_notebooks}</p>"
        )
    files = escape(" ".join(path.name for path in data_files(source.stem)))
    address = f"notebooks/index.html?path={file_name(source.stem)}"
    notebook = lite_link(up, address, "Open a copy as a notebook")  # what is changed there stays there
    return f'<div class="run-bar needs-server" data-files="{files}">{notebook}</div>'


def add_bar(app, doctree, docname):
    title = next(doctree.findall(nodes.title), None)
    if title is None:
        return
    source, up = Path(app.env.doc2path(docname)), "../" * docname.count("/")
    title.parent.insert(title.parent.index(title) + 1, nodes.raw("", bar(source, up), format="html"))


def install_runtime(app, error):
    if error or app.builder.format != "html":
        return
    out = Path(app.outdir)
    runtime.install(out / "pyodide")
    shutil.rmtree(out / "lite", ignore_errors=True)
    if LITE.exists():
        shutil.copytree(LITE, out / "lite")
    sources = out / "_sources" / "book"
    for notebook in sources.glob("*.ipynb"):
        for file in data_files(notebook.stem):
            shutil.copy(file, sources)


def setup(app):
    if runtime.is_there():
        app.connect("doctree-resolved", add_bar)
        app.connect("build-finished", install_runtime)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
