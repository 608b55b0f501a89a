"""Grading from the command line: every accident of a class gets its line, and none holds up the rest."""

import json
import subprocess
import sys

import pytest

from bnlib.check.__main__ import main
from bnlib.check.assignment import PLAYGROUND, read_assignment
from bnlib.check.grading import grade, tabulate
from bnlib.check.submissions import find_submissions, run_submission

DOUBLE = "def double(x):\n    "
RIGHT = DOUBLE + "return 2 * x\n"
RAISES = "wrong: For x = [1, 3] your code raises"
ASSIGNMENT = """
import numpy as np
from bnlib import check

def double(x):
    return 2 * x

mistakes = {"This is the square; the double is asked for.": lambda x: x**2}
checks = {"double": lambda mine: check.function(mine, double, [(np.array([1.0, 3.0]),)], mistakes)}
points = {"double": 3}
"""
ACCIDENTS = {  # what a student wrote, and how the report on it begins
    "right": (RIGHT, "right"),
    "square": (DOUBLE + "return x**2", "wrong: This is the square"),
    "untouched": (DOUBLE + "...", "not tried yet"),
    "raises": (DOUBLE + "return x.nothing", f"{RAISES} AttributeError"),
    "missing": (RIGHT.replace("double", "twice"), "missing: nothing is called double"),
    "syntax": ("def double(x:", "missing: nothing is called double; SyntaxError"),
    "fails before": ("1 / 0\n" + RIGHT, "missing: nothing is called double; ZeroDivisionError"),
    "fails after": (RIGHT + "1 / 0", "right"),
    "exits": (DOUBLE + "raise SystemExit", "crashed: your code raises SystemExit"),
    "exits at once": ("import os\nos._exit(0)", "crashed: the process ended with exit code 0"),
    "segfault": (DOUBLE + "import ctypes; ctypes.string_at(0)", "crashed: the process ended by signal"),
    "recursion": (DOUBLE + "return double(x)", f"{RAISES} RecursionError"),
    "memory": (DOUBLE + "return [0] * 10**12", f"{RAISES} MemoryError"),
    "asks": (DOUBLE + "return input()", f"{RAISES} EOFError"),
    "prints": ("import sys\nsys.__stdout__.write('x' * 10**7)\n" + RIGHT, "right"),
    "network": (DOUBLE + "import socket; socket.socket()", f"{RAISES} PermissionError: socket."),
    "program": (DOUBLE + "import os; os.system('true')", f"{RAISES} PermissionError: os.system"),
    "threads": ("import threading as t\nt.Timer(60, print).start()\n" + RIGHT, "right"),
}
ENDLESS = {
    "loops": DOUBLE + "while True: pass",
    "loops at once": "while True: pass",
    "prints for ever": DOUBLE + "while True: print('x' * 1000)",
    "sleeps": DOUBLE + "import time; time.sleep(60)",
}


@pytest.fixture
def assignment(tmp_path):
    path = tmp_path / "assignment.py"
    path.write_text(ASSIGNMENT)
    return path


def write(folder, sources):
    folder.mkdir(exist_ok=True)
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source)
    return folder


