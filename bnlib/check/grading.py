"""Grade submissions: a report on every function, scores, and who made which mistake."""

import multiprocessing
import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor, wait

from bnlib.check.confined import FAILED, check_confined
from bnlib.check.library import MISCONCEPTIONS
from bnlib.progress import reported


def grade(submissions, assignment, path=None, seconds=10, jobs=None):
    """Check every function of every submission.

    Parameters
    ----------
    submissions : dict of str to pathlib.Path
        Their files by name (`bnlib.check.submissions.find_submissions`).
    assignment : Assignment
        As read from `path` (`bnlib.check.assignment.read_assignment`).
    path : path-like, optional
        The assignment's file; every process reads it again.
    seconds : float
        The most that the check of a function may take, the submission's own code included.
    jobs : int, optional
        Processes at a time: by default as many as there are processors.

    Returns
    -------
    dict of str to dict of str to Report
        By submission and function.
    """
    pairs = [(name, function) for name in submissions for function in assignment.checks]

    def one(pair):
        name, function = pair
        return check_confined(submissions[name], path, function, seconds)

    with ThreadPoolExecutor(jobs or os.cpu_count()) as threads:
        futures = [threads.submit(one, pair) for pair in pairs]
        try:
            reports = [future.result() for future in reported(futures, len(futures))]
        except BaseException:  # Ctrl-C: what runs is not waited for
            kill(futures)
            raise
    graded = {name: {} for name in submissions}
    for (name, function), report in zip(pairs, reports, strict=True):
        graded[name][function] = report
    return graded


def kill(futures):
    """End what runs, and what a thread is about to start."""
    for future in futures:
        future.cancel()
    while wait(futures, timeout=0.05).not_done:
        for child in multiprocessing.active_children():
            child.kill()


def score(reports, assignment):
    """The points of one submission, and of how many: from its reports by function."""
    return (
        sum(assignment.worth(name) for name, report in reports.items() if report.ok),
        sum(assignment.worth(name) for name in reports),
    )


def describe(reports, assignment):
    """One submission in words: every function with its report, then the score."""
    lines = []
    for name, report in reports.items():
        lines += [name, *(f"    {line}" for line in repr(report).splitlines()), ""]
    got, most = score(reports, assignment)
    return "\n".join([*lines, f"score: {got:g} of {most:g}"])


def tabulate(graded, assignment, others=()):
    """Many submissions in words: a line each, every mistake with those who made it, and files left out."""
    width = max(map(len, graded))
    functions = list(assignment.checks)
    lines = [" ".join([" " * width, *functions, "score"])]
    for name, reports in graded.items():
        marks = [verdict(reports[key]).ljust(len(key)) for key in functions]
        got, most = score(reports, assignment)
        lines.append(" ".join([name.ljust(width), *marks, f"{got:g} of {most:g}"]))
    who = defaultdict(list)
    for name, reports in graded.items():
        for function, report in reports.items():
            for mistake in [] if report.ok else dict.fromkeys(map(sentence, report.misconceptions)):
                who[function, mistake].append(name)
    for function in functions:
        made = sorted(((key[1], names) for key, names in who.items() if key[0] == function), key=by_number)
        lines += ["", function] if made else []
        lines += [f"  {len(names):3} {mistake}\n      {', '.join(names)}" for mistake, names in made]
    lines += ["", f"left out, of another kind: {', '.join(others)}"] if others else []
    return "\n".join(lines)


def by_number(made):
    return -len(made[1]), made[0]


def verdict(report):
    """A report in a letter: + right, - wrong, . not tried, ? for what has no report of a check."""
    if report.ok:
        return "+"
    if report.text == "not tried yet":
        return "."
    return "?" if report.misconceptions[:1] in [[kind] for kind in FAILED] else "-"


def sentence(mistake):
    """What the library says to the id of a misconception; other ids and sentences are words already."""
    return MISCONCEPTIONS[mistake].says if mistake in MISCONCEPTIONS else mistake.replace("-", " ")


def as_results(reports, assignment):
    """One submission in the fields of Gradescope's results.json.

    References
    ----------
    gradescope-autograders.readthedocs.io, "Autograder Specifications", sections "Output format" and "Test
    case status".
    """
    tests = [
        {
            "name": name,
            "score": assignment.worth(name) if report.ok else 0,
            "max_score": assignment.worth(name),
            "status": "passed" if report.ok else "failed",
            "output": repr(report),
            "output_format": "text",
        }
        for name, report in reports.items()
    ]
    return {"score": score(reports, assignment)[0], "tests": tests}
