"""The page on teaching, as a teacher follows it: its code gives the outputs that it shows."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BOOK = Path(__file__).parents[2] / "book"
PAGE = (BOOK / "teaching.md").read_text()
BLOCKS = re.findall(r"^```(python|text|console)\n(.*?)^```$", PAGE, flags=re.M | re.S)


def outcome(source, names):
    """What a cell shows: its last expression, or its error."""
    body, last = source.rstrip().rpartition("\n")[::2]
    try:
        exec(body, names)
        return repr(eval(last, names))
    except ValueError as error:
        return f"{type(error).__name__}: {error}"


def test_code_and_outputs():
    names, shown = {}, 0
    for (kind, source), (next_kind, text) in zip(BLOCKS, [*BLOCKS[1:], ("", "")], strict=True):
        if kind == "python" and next_kind == "text":
            assert outcome(source, names) == text.rstrip()
            shown += 1
        elif kind == "python":
            exec(source, names)
    assert shown == [kind for kind, _ in BLOCKS].count("text") == 4


COMMANDS = [text.removeprefix("$ ").partition("\n")[::2] for kind, text in BLOCKS if kind == "console"]


@pytest.mark.parametrize(("command", "output"), COMMANDS)
def test_commands(command, output, tmp_path):
    shutil.copytree(BOOK / "course", tmp_path, dirs_exist_ok=True)
    program, *arguments = command.split()
    assert program == "python"
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == (output, "", 1)


def test_the_exercise_has_ten_lines():
    """Imports and blank lines apart."""
    lines = [line for line in BLOCKS[0][1].splitlines() if line and "import " not in line]
    assert len(lines) <= 10
    assert len(COMMANDS) == 2
