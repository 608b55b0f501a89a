"""Make `_build/batch-normalization.pdf` from the book as LaTeX, and fail on what would read wrong."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path("_build/latex/batch-normalization.tex")
BOOK = Path("_build/batch-normalization.pdf")

PACKAGES = {  # a file or program that is looked for: the Debian package that has it
    "latexmk": "latexmk",
    "xelatex": "texlive-xetex",
    "latinmodern-math.otf": "fonts-lmodern",
    "tabulary.sty": "texlive-latex-extra",
    "pzdr.tfm": "texlive-fonts-recommended",
    "gbsn00lp.ttf": "fonts-arphic-gbsn00lp",
}

WRONG = [
    r"^! .*(?:\n.*){0,2}",
    r"LaTeX Warning: .*(?:undefined|multiply defined).*",
    r"Missing character: .*",
    r"Overfull \\hbox \((?:[2-9]\d|\d{3,})\.\d+pt too wide\).*",
    r".*dvipdfmx:(?:warning|fatal).*",
]


def missing():
    """Return the packages to install."""

    def is_there(name):
        found = shutil.which(name)
        if not found and shutil.which("kpsewhich"):
            found = subprocess.run(["kpsewhich", name], capture_output=True).stdout
        return found

    return [package for name, package in PACKAGES.items() if not is_there(name)]


def typeset():
    """Return what LaTeX and its driver said, and whether they came to an end."""
    environment = os.environ | {"max_print_line": "1000"}  # or LaTeX breaks its warnings into pieces
    command = ["latexmk", "-xelatex", "-interaction=nonstopmode", "-halt-on-error", SOURCE.name]
    run = subprocess.run(command, cwd=SOURCE.parent, env=environment, capture_output=True, encoding="utf-8")
    log = SOURCE.with_suffix(".log")  # of the last run alone: the first ones do not know the numbers yet
    said = log.read_text(errors="replace") if log.exists() else ""
    driver = [line for line in (run.stdout + run.stderr).splitlines() if "dvipdfmx:" in line]
    return "\n".join([said, *driver]), run.returncode == 0


if __name__ == "__main__":
    if packages := missing():
        sys.exit(f"The PDF needs LaTeX: apt-get install --no-install-recommends {' '.join(packages)}")
    if "--check" in sys.argv:
        sys.exit()
    said, finished = typeset()
    wrong = [found for pattern in WRONG for found in re.findall(pattern, said, re.MULTILINE)]
    if wrong or not finished:
        sys.exit("\n".join(dict.fromkeys(wrong)) or said[-3000:])
    shutil.copy(SOURCE.with_suffix(".pdf"), BOOK)
