"""Grading from the command line: every accident of a class gets its line, and none holds up the rest."""

import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from multiprocessing import forkserver
from pathlib import Path

import pytest

from bnlib.check import confined
from bnlib.check.__main__ import main
from bnlib.check.assignment import PLAYGROUND, read_assignment
from bnlib.check.confined import check_confined
from bnlib.check.grading import grade, tabulate
from bnlib.check.submissions import find_others, find_submissions, run_submission, without_magics

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
    "kills": (DOUBLE + "import os; os.kill(os.getppid(), 9)", f"{RAISES} PermissionError: os.kill"),
    "changes numpy": (
        "import numpy as np\nnp.abs = np.sum\n" + RIGHT,
        "wrong: your code changes numpy.abs",
    ),
    "changes the check": (
        "from bnlib import check\ndef double(x):\n    check.function = print\n    return x",
        "wrong: your code changes bnlib.check.function",
    ),
    "no function": ("double = 3", "missing: double is no function, but of type int"),
    "knows its file": ("import os\nos.stat(__file__)\n" + RIGHT, "right"),
    "dataclass": (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass A:\n    x: int\n" + RIGHT,
        "right",
    ),
    "made of a notebook": ("get_ipython().run_line_magic('cd', '..')\n" + RIGHT + "display(3)", "right"),
    "guards": (RIGHT + "if __name__ == '__main__':\n    double = None", "right"),
    "writes": ("open('new', 'w').write('x')\nopen('new', 'a').write('x')\n" + RIGHT, "right"),
    "log": (DOUBLE + "for _ in range(999): open('log', 'a').write('x')\n    return 2 * x", "right"),
    "files without end": (
        DOUBLE + "while True: open(f'{(x := x + 1)}', 'w')",
        f"{RAISES} PermissionError: writing more than 64 files is not allowed",
    ),
    "files by another name": (
        DOUBLE + "import os\n    while True: os.rename(open('a', 'w').name, f'{(x := x + 1)}')",
        f"{RAISES} PermissionError: writing more than 64 files is not allowed",
    ),
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
        (["mine.py", "--json", "empty"], "--json must be a file in a folder that is there, got empty"),
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


def test_what_is_not_a_notebook(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # restored after it
    path = tmp_path / "broken.ipynb"
    for text in ("", "{}", "[]", '{"cells": [{}]}', '{"cells": [{"cell_type": "code"}]}'):
        path.write_text(text)
        names, trouble = run_submission(path)
        assert "double" not in names
        assert trouble.startswith("the file cannot be read: ")


def test_names_in_a_folder_and_of_several(tmp_path):
    """A copy of the assignment is no submission; a file that is none is named."""
    write(tmp_path / "one", {"ada": RIGHT, ".hidden": RIGHT, "_draft": RIGHT, "__init__": ""})
    write(tmp_path / "two", {"ada": RIGHT, "assignment": ASSIGNMENT}).joinpath("ben.zip").touch()
    write(tmp_path, {"assignment": ASSIGNMENT})
    names = ["one/_draft.py", "one/ada.py", "two/ada.py"]
    assert list(find_submissions([tmp_path], tmp_path / "assignment.py")) == names
    assert "two/assignment.py" in find_submissions([tmp_path])
    (tmp_path / "assignment.py").unlink()
    assert find_others([tmp_path]) == ["two/ben.zip"]
    assert find_others([tmp_path / "one", tmp_path / "two"]) == [str(tmp_path / "two/ben.zip")]
    (tmp_path / "one/ada.py").rename(tmp_path / "one/Ada.PY")
    assert "one/Ada.PY" in find_submissions([tmp_path])
    both = find_submissions([tmp_path / "one", tmp_path / "two"])
    assert [path.parent.name for path in both.values()] == ["one", "one", "two", "two"]


CELLS = [  # of a notebook that ran on Colab
    "!pip install bnlib\nfrom google.colab import drive\ndrive.mount('/content/drive')\nimport numpy as np",
    "files = !ls\nif files:\n    %cd sample_data\nnp?\ntwo = %timeit -o 1 + 1\ntwo = 2",
    "%%capture out\ndef double(x):\n    return two * np.asarray(x)\ndisplay(double(2))",
    "%%timeit\ndouble = None",
    "double(2)?",
]


def test_a_notebook_of_colab(tmp_path, assignment):
    path = tmp_path / "colab.ipynb"
    path.write_text("\ufeff" + notebook(*CELLS), encoding="utf-8")
    assert check_confined(path, assignment, "double", 30).text == "right"


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("%cd a\nx = 1", "pass\nx = 1"),
        ("if a:\n    b = %who", "if a:\n    b = display()"),
        ("if a:\n    !ls", "if a:\n    pass"),
        ("%%time\nx = 1", "pass\nx = 1"),
        ("%%bash\nls", ""),
        ("x = ('%d'\n     % 3)", "x = ('%d'\n     % 3)"),  # Python's own, as the next
        ("if x =! 3:\n    y", "if x =! 3:\n    y"),
        ("await x\n!ls", "await x\npass"),
    ],
)
def test_lines_for_the_notebook(source, made):
    assert without_magics(source) == made


