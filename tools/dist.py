"""Build the source distribution, the wheel out of it, and use that in a clean environment with NumPy alone.

python tools/dist.py    # leaves both in _build/dist
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIST = ROOT / "_build" / "dist"
LARGEST = 1_500_000  # bytes of the wheel
USE = """
import sys
import numpy as np
import bnlib
from bnlib import check, data
from bnlib.network import fold_all

network, lines = data.load_direction_network(), data.load_text_lines()
folded, (done, left) = fold_all(network.eval())
x = lines.both_ways()[0][:8]
assert np.allclose(folded(x), network(x), atol=1e-4) and len(done) == 35 and not left
assert check.forward(lambda x, gamma, beta, eps: bnlib.batch_norm(x, gamma, beta, eps=eps)[0]).ok
assert not {"torch", "matplotlib"} & set(sys.modules)
"""


def run(*command, **options):
    subprocess.run(command, check=True, **options)


def main():
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir(parents=True)
    pack = f"from setuptools import build_meta; build_meta.build_sdist({str(DIST)!r})"
    run(sys.executable, "-c", pack, cwd=ROOT, stdout=subprocess.DEVNULL)
    (source,) = DIST.glob("*.tar.gz")
    quiet = ("--quiet", "--disable-pip-version-check", "--no-deps")
    run(sys.executable, "-m", "pip", "wheel", *quiet, "--no-build-isolation", "-w", DIST, source)
    (wheel,) = DIST.glob("*.whl")
    if wheel.stat().st_size > LARGEST:
        sys.exit(f"{wheel.name} has {wheel.stat().st_size} bytes, more than {LARGEST}")
    clean = DIST / "clean"
    run(sys.executable, "-m", "venv", clean)
    python = clean / "bin" / "python"
    run(python, "-m", "pip", "install", *quiet[:2], "-c", ROOT / "requirements.txt", wheel)
    elsewhere = {"cwd": DIST}  # or Python would import the checkout
    run(python, "-c", USE, **elsewhere)
    run(python, "-m", "bnlib", **elsewhere)
    shutil.rmtree(clean)
    print(f"{source.name}, {wheel.name}: {wheel.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
