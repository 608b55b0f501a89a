"""Grade files of functions from the command line: `python -m bnlib.check solutions.py`."""

import argparse
import json
import sys
from pathlib import Path

from bnlib.check.assignment import read_assignment
from bnlib.check.grading import as_results, describe, grade, tabulate
from bnlib.check.submissions import find_others, find_submissions

ENDS = "Ends with 0 if everything is right, with 1 if something is not, with 2 if it could not begin."


def main(arguments=None):
    parser = argparse.ArgumentParser(
        "python -m bnlib.check",
        description="Check the functions in files of Python or notebooks, each in a process of its own.",
        epilog=ENDS,
    )
    parser.add_argument("submissions", nargs="+", help="a .py or .ipynb file, or a folder of them")
    parser.add_argument(
        "--assignment", help="a .py file with `checks`: names to checks (the playground's eight functions)"
    )
    parser.add_argument("--seconds", type=float, default=10, help="the most for a function (%(default)g)")
    parser.add_argument("--jobs", type=int, help="processes at a time (one a processor)")
    parser.add_argument("--json", metavar="FILE", help="write the results in Gradescope's fields")
    asked = parser.parse_args(arguments)
    try:
        if not 0 < asked.seconds < float("inf"):
            raise ValueError(f"--seconds must be above 0, got {asked.seconds:g}")
        if asked.jobs is not None and asked.jobs < 1:
            raise ValueError(f"--jobs must be at least 1, got {asked.jobs}")
        if asked.json and (not Path(asked.json).resolve().parent.is_dir() or Path(asked.json).is_dir()):
            raise ValueError(f"--json must be a file in a folder that is there, got {asked.json}")
        assignment = read_assignment(asked.assignment)
        submissions = find_submissions(asked.submissions, asked.assignment)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    try:
        graded = grade(submissions, assignment, asked.assignment, asked.seconds, asked.jobs)
    except KeyboardInterrupt:
        print("interrupted: nothing is graded", file=sys.stderr)
        return 130  # as a shell says it
    alone = len(graded) == 1 and Path(asked.submissions[0]).is_file()
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # names that the terminal cannot write
    others = find_others(asked.submissions)
    print(describe(*graded.values(), assignment) if alone else tabulate(graded, assignment, others))
    if asked.json:
        results = {name: as_results(reports, assignment) for name, reports in graded.items()}
        text = json.dumps(next(iter(results.values())) if alone else results, indent=1, ensure_ascii=False)
        Path(asked.json).write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    return 0 if all(report.ok for reports in graded.values() for report in reports.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
