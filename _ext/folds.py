"""A Sphinx extension: a folded cell says what it holds, in words that stay when it opens.

The words come from the cell: its first line if that is a comment, else the names that it defines.
"""

import ast

from docutils import nodes

NAMES_SHOWN = 2


def title(source, has_figure=False):
    """What stands on the fold of a cell."""
    code = "Code and figure" if has_figure else "Code"
    first = source.lstrip().partition("\n")[0]
    if first.startswith("#"):
        comment = first.lstrip("# ")
        return f"{code}: {comment[:1].lower()}{comment[1:]}"
    if first.endswith("use_style()"):
        return f"{code}: set-up of this page"
    if names := defined(source):
        more = ", …" if len(names) > NAMES_SHOWN else ""
        return f"{code}: defines {', '.join(names[:NAMES_SHOWN])}{more}"
    return f"{code}: checks" if "assert " in source else code


def defined(source):
    """The names that code defines: functions and classes first."""
    made, assigned = [], []
    for statement in ast.parse(source).body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            made.append(statement.name)
        elif isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            for target in getattr(statement, "targets", None) or [statement.target]:
                assigned += [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]
    return [name for name in dict.fromkeys(made + assigned) if name != "_"]


def name_folds(app, doctree):
    for cell in doctree.findall(nodes.container):
        if cell.get("nb_element") == "cell_code" and cell.get("hide_mode"):
            source = next(cell.findall(nodes.literal_block)).astext()
            has_figure = cell["hide_mode"] == "all" and next(cell.findall(nodes.image), None) is not None
            cell["prompt_show"] = cell["prompt_hide"] = title(source, has_figure)


def setup(app):
    app.connect("doctree-read", name_folds)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
