"""A Sphinx extension: every code cell of a page has an address, #cell-1, #cell-2, ..., and a link to it.

The numbers count the cells that are in sight, as "Run this page" does, which writes into them. The link is
for a pointer, or it would double the stops of the keyboard, which finds a button in a page that runs.
"""

from docutils import nodes


def cells(doctree):
    """The code cells of a page whose code is shown, in their order."""
    for container in doctree.findall(nodes.container):
        if container.get("nb_element") == "cell_code" and any(
            child.get("nb_element") == "cell_code_source" for child in container.findall(nodes.container)
        ):
            yield container


def number(app, doctree, docname):
    for n, cell in enumerate(cells(doctree), start=1):
        cell["ids"] = [f"cell-{n}", *cell["ids"]]
        link = (
            f'<a class="headerlink cell-link" href="#cell-{n}" tabindex="-1" title="Link to cell {n}">#</a>'
        )
        cell.insert(0, nodes.raw("", link, format="html"))


def setup(app):
    app.connect("doctree-resolved", number)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
