"""Compare the stubs with the code: names, arguments and defaults of bnlib/**/*.pyi with those at run time.

python tools/stubs.py             # says nothing where all are equal

mypy's stubtest does it, on a copy: beside the code it would take a module without a stub for one. What is
in a stub must be in the code; what must be in a stub, tests/test_types.py says.
"""

import os
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from mypy import stubtest

ROOT = Path(__file__).parents[1]
CONFIG = """\
[mypy]
[mypy-torch.*]
follow_imports = skip
[mypy-bnlib.torch.*]
ignore_errors = true
"""  # for arguments torch's types, which take long to read, are not needed; `mypy` itself reads them


def main():
    with TemporaryDirectory() as folder:
        for stub in ROOT.glob("bnlib/**/*.pyi"):
            copy = folder / stub.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(stub, copy)
        config = Path(folder) / "stubs.ini"
        config.write_text(CONFIG)
        os.environ["MYPYPATH"] = folder
        os.chdir(folder)
        how = ["--concise", "--ignore-missing-stub", "--mypy-config-file", str(config), "bnlib"]
        try:
            return stubtest.test_stubs(stubtest.parse_options(how))
        finally:
            os.chdir(ROOT)


if __name__ == "__main__":
    sys.exit(main())
