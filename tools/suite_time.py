"""Wall time of every chapter, executed alone, and of `make test` from a warm environment."""

import subprocess
import time

import notebooks


def seconds(task, *arguments):
    start = time.perf_counter()
    task(*arguments)
    return time.perf_counter() - start


def make_test():
    subprocess.run(["make", "test"], cwd=notebooks.BOOK.parent, check=True, stdout=subprocess.DEVNULL)


def main():
    for path in sorted(notebooks.BOOK.glob("*.ipynb")):
        print(f"{path.stem:>22} {seconds(notebooks.execute, path):6.1f} s", flush=True)
    print(f"{'make test':>22} {seconds(make_test):6.1f} s")


if __name__ == "__main__":
    main()