def notebook(*cells):
    cells = [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    return json.dumps({"cells": [{"cell_type": "markdown", "source": ["# Hello"]}, *cells]})


def graded(folder, assignment, seconds=30, jobs=2):
    found = find_submissions([folder], assignment)
    reports = grade(found, read_assignment(assignment), assignment, seconds, jobs)
    return {name.removesuffix(".py"): one["double"] for name, one in reports.items()}


def test_every_accident_gets_its_report(tmp_path, assignment):
    folder = write(tmp_path / "class", {name: source for name, (source, _) in ACCIDENTS.items()})
    reports = graded(folder, assignment)
    assert reports.keys() == ACCIDENTS.keys()
    for name, (_, begins) in ACCIDENTS.items():
        assert reports[name].text.startswith(begins), (name, reports[name].text)
        assert reports[name].ok is begins.startswith("right")


def test_two_hundred_submissions(tmp_path, assignment, capsys):
    """All get a line, and those who made a mistake are named under it."""
    sources = {f"student {i:03}": list(ACCIDENTS.values())[i % len(ACCIDENTS)][0] for i in range(196)}
    folder = write(tmp_path / "class", sources | ENDLESS)
    given = [str(folder), "--assignment", str(assignment), "--seconds", "4", "--jobs", "5"]
    assert main([*given, "--json", str(tmp_path / "results.json")]) == 1
    lines = capsys.readouterr().out.splitlines()
    of_students = [line for line in lines if " of 3" in line]
    assert len(of_students) == 200
    for name in ENDLESS:
        assert f"{name}.py" in " ".join(lines[lines.index("    4 too slow") :][:2])
    results = json.loads((tmp_path / "results.json").read_text())
    right = [name for name, (_, begins) in ACCIDENTS.items() if begins == "right"]
    assert len(results) == 200
    assert sum(one["score"] for one in results.values()) == 3 * sum(
        list(ACCIDENTS)[i % len(ACCIDENTS)] in right for i in range(196)
    )


def test_the_table_says_who_made_which_mistake(tmp_path, assignment):
    sources = {"ada": RIGHT, "ben": ACCIDENTS["square"][0], "cleo": ACCIDENTS["square"][0], "dan": ""}
    folder = write(tmp_path / "class", sources)
    reports = grade(find_submissions([folder]), read_assignment(assignment), assignment)
    assert tabulate(reports, read_assignment(assignment)).splitlines() == [
        "        double score",
        "ada.py  +      3 of 3",
        "ben.py  -      0 of 3",
        "cleo.py -      0 of 3",
        "dan.py  ?      0 of 3",
        "",
        "double",
        "    2 This is the square; the double is asked for.",
        "      ben.py, cleo.py",
        "    1 missing",
        "      dan.py",
    ]


def test_the_playground_is_graded_by_name(tmp_path, capsys):
    """A notebook: cells run in order, and neither magics nor an error in one stop the others."""
    path = tmp_path / "playground.ipynb"
    path.write_text(notebook(
        "%matplotlib inline\nimport numpy as np",
        "def channel_stats(x):\n    ...",
        "def channel_stats(x):\n    axes = 0, *range(2, x.ndim)\n    return x.mean(axes), x.var(axes)",
        "undefined",
        "%%timeit\nundefined",
        "def eval_backward(*inputs):\n    ...",
    ))  # fmt: skip
    assert main([str(path), "--json", str(tmp_path / "results.json")]) == 1
    out = capsys.readouterr().out
    assert out.startswith("channel_stats\n    right\n")
    assert "eval_backward\n    not tried yet\n" in out
    where = "NameError: name 'undefined' is not defined (line 1 of playground.ipynb, code cell 4)"
    assert where in " ".join(out.split())
    assert out.endswith("score: 1 of 8\n")
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["score"] == 1
    assert [test["name"] for test in results["tests"]] == list(PLAYGROUND.checks)
    assert results["tests"][0] == {
        "name": "channel_stats",
        "score": 1,
        "max_score": 1,
        "status": "passed",
        "output": "right",
        "output_format": "text",
    }


def test_the_command_as_it_is_typed(tmp_path, assignment):
    """A file beside which its own helpers lie; all right ends with 0."""
    folder = write(tmp_path / "class", {"helper": "factor = 2\n"})
    (folder / "mine.py").write_text("from helper import factor\ndef double(x):\n    return factor * x\n")
    command = [sys.executable, "-m", "bnlib.check", "class/mine.py", "--assignment", "assignment.py"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "double\n    right\n\nscore: 3 of 3\n", "")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["nowhere.py"], "no such file or folder: nowhere.py"),
        (["assignment.txt"], "must be a file ending in .py or .ipynb, got assignment.txt"),
        (["empty"], "no file ending in .py or .ipynb in empty"),
        (["mine.py", "--seconds", "0"], "--seconds must be above 0, got 0"),
        (["mine.py", "--jobs", "0"], "--jobs must be at least 1, got 0"),
        (["mine.py", "--assignment", "nowhere.py"], "no such assignment: nowhere.py"),
        (["mine.py", "--json", "nowhere/results.json"], "--json must be a file in a folder that is there"),
        ([], "the following arguments are required: submissions"),
    ],
)
def test_what_cannot_begin(tmp_path, monkeypatch, capsys, given, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "assignment.txt").touch()
    (tmp_path / "mine.py").write_text(RIGHT)
    with pytest.raises(SystemExit) as ended:
        main(given)
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("", "must define `checks`"),
        ("checks = {}", "must define `checks`"),
        ("checks = {'two words': print}", "must define `checks`"),
        ("checks = {'double': 3}", "must define `checks`"),
        ("checks = {'double': print}; points = {'twice': 1}", "must map names in `checks` to numbers"),
        ("checks = {'double': print}; points = {'double': 0}", "must map names in `checks` to numbers"),
        ("checks = {'double': print}; points = {'double': True}", "must map names in `checks` to numbers"),
        ("undefined", "raises NameError"),
    ],
)
def test_an_assignment_that_cannot_be_used(tmp_path, source, says):
    path = tmp_path / "assignment.py"
    path.write_text(source)
    with pytest.raises(ValueError, match=says):
        read_assignment(path)


@pytest.mark.parametrize(
    ("check", "says"),
    [
        ("lambda mine: True", "not checked: the check must return a Report, got bool"),
        ("lambda mine: 1 / 0", "not checked: the check raises ZeroDivisionError: division by zero"),
    ],
)
def test_a_check_that_fails_is_not_the_students_mistake(tmp_path, check, says):
    assignment = tmp_path / "assignment.py"
    assignment.write_text(f"checks = {{'double': {check}}}")
    assert graded(write(tmp_path / "class", {"ada": RIGHT}), assignment)["ada"].text == says


def test_what_is_not_a_notebook(tmp_path):
    path = tmp_path / "broken.ipynb"
    for text in ("", "{}", "[]", '{"cells": [{}]}', '{"cells": [{"cell_type": "code"}]}'):
        path.write_text(text)
        names, trouble = run_submission(path)
        assert list(names) == ["__name__"]
        assert trouble.startswith("the file cannot be read: ")


def test_names_in_a_folder_and_of_several(tmp_path):
    write(tmp_path / "one", {"ada": RIGHT, ".hidden": RIGHT, "_draft": RIGHT})
    write(tmp_path / "two", {"ada": RIGHT})
    assert list(find_submissions([tmp_path])) == ["one/ada.py", "two/ada.py"]
    both = find_submissions([tmp_path / "one", tmp_path / "two"])
    assert [path.parent.name for path in both.values()] == ["one", "two"]


def test_what_is_installed():
    done = subprocess.run([sys.executable, "-m", "bnlib"], capture_output=True, text=True)
    assert done.stdout.startswith("bnlib 1.0.0, NumPy ")
    assert "engines: numpy, always; compiled, " in done.stdout
