"""What is installed: `python -m bnlib`."""

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main():
    """Print the versions, the engines that can run here, and where the book is."""
    print(f"bnlib {installed('bnlib')}, NumPy {installed('numpy')}, torch {installed('torch')}")
    print("engines: numpy, always;", f"compiled, {'with' if find_spec('numba') else 'which needs'} numba")
    page, source = ROOT / "_build" / "html" / "index.html", ROOT / "_toc.yml"
    if page.exists():
        print(f"the book: {page}")
    elif source.exists():
        print(f"the book: `make book` in {ROOT} builds it")
    else:
        print("the book: in the package's source, which is not here; its README says how to build it")


def installed(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"


if __name__ == "__main__":
    main()
