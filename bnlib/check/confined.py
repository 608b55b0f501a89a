"""Run a function of a student's in a process of its own: with a time limit, and without the network.

This keeps accidents apart: endless loops, crashes, full memories, prints without end. It is no wall
against an attack: student's code and check share the process, so code that wants to can forge its report.
"""

import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
from contextlib import suppress
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path
from threading import Lock

import numpy as np

try:
    import resource
except ImportError:  # not on Windows, where memory has no limit then
    resource = None

from bnlib import check
from bnlib.check.assignment import read_assignment
from bnlib.check.report import Report
from bnlib.check.submissions import KINDS, first_line, run_submission

START = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
MEMORY = 4 << 30  # bytes of addresses
FILE = 16 << 20  # bytes of any file that is written
FILES = 64  # that are written, each of another name
FAILED = ("missing", "too slow", "crashed", "not checked")
LONGEST = 20_000  # letters of a report
FORBIDDEN = (
    *("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn"),
    "os.kill",  # and os.killpg
)
SHARED = (np, np.linalg, np.random, check)  # whose names a submission has no business to change
NAMES = ("os.rename", "os.link")  # what was written, so that its old name is free for more
WRITES = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_TRUNC
TRIES = 3  # to start a process
ASKING = Lock()  # a process tells its exit code once: of two threads that ask, one would hear 255


def check_confined(submission, assignment, name, seconds):
    """The Report on one function of a submission; whatever happens in there, there is one."""
    given = submission.resolve(), assignment and Path(assignment).resolve(), name
    context = multiprocessing.get_context(START)
    if START == "forkserver":
        context.set_forkserver_preload(["bnlib.check.confined"])
    receiver, sender = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        child = start(context, (sender, *given, Path(folder).resolve(), seconds))
        sender.close()
        try:
            if not receiver.poll(seconds):
                return failed("too slow", f"longer than {seconds:g} seconds")
            return Report(**json.loads(receiver.recv_bytes(20 * LONGEST)))
        except EOFError:
            return failed("crashed", f"the process ended {describe_end(end_of(child))}")
        except (OSError, ValueError, TypeError):
            return failed("crashed", "what came back is no report")
        finally:
            with suppress(AttributeError, OSError):  # not on Windows; or none of its processes is left
                os.killpg(child.pid, signal.SIGKILL)
            child.kill()
            end_of(child)
            receiver.close()


def start(context, given):
    """A process at work; the server that makes them is started again where it has ended."""
    for left in reversed(range(TRIES)):
        child = context.Process(target=work, args=given, daemon=True)
        try:
            with ASKING:
                child.start()  # it asks all others whether they have ended
        except (EOFError, OSError):
            if not left:
                raise
        else:
            return child


def end_of(child):
    """Wait for the end of a process, and return its exit code."""
    wait([child.sentinel])  # without the lock: others start meanwhile
    with ASKING:
        child.join()
    return child.exitcode


def failed(kind, words):
    """A report that no check made, of one of the kinds in `FAILED`."""
    return Report(False, f"{kind}: {words}", [kind])


def describe_end(code):
    return f"by signal {-code}" if code < 0 else f"with exit code {code}, before it had a report"


def work(sender, submission, assignment, name, folder, seconds):
    """The child's whole life: shut itself in, run the submission, check one function, send the report."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, min(2 * seconds + 5, 1e6))  # the end, if no one else makes it
    shut_in(folder, [path.parent for path in (submission, assignment) if path])
    report = check_function(submission, assignment, name)
    fields = {"ok": bool(report.ok), "text": report.text[:LONGEST], "misconceptions": report.misconceptions}
    sender.send_bytes(json.dumps(fields).encode())
    sender.close()
    os._exit(0)  # whatever threads are left


def check_function(submission, assignment, name):
    """The report of the check on a submission's function, or on why there is none."""
    confirm = read_assignment(assignment).checks[name]
    before = [dict(vars(module)) for module in SHARED]
    names, trouble = run_submission(submission)
    if name not in names:
        return failed("missing", f"nothing is called {name}{f'; {trouble}' if trouble else ''}")
    report = apply(confirm, names[name], name)
    if changed := changed_names(before):
        words = f"wrong: your code changes {', '.join(changed[:3])}, which all code shares: rename yours"
        return Report(False, words, ["changes-a-library"])
    if trouble and "raises" in report.misconceptions:
        return Report(False, f"{report.text}\nbefore that: {trouble}", report.misconceptions)
    return report


def apply(confirm, given, name):
    """The report of a check on what a submission calls by a name."""
    try:
        report = confirm(given)
    except Exception as error:
        if isinstance(error, TypeError) and not callable(given):
            return failed("missing", f"{name} is no function, but of type {type(given).__name__}")
        return failed("not checked", f"the check raises {first_line(error)}")
    except BaseException as error:
        return failed("crashed", f"your code raises {first_line(error)}, which ends the process")
    if not isinstance(report, Report):
        return failed("not checked", f"the check must return a Report, got {type(report).__name__}")
    return report


def changed_names(before):
    """The names in `SHARED` that mean something else than before; new ones do no harm."""
    return [
        f"{module.__name__}.{name}"
        for module, names in zip(SHARED, before, strict=True)
        for name, value in names.items()
        if vars(module).get(name) is not value
    ]


def shut_in(folder, homes):
    """No input, no output, no network, no other programs, and an end to memory and files.

    What lies beside the submission or the assignment, its `homes`, can be imported, and is seen in the
    folder where the code runs; what is written there stays there. A library's module goes before one of
    these, so that a file called random.py is no module of others.
    """
    if hasattr(os, "setsid"):
        os.setsid()  # a group of its own, which ends as one
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.environ |= {"MPLBACKEND": "Agg", "TMPDIR": str(folder)}
    tempfile.tempdir = str(folder)
    os.chdir(folder)
    sys.path += map(str, homes)
    for file in (file for home in reversed(homes) for file in home.iterdir() if is_data(file)):
        with suppress(OSError):  # of two with one name the assignment's; Windows may want to be asked
            (folder / file.name).symlink_to(file)
    if resource:
        limits = ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, FILE), (resource.RLIMIT_CORE, 0))
        for limit, most in limits:
            with suppress(ValueError, OSError):  # a lower one is in force
                resource.setrlimit(limit, (most, most))
    sys.dont_write_bytecode = True  # its files would count
    sys.addaudithook(partial(refuse, folder, homes, set()))


def is_data(path):
    return not path.name.startswith(".") and path.suffix.lower() not in KINDS


def refuse(folder, homes, written, event, given):
    """Raise an error for what a submission may not do; an audit hook that notes what is written."""
    if event.startswith(FORBIDDEN):
        raise PermissionError(f"{event} is not allowed while code is checked")
    opens = event == "open" and isinstance(given[0], (str, bytes)) and (given[2] or 0) & WRITES
    if opens or event in NAMES:
        target = given[0] if opens else given[1]  # of two names the new one
        path = Path(os.fsdecode(target)).absolute()
        written.add(path)
        if len(written) > FILES:
            raise PermissionError(f"writing more than {FILES} files is not allowed while code is checked")
        if path.parent == folder and path.is_symlink():
            whose = path.readlink()
            path.unlink()
            shutil.copyfile(whose, path)  # its own, from now on
        elif is_in(path.resolve(), homes) and not is_in(path.resolve(), [folder]):
            raise PermissionError(f"writing to {path} is not allowed while code is checked")


def is_in(path, folders):
    return any(map(path.is_relative_to, folders))
