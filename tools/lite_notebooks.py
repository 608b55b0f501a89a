"""A chapter as it reads in Jupyter: what only the whole book can resolve becomes a number or a link."""

import re
from collections import Counter
from pathlib import Path

import nbformat

BOOK = Path(__file__).parent.parent / "book"
NEEDS_TORCH = re.compile(r"^(?:import|from) (?:torch|bnlib\.torch)\b|^from bnlib import .*\btorch\b", re.M)
ROLE = re.compile(r"\{(doc|numref|eq|ref|term|cite:[pt])\}`(?:([^`<]+) <)?([^`>]+)>?`")
NO_ID = re.compile(r"[^a-zA-Z0-9._]+")  # what Sphinx replaces in the anchor of a term
PAGE_ONLY = re.compile(r"^```\{(?:image\}|raw\} html).*?^```\n+", re.M | re.S)
PAGE_LINK = re.compile(r"\[([^\]]+)\]\((\w+)\.(?:md|ipynb)\)")
CONTENTS = "00_contents.ipynb"
SOLUTION_END = re.compile(r"```\{solution-end\}\n```\n*")
LABELLED = {
    "equation": re.compile(r"^\$\$ \((\S+)\)", re.M),
    "exercise": re.compile(r"\{exercise-start\}.*\n:label: (\S+)"),
}


def parts():
    """The names of the book's pages in order, by the title of their part; the first page's has none."""
    found = {"": []}
    for part, name in re.findall(r"caption: (.+)|book/(\w+)", (BOOK.parent / "_toc.yml").read_text()):
        if part:
            found[part] = []
        else:
            found[list(found)[-1]].append(name)
    return found


def pages():
    """The pages of the book by name, as notebooks, in the order of the contents."""
    return {name: page(name) for names in parts().values() for name in names}


def file_name(name):
    """What a chapter is called on the notebook site, which lists files by name: so in the book's order."""
    return f"{[name for names in parts().values() for name in names].index(name):02d}_{name}.ipynb"


def page(name):
    """A chapter, or a Markdown page as a notebook of one cell."""
    if (path := BOOK / f"{name}.ipynb").exists():
        return nbformat.read(path, as_version=4)
    text = (BOOK / f"{name}.md").read_text()
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])


def data_files(name):
    """The files beside a notebook that it reads."""
    text = (BOOK / f"{name}.ipynb").read_text(encoding="utf-8")
    return [path for path in BOOK.glob("*.json") if path.name in text]


def runs_in_a_browser(notebook):
    """Whether the notebook has code, and none of it imports torch, which browsers do not have."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return bool(code) and not any(NEEDS_TORCH.search(source) for source in code)


def readable_notebooks():
    """The chapters that run in a browser, by name, each ready to be read alone."""
    book = pages()
    shown = {name: notebook for name, notebook in book.items() if runs_in_a_browser(notebook)}
    labels, starts = number(book)
    titles = {name: title(notebook) for name, notebook in book.items()}
    for name, notebook in shown.items():
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = link(cell.source, name, labels, titles, shown)
        fold(notebook)
        caption(notebook, labels)
        lead_back(notebook, name)
        start_numbers(notebook, starts[name])
    return shown


def title(notebook):
    return notebook.cells[0].source.partition("\n")[0].lstrip("# ")


def contents():
    """The first notebook of the site: every page of the book, with its notebook if it has one."""
    lines = [
        "# Contents\n",
        f"Each chapter of the {to_book('intro', 'book')} that runs in a browser is a notebook here, "
        "with the same text and code.",
        "A notebook is a copy of its own: it does not show what you change on a page, nor a page what you "
        "change here.\n",
    ]
    for part, names in parts().items():
        lines += [f"\n## {part}\n"] if part else []
        for name in names:
            chapter = page(name)
            if runs_in_a_browser(chapter):
                lines.append(f"- [{title(chapter)}]({file_name(name)}) ({to_book(name, 'page')})")
            else:
                torch = "; it needs PyTorch" if (BOOK / f"{name}.ipynb").exists() else ""
                lines.append(f"- {title(chapter)} ({to_book(name, 'page')} only{torch})")
    cell = nbformat.v4.new_markdown_cell("\n".join(lines), id="contents")
    return nbformat.v4.new_notebook(cells=[cell], metadata=page("intro").metadata)


def number(book):
    """{label: (page, kind, number)}, counted through the whole book; and the first numbers of each page."""
    count, labels, starts = Counter(), {}, {}

    def add(label, name, kind):
        count[kind] += 1
        labels[label] = name, kind, count[kind]

    for name, notebook in book.items():
        starts[name] = {kind: count[kind] + 1 for kind in LABELLED}
        for cell in notebook.cells:
            if figure := figure_of(cell):
                add(figure["name"], name, "figure")
            for kind, pattern in LABELLED.items():
                for label in pattern.findall(cell.source) if cell.cell_type == "markdown" else ():
                    add(label, name, kind)
    return labels, starts


def figure_of(cell):
    """The name and the caption of a cell's figure, or None."""
    return cell.metadata.get("mystnb", {}).get("figure")


