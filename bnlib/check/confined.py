"""Run a function of a student's in a process of its own: with a time limit, and without the network.

This keeps accidents apart: endless loops, crashes, full memories, prints without end. It is no wall
against an attack: student's code and check share the process, so code that wants to can forge its report.
"""

import json
import multiprocessing
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

try:
    import resource
except ImportError:  # not on Windows, where memory has no limit then
    resource = None

from bnlib.check.assignment import read_assignment
from bnlib.check.report import Report
from bnlib.check.submissions import first_line, run_submission

START = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
MEMORY = 4 << 30  # bytes of addresses
FILE = 16 << 20  # bytes of any file that is written
FAILED = ("missing", "too slow", "crashed", "not checked")
LONGEST = 20_000  # letters of a report
FORBIDDEN = ("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn")


def check_confined(submission, assignment, name, seconds):
    """The Report on one function of a submission; whatever happens in there, there is one."""
    given = submission.resolve(), assignment and Path(assignment).resolve(), name
    context = multiprocessing.get_context(START)
    if START == "forkserver":
        context.set_forkserver_preload(["bnlib.check.confined"])
    receiver, sender = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        child = context.Process(target=work, args=(sender, *given, folder), daemon=True)
        child.start()
        sender.close()
        try:
            if not receiver.poll(seconds):
                return failed("too slow", f"longer than {seconds:g} seconds")
            return Report(**json.loads(receiver.recv_bytes(10 * LONGEST)))
        except EOFError:
            child.join()
            return failed("crashed", f"the process ended {describe_end(child.exitcode)}")
        except (OSError, ValueError, TypeError):
            return failed("crashed", "what came back is no report")
        finally:
            child.kill()
            child.join()
            receiver.close()


def failed(kind, words):
    """A report that no check made, of one of the kinds in `FAILED`."""
    return Report(False, f"{kind}: {words}", [kind])


def describe_end(code):
    return f"by signal {-code}" if code < 0 else f"with exit code {code}, before it had a report"


def work(sender, submission, assignment, name, folder):
    """The child's whole life: shut itself in, run the submission, check one function, send the report."""
    shut_in(folder, [path.parent for path in (submission, assignment) if path])
    report = check_function(submission, assignment, name)
    fields = {"ok": bool(report.ok), "text": report.text[:LONGEST], "misconceptions": report.misconceptions}
    sender.send_bytes(json.dumps(fields).encode())
    sender.close()
    os._exit(0)  # whatever threads are left


def check_function(submission, assignment, name):
    check = read_assignment(assignment).checks[name]
    names, trouble = run_submission(submission)
    if name not in names:
        return failed("missing", f"nothing is called {name}{f'; {trouble}' if trouble else ''}")
    try:
        report = check(names[name])
    except Exception as error:
        return failed("not checked", f"the check raises {first_line(error)}")
    except BaseException as error:
        return failed("crashed", f"your code raises {first_line(error)}, which ends the process")
    if not isinstance(report, Report):
        return failed("not checked", f"the check must return a Report, got {type(report).__name__}")
    return report


def shut_in(folder, homes):
    """No input, no output, no network, no other programs, and an end to memory and files.

    What lies beside the submission or the assignment, its `homes`, can be imported.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.environ["MPLBACKEND"] = "Agg"
    os.chdir(folder)
    sys.path[:0] = map(str, homes)
    if resource:
        limits = ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, FILE), (resource.RLIMIT_CORE, 0))
        for limit, most in limits:
            with suppress(ValueError, OSError):  # a lower one is in force
                resource.setrlimit(limit, (most, most))
    sys.addaudithook(refuse)


def refuse(event, _):
    if event.startswith(FORBIDDEN):
        raise PermissionError(f"{event} is not allowed while code is checked")
