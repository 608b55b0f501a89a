"""What is graded: a name for every function, and the check that it has to pass."""

import runpy
from dataclasses import dataclass, field
from pathlib import Path

from bnlib import check


@dataclass(frozen=True)
class Assignment:
    """The checks by the names of the functions, and what each is worth."""

    checks: dict  # name -> callable that takes the student's function, and returns a Report
    points: dict = field(default_factory=dict)  # name -> number; 1 where a name is missing

    def worth(self, name):
        return self.points.get(name, 1)


PLAYGROUND = Assignment(
    {
        "channel_stats": check.channel_stats,
        "forward": check.forward,
        "running": check.running,
        "eval_forward": check.eval_forward,
        "Layer": check.layer,
        "backward": check.backward,
        "eval_backward": check.eval_backward,
        "my_test": check.gradient_test,
    }
)


def read_assignment(path=None):
    """The assignment in a file of Python: its `checks` and `points`; without one the playground's.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it cannot be run, or `checks` or `points` is missing or of another form.
    """
    if path is None:
        return PLAYGROUND
    if not Path(path).is_file():
        raise FileNotFoundError(f"no such assignment: {path}")
    try:
        names = runpy.run_path(str(path), run_name="assignment")
    except Exception as error:
        raise ValueError(f"the assignment {path} raises {type(error).__name__}: {error}") from error
    checks, points = names.get("checks"), names.get("points", {})
    if not isinstance(checks, dict) or not checks or not all(map(is_check, checks.items())):
        raise ValueError(
            f"{path} must define `checks`, a dict of a function's name to a check that is called with it, "
            f"got {checks!r}"
        )
    known = isinstance(points, dict) and points.keys() <= checks.keys()
    if not known or not all(map(is_worth, points.values())):
        raise ValueError(
            f"`points` in {path} must map names in `checks` to numbers above 0, got {points!r}"
        )
    return Assignment(checks, points)


def is_check(item):
    name, check = item
    return isinstance(name, str) and name.isidentifier() and callable(check)


def is_worth(points):
    return isinstance(points, (int, float)) and not isinstance(points, bool) and 0 < points < float("inf")