def link(source, here, labels, titles, shown):
    """The source with every role resolved that needs another page, a figure or the bibliography.

    What only a page of the book can show is left out: a picture kept beside it, and markup of its own.
    """

    def resolved(match):
        role, text, key = match.groups()
        if role == "doc":
            return to_page(key, text or titles[key])
        if role == "term":
            return to_book("terms", text or key, "term-" + NO_ID.sub("-", key))
        if role.startswith("cite"):
            return ", ".join(cited(each.strip(), role) for each in key.split(","))
        name, kind, n = labels.get(key, (here, "", 0))
        if kind == "figure":
            return f"Fig. {n}" if name == here else to_book(name, f"Fig. {n}", key)
        if name == here:
            return match[0]
        return to_book(name, text or f"({n})", f"equation-{key}" if kind == "equation" else key)

    def to_page(name, text):
        return f"[{text}]({file_name(name)})" if name in shown else to_book(name, text)

    source = PAGE_ONLY.sub("", source)
    source = PAGE_LINK.sub(lambda match: to_page(match[2], match[1]), source)
    return ROLE.sub(resolved, source)


def to_book(name, text, anchor=""):
    """A link to the book, two folders above the app; in HTML, as Jupyter rewrites links in Markdown."""
    return f'<a href="../../book/{name}.html{anchor and "#" + anchor}" target="_blank">{text}</a>'


def cited(key, role):
    """Names and year of a source, with a link to the bibliography."""
    entry = re.search(rf"@\w+\{{{key},(.*?)\n\}}", (BOOK / "references.bib").read_text(), re.S)[1]
    authors, year = (re.search(rf"{field} = \{{(.*)\}}", entry)[1] for field in ("author", "year"))
    names = [author.split(",")[0] for author in authors.split(" and ")]
    who = " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
    return to_book("bibliography", f"{who} ({year})" if role == "cite:t" else f"({who}, {year})")


def fold(notebook):
    """Hide the code that the book folds: set-up cells, and solutions with their results."""
    in_solution = False
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            in_solution = "{solution-start}" in cell.source or (
                in_solution and "{solution-end}" not in cell.source
            )
            cell.source = SOLUTION_END.sub("", cell.source)  # Jupyter shows an empty box for it
        elif in_solution:
            cell.metadata["jupyter"] = {"source_hidden": True, "outputs_hidden": True}
        elif {"hide-cell", "hide-input"} & set(cell.metadata.get("tags", ())):
            cell.metadata["jupyter"] = {"source_hidden": True}
    notebook.cells = [cell for cell in notebook.cells if cell.source]


def caption(notebook, labels):
    """Put the caption of every figure into a cell of its own below it."""
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if figure := figure_of(cell):
            text = f"**Fig. {labels[figure['name']][2]}.** {figure['caption']}"
            cells.append(nbformat.v4.new_markdown_cell(text, id=f"caption-of-{figure['name']}"))
    notebook.cells = cells


def lead_back(notebook, name):
    """Say under the title what this notebook is, and where its page and the other chapters are."""
    heading, _, text = notebook.cells[0].source.partition("\n")
    its_page = to_book(name, "its page in the book")
    notebook.cells[0].source = (
        f"{heading}\n\n*This notebook is a copy of {its_page}: what you change here does not reach "
        f"the page, nor the page's changes this notebook. [All chapters]({CONTENTS})*\n{text}"
    )


def start_numbers(notebook, starts):
    """Count equations and exercises on from earlier pages, in front matter that Jupyter does not show."""
    lines = "".join(f"  {kind}:\n    start: {n}\n" for kind, n in starts.items())
    first = notebook.cells[0]
    first.source = f"---\nnumbering:\n{lines}---\n{first.source}"
