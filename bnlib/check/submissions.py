"""What a student hands in: a file of Python or a notebook, as pieces of code that run in turn."""

import json
import linecache
from pathlib import Path

KINDS = (".py", ".ipynb")
ENDINGS = " or ".join(KINDS)


def find_submissions(paths, assignment=None):
    """Map a name to each file; of a folder to all in it, but for hidden ones, caches and the assignment.

    Files of one folder are named by their path from there, others as they were given.

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
        elif path.suffix not in KINDS:
            raise ValueError(f"a submission must be a file ending in {ENDINGS}, got {path}")
        else:
            found[str(path)] = path
    return found


def files_in(folder, assignment):
    """The submissions in a folder, at any depth."""
    own = Path(assignment).resolve() if assignment else None
    files = [
        file
        for file in sorted(folder.rglob("*"))
        if file.suffix in KINDS
        and file.is_file()
        and file.resolve() != own
        and not any(part[0] in "._" for part in file.relative_to(folder).parts)
    ]
    if not files:
        raise ValueError(f"no file ending in {ENDINGS} in {folder}")
    return files


def run_submission(path):
    """Run all its code: the names that it defines, and what went wrong on the way, or "".

    A notebook's cell that fails does not keep those after it from running, as for its author. Lines for the
    notebook itself, which begin with % or !, are left out.
    """
    names, trouble = {"__name__": "submission"}, ""
    try:
        pieces = read_pieces(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return names, f"the file cannot be read: {first_line(error)}"
    for label, source in pieces:
        try:
            exec(compile(source, label, "exec"), names)
        except BaseException as error:  # SystemExit, too: a cell that calls exit()
            trouble = trouble or f"{first_line(error)}{place(error, label)}"
    return names, trouble


def read_pieces(path):
    """The pieces of code, each with a label under which a report finds its lines."""
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix == ".py":
        return [(str(path), text)]
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    pieces = []
    for number, cell in enumerate(cells, start=1):
        source, label = without_magics("".join(cell["source"])), f"{path.name}, code cell {number}"
        linecache.cache[label] = (len(source), None, source.splitlines(keepends=True), label)
        pieces.append((label, source))
    return pieces


def without_magics(source):
    if source.lstrip().startswith("%%"):
        return ""
    lines = source.splitlines()
    return "\n".join("pass" if line.startswith(("%", "!")) else line for line in lines)


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