def test_encodings(tmp_path, assignment):
    """That which the file names, and UTF-8 with and without its mark; others are told to the student."""
    folder = tmp_path / "Jörg Müller"
    folder.mkdir()
    ours = f"# Jürgen\n{RIGHT}"
    texts = {
        "named": ("# -*- coding: latin-1 -*-\n" + ours).encode("latin-1"),
        "marked": ours.encode("utf-8-sig"),
        "plain": ours.encode(),
        "latin": ours.encode("latin-1"),
        "late": (RIGHT * 3 + ours).encode("latin-1"),
        "wide": ours.encode("utf-16"),
    }
    for name, code in texts.items():
        (folder / f"{name}.py").write_bytes(code)
    reports = graded(folder, assignment)
    assert [name for name, report in reports.items() if report.ok] == ["marked", "named", "plain"]
    for name in ("latin", "late", "wide"):
        assert "it is not in UTF-8, and names no encoding" in reports[name].text


def test_what_lies_beside_is_read_and_not_written(tmp_path, assignment):
    """A file of data is at hand, and a submission that writes it gets its own; others cannot be reached."""
    reads = (
        "import numpy as np\nfactor = int(np.loadtxt('data.csv'))\ndef double(x):\n    return factor * x\n"
    )
    beside = "from pathlib import Path\nhere = Path(__file__).parent\n"
    folder = write(tmp_path / "class", {
        "appends": "open('data.csv', 'a').write('3')\nassert open('data.csv').read() == '23'\n" + RIGHT,
        "reads": reads,
        "replaces": "open('data.csv', 'w').write('3')\n" + reads,
        "spoils": beside + "(here / 'data.csv').write_text('3')\n" + RIGHT,
        "random": "double = None",
        "uses random": "from random import Random\n" + RIGHT,
    })  # fmt: skip
    (folder / "data.csv").write_text("2")
    reports = graded(folder, assignment)
    assert (folder / "data.csv").read_text() == "2"
    assert [name for name, report in reports.items() if report.ok] == ["appends", "reads", "uses random"]
    assert reports["replaces"].text.startswith("wrong: result is the right one times 1.5")
    assert "PermissionError: writing to " in reports["spoils"].text
    assert sorted(file.name for file in folder.iterdir() if file.suffix != ".py") == ["data.csv"]


