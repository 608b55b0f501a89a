"""A Sphinx extension: "Run this page", where the runtime of tools/runtime.py has been fetched.

Under each title it writes a bar. In a chapter that runs in the browser, assets/run/page.js puts a button
into it; a chapter that needs torch says why it does not run. Beside the scripts it lays the list of all
exercises, so that they can be counted. Without the runtime the book is built as if this file were not
there.
"""

import json
import re
import shutil
from html import escape
from pathlib import Path

import runtime
from docutils import nodes
from lite_notebooks import data_files, file_name, page, runs_in_a_browser

LITE = runtime.RUNTIME.parent / "lite"


def lite_link(up, address, words):
    link = f'<a class="needs-server" href="{up}lite/{address}" target="_blank">{words}</a>'
    return link if LITE.exists() else ""


def bar(source, up, python):
    """What stands under the title of a page.

    `up` leads from the page to the root of the site; `python` is what tools/runtime.py writes as page.json.
    """
    all_notebooks = lite_link(up, "tree/index.html", "All notebooks")
    if source.suffix != ".ipynb":
        return f'<div class="run-bar">{all_notebooks}</div>'
    notebook = page(source.stem)
    if not runs_in_a_browser(notebook):
        return (
            '<div class="run-bar"><p>This chapter needs PyTorch, which does not run in a browser. '
            f'<a href="{up}_sources/book/{source.name}" download>Download the notebook</a> to run it. '
            f"{all_notebooks}</p></div>"
        )
    files = escape(" ".join(path.name for path in data_files(source.stem)))
    packages = packages_of(notebook)
    fetched = {file for name in ("python", *packages) for file in python["needs"][name]}
    size = sum(python["known"][file]["wire"] for file in fetched)
    address = f"notebooks/index.html?path={file_name(source.stem)}"
    open_copy = lite_link(up, address, "Open a copy as a notebook")  # what is changed there stays there
    return (
        f'<div class="run-bar needs-server" data-files="{files}" data-packages="{" ".join(packages)}" '
        f'data-bytes="{size}">{open_copy}</div>'
    )


def packages_of(notebook):
    """What Python loads before the first cell: what the code imports, and matplotlib for figures."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    patterns = {"matplotlib": "matplotlib|bnlib.figures", "bnlib": "bnlib", "sympy": "sympy"}
    return [
        name for name, named in patterns.items() if re.search(rf"^\s*(import|from) ({named})\b", code, re.M)
    ]


def exercises(env):
    """{page: [label of an exercise, ...]} in the order of the pages and of the exercises on them."""
    found = {}
    for label, entry in env.sphinx_exercise_registry.items():
        if entry["type"].startswith("exercise"):
            found.setdefault(Path(entry["docname"]).name, []).append(label)
    return found


def install_runtime(app):
    if app.builder.format == "html":
        folder = Path(app.outdir) / "pyodide"
        runtime.install(folder)
        app.python_files = runtime.install_for_pages(folder)


def add_bar(app, doctree, docname):
    title = next(doctree.findall(nodes.title), None)
    if title is None or app.builder.format != "html":
        return
    source, up = Path(app.env.doc2path(docname)), "../" * docname.count("/")
    python = json.loads((Path(app.outdir) / "pyodide" / "page.json").read_text())
    title.parent.insert(
        title.parent.index(title) + 1, nodes.raw("", bar(source, up, python), format="html")
    )


def install_notebooks(app, error):
    if error or app.builder.format != "html":
        return
    out = Path(app.outdir)
    shutil.rmtree(out / "lite", ignore_errors=True)
    if LITE.exists():
        shutil.copytree(LITE, out / "lite")
    (out / "_static" / "run" / "exercises.json").write_text(json.dumps(exercises(app.env)))
    sources = out / "_sources" / "book"
    for notebook in sources.glob("*.ipynb"):
        for file in data_files(notebook.stem):
            shutil.copy(file, sources)


def setup(app):
    if runtime.is_there():
        app.connect("builder-inited", install_runtime)
        app.connect("doctree-resolved", add_bar)
        app.connect("build-finished", install_notebooks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
