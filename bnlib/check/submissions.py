"""What a student hands in: a file of Python or a notebook, as pieces of code that run in turn."""

import io
import json
import linecache
import re
import sys
import tokenize
from pathlib import Path
from types import ModuleType

KINDS = (".py", ".ipynb")
ENDINGS = " or ".join(KINDS)
KEPT = ("%%time", "%%capture", "%%prun")  # magics whose cell defines its names all the same
TO_NOTEBOOK = re.compile(r"(\s*)(?:[%!?]|(\w+\s*=)\s*[%!]|[\w.]+\?\??\s*$)")  # %cd, ?a, a = !ls, a?


def find_submissions(paths, assignment=None):
    """Map a name to each file; of a folder to all in it, but for hidden ones and the assignment.

    Files of one folder are named by their path from there, others as they were given. A copy of the
    assignment, which students hand in with their notebook, is none of theirs; nor is what begins with two
    underscores, as caches do.

    Raises
    ------
    FileNotFoundError
        If a path is not there.
    ValueError
        If a file is of another kind, or a folder holds none.
    """
    paths = list(map(Path, paths))
    if len(paths) == 1 and paths[0].is_dir():
        return {str(file.relative_to(paths[0])): file for file in files_in(paths[0], assignment)}
    found = {}
    for path in paths:
        if path.is_dir():
            found |= {str(file): file for file in files_in(path, assignment)}
        elif not path.exists():
            raise FileNotFoundError(f"no such file or folder: {path}")
        elif path.suffix.lower() not in KINDS:
            raise ValueError(f"a submission must be a file ending in {ENDINGS}, got {path}")
        else:
            found[str(path)] = path
    return found


def files_in(folder, assignment):
    """The submissions in a folder, at any depth."""
    own = Path(assignment).read_bytes() if assignment else None
    files = [file for file in visible(folder) if file.suffix.lower() in KINDS and file.read_bytes() != own]
    if not files:
        raise ValueError(f"no file ending in {ENDINGS} in {folder}")
    return files


def visible(folder):
    """All files in a folder, at any depth, but for hidden ones and caches."""
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        and not any(part.startswith((".", "__")) for part in file.relative_to(folder).parts)
    ]


def find_others(paths):
    """The names of files in these folders that are of another kind, and so no submissions."""
    folders = [path for path in map(Path, paths) if path.is_dir()]
    return [
        str(file.relative_to(folder) if len(paths) == 1 else file)
        for folder in folders
        for file in visible(folder)
        if file.suffix.lower() not in KINDS
    ]


def run_submission(path):
    """Run all its code: the names that it defines, and what went wrong on the way, or "".

    A notebook's cell that fails does not keep those after it from running, as for its author. Lines for the
    notebook itself, such as %cd, !pip and `name?`, are left out.
    """
    names, trouble = make_module(path), ""
    try:
        pieces = read_pieces(path)
    except (UnicodeDecodeError, SyntaxError):
        return names, "the file cannot be read: it is not in UTF-8, and names no encoding; save it as UTF-8"
    except (KeyError, TypeError, AttributeError):
        return names, "the file cannot be read: it is no notebook of format 4"
    except (OSError, ValueError) as error:
        return names, f"the file cannot be read: {first_line(error)}"
    for label, source in pieces:
        try:
            exec(compile(source, label, "exec", dont_inherit=True), names)
        except BaseException as error:  # SystemExit, too: a cell that calls exit()
            trouble = trouble or f"{first_line(error)}{place(error, label)}"
    return names, trouble


def make_module(path):
    """The names of a module that has run nothing yet; a notebook is the main one, as for its author.

    It is known to `sys.modules`, where dataclasses and pickle look for it. What only a notebook or Colab
    has does nothing here; scripts that were made of notebooks ask for it, too.
    """
    name = "__main__" if is_notebook(path) else "submission"
    sys.modules[name] = module = ModuleType(name)
    if not is_notebook(path):
        module.__file__ = str(path)
    module.display = module.get_ipython = Nothing()
    for name in ("google", "google.colab"):
        sys.modules.setdefault(name, Nothing())
    return vars(module)


class Nothing:
    """In place of a notebook's own machinery: whatever is asked of it does nothing."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_, **__):
        return self


def is_notebook(path):
    return path.suffix.lower() == ".ipynb"


def read_pieces(path):
    """The pieces of code, each with a label under which a report finds its lines."""
    if not is_notebook(path):
        return [(str(path), read_script(path.read_bytes()))]
    cells = [
        cell
        for cell in json.loads(path.read_text(encoding="utf-8-sig"))["cells"]
        if cell["cell_type"] == "code"
    ]
    pieces = []
    for number, cell in enumerate(cells, start=1):
        label = f"{path.name}, code cell {number}"
        source = without_magics("".join(cell["source"]), label)
        linecache.cache[label] = (len(source), None, source.splitlines(keepends=True), label)
        pieces.append((label, source))
    return pieces


def read_script(code):
    """The text of a script, in UTF-8 or in the encoding that it names."""
    return code.decode(tokenize.detect_encoding(io.BytesIO(code).readline)[0])


def without_magics(source, label="<cell>"):
    """The code of a cell: where Python stops at a line for the notebook, one stands that does nothing."""
    if source.lstrip().startswith("%%"):
        first, _, rest = source.lstrip().partition("\n")
        source = f"pass\n{rest}" if first.split()[0] in KEPT else ""
    lines = source.splitlines()
    for _ in lines:
        try:
            compile("\n".join(lines), label, "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            at = (getattr(error, "lineno", None) or 0) - 1
            line = TO_NOTEBOOK.match(lines[at]) if 0 <= at < len(lines) else None
            if line is None:
                break
            indent, to = line.groups()
            lines[at] = indent + (f"{to} display()" if to else "pass")
        else:
            break
    return "\n".join(lines)


def first_line(error):
    """An error in one line."""
    words = str(error.msg if isinstance(error, SyntaxError) else error).splitlines()
    return f"{type(error).__name__}: {words[0]}" if words else type(error).__name__


def place(error, label):
    """Where in a piece it happened, in words."""
    line = error.lineno if isinstance(error, SyntaxError) else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == label:
            line = trace.tb_lineno
        trace = trace.tb_next
    where = f" of {label}" if ", code cell " in label else ""
    return f" (line {line}{where})" if line else ""