def test_an_error_is_told_with_what_went_wrong_before_it(tmp_path, assignment):
    source = notebook("import nowhere\nimport numpy as np", DOUBLE + "return np.add(x, x)")
    path = tmp_path / "ada.ipynb"
    path.write_text(source)
    text = check_confined(path, assignment, "double", 30).text
    assert "NameError: name 'np' is not defined" in text
    assert text.endswith(
        "\nbefore that: ModuleNotFoundError: No module named 'nowhere' (line 1 of ada.ipynb, code cell 1)"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_nothing_is_left_over(tmp_path, tmp_path_factory, assignment, monkeypatch):
    """A process past the hook is ended with its own, and temporary files go with their folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    started = tmp_path_factory.mktemp("elsewhere") / "started"
    started.touch()
    forks = f"""
import ctypes, tempfile, time
tempfile.mkdtemp()
if ctypes.CDLL(None).fork() == 0:
    open({str(started)!r}, "w").write(open("/proc/self/stat").read().split()[0])
    time.sleep(600)
while not open({str(started)!r}).read():
    pass
"""
    assert graded(write(tmp_path / "class", {"forks": forks + RIGHT}), assignment)["forks"].ok
    state = Path(f"/proc/{started.read_text()}/stat")

    def ended():
        try:
            return state.read_text().split()[2] in "ZX"
        except (FileNotFoundError, ProcessLookupError):
            return True

    until = time.monotonic() + 10  # it is killed, and dies when it is its turn
    while not ended() and time.monotonic() < until:
        time.sleep(0.01)
    assert ended()
    left = [file.name for file in (tmp_path / "temporary").iterdir()]
    assert [name for name in left if not name.startswith("pymp-")] == []  # that is the server's own


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_a_server_that_was_killed_is_started_again(tmp_path, assignment):
    """A submission can end what all processes come from, past the hook: the rest is graded all the same."""
    kills = "import ctypes, os, time\nctypes.CDLL(None).kill(os.getppid(), 9)\ntime.sleep(0.2)\n"
    folder = write(tmp_path / "class", {"a": kills + RIGHT, "b": RIGHT, "c": ACCIDENTS["square"][0]})
    reports = graded(folder, assignment, jobs=1)
    assert [report.ok for report in reports.values()] == [True, True, False]


@pytest.mark.skipif(confined.START != "forkserver", reason="elsewhere another call reads the exit code")
def test_an_exit_code_is_read_once(tmp_path, assignment, monkeypatch):
    """Each process that starts asks the others whether they have ended: that takes no code away."""
    waits = itertools.cycle((0.08, 0, 0.02))  # so that of two that read the later one may come first

    def read_late(file, read=forkserver.read_signed):
        time.sleep(next(waits))
        return read(file)

    monkeypatch.setattr(forkserver, "read_signed", read_late)
    leaves = {f"s{i}": f"import os; os._exit({i})" for i in range(24)}
    reports = graded(write(tmp_path / "class", leaves), assignment, jobs=4)
    for i in range(24):
        assert reports[f"s{i}"].text.startswith(f"crashed: the process ended with exit code {i},")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_ctrl_c_ends_it_at_once(tmp_path, tmp_path_factory, assignment):
    started = tmp_path_factory.mktemp("elsewhere") / "started"
    starts = f"open({str(started)!r}, 'w').close()\nimport time\ntime.sleep(600)\n"
    folder = write(tmp_path / "class", {"ada": starts, "ben": starts})
    command = [sys.executable, "-m", "bnlib.check", str(folder), "--assignment", str(assignment)]
    with subprocess.Popen(
        [*command, "--seconds", "300", "--jobs", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as running:
        while not started.exists():
            assert running.poll() is None
        running.send_signal(signal.SIGINT)
        assert running.communicate(timeout=60) == ("", "interrupted: nothing is graded\n")
    assert running.returncode == 130


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_ctrl_c_ends_what_is_about_to_start(tmp_path, tmp_path_factory, assignment, monkeypatch):
    ended = tmp_path_factory.mktemp("elsewhere") / "ended"
    goes_on = f"import time\ntime.sleep(3)\nopen({str(ended)!r}, 'w').close()"
    folder = write(tmp_path / "class", {"ada": goes_on})

    def start_late(*given, start=confined.start):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.5)  # by now the main thread has heard of it
        return start(*given)

    monkeypatch.setattr(confined, "start", start_late)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            graded(folder, assignment, jobs=1)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not ended.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_cannot_be_printed(tmp_path, assignment):
    folder = write(tmp_path / "class", {})
    (folder / os.fsdecode(b"J\xf6rg.py")).write_text(DOUBLE + "raise ValueError('\\udc00 \u03b1')")
    (folder / "Zoë.py").write_text(RIGHT)
    command = [
        sys.executable,
        "-m",
        "bnlib.check",
        "class",
        "--assignment",
        "assignment.py",
        "--json",
        "r.json",
    ]
    done = subprocess.run(
        command, capture_output=True, cwd=tmp_path, env=os.environ | {"PYTHONIOENCODING": "ascii"}
    )
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"Zo\\xeb.py" in done.stdout
    assert [one["score"] for one in json.loads((tmp_path / "r.json").read_text()).values()] == [0, 3]


def test_a_long_report_arrives(tmp_path, assignment):
    folder = write(tmp_path / "class", {"ada": DOUBLE + "raise ValueError('\U0001f600' * 30000)"})
    assert graded(folder, assignment)["ada"].text.startswith(
        "wrong: For x = [1, 3] your code raises ValueError"
    )


def test_files_of_another_kind_are_named_under_the_table(tmp_path, assignment, capsys):
    write(tmp_path / "class", {"ada": RIGHT}).joinpath("ben.zip").touch()
    main([str(tmp_path / "class"), "--assignment", str(assignment)])
    assert capsys.readouterr().out.endswith("\n\nleft out, of another kind: ben.zip\n")


def test_what_is_installed():
    done = subprocess.run([sys.executable, "-m", "bnlib"], capture_output=True, text=True)
    assert done.stdout.startswith("bnlib 1.0.0, NumPy ")
    assert "engines: numpy, always; compiled, " in done.stdout
