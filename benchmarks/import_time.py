"""What `import bnlib` adds to `import numpy`: median of interleaved fresh interpreters."""

import subprocess
import sys
from statistics import median

PROGRAM = "import time; a = time.perf_counter(); import {}; print(time.perf_counter() - a)"
RUNS = 15


def seconds(module):
    return float(subprocess.check_output([sys.executable, "-c", PROGRAM.format(module)]))


def main():
    pairs = [(seconds("numpy"), seconds("bnlib")) for _ in range(RUNS)]
    numpy, both = (1000 * median(times) for times in zip(*pairs, strict=True))
    print(f"import numpy {numpy:.0f} ms, import bnlib {both:.0f} ms: bnlib adds {both - numpy:.0f} ms")


if __name__ == "__main__":
    main()
