"""Run the cells of one page in one namespace, and send what each of them shows, as a notebook would.

The worker calls `run(source, number, send)`; `send(kind, text)` is a function of the page's script.
Kinds: stdout, stderr, text, html, png (base64), error.
"""

import ast
import builtins
import io
import linecache
import os
import sys
import time
import traceback

os.environ["MPLBACKEND"] = "module://pictures"  # loaded by matplotlib itself, where a page draws


def no_input(prompt=""):
    raise RuntimeError("input() cannot ask anything on this page: write the value into the cell")


builtins.input = no_input
namespace = vars(sys.modules["__main__"])
send = print  # while a cell runs, the page's


class Stream(io.TextIOBase):
    """A text stream that sends what has gathered, some times a second, and after too much nothing more."""

    LONGEST, PAUSE = 200_000, 0.05  # characters of a cell, seconds: a page cannot show more, or faster

    def __init__(self, kind):
        self.kind, self.text, self.left, self.sent = kind, "", self.LONGEST, 0.0

    def write(self, text):
        if self.left >= 0:
            self.text += text
            if time.monotonic() - self.sent > self.PAUSE:
                self.flush()
        return len(text)

    def flush(self):
        if self.text:
            rest = "" if len(self.text) <= self.left else "\nThe rest is not shown.\n"
            send(self.kind, self.text[: self.left] + rest)
            self.left -= len(self.text)
            self.text, self.sent = "", time.monotonic()


def run(source, number, sender):
    """Run one cell. True if it came to its end."""
    global send
    send = sender
    name = f"<cell {number}>"
    linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name
    streams = sys.stdout, sys.stderr = Stream("stdout"), Stream("stderr")
    try:
        value = evaluate(source, name)
        sys.stdout, sys.stderr = streams  # whatever the cell has put in their place
        if value is not None and not source.rstrip().endswith(";"):
            show_value(value)
        if pictures := sys.modules.get("pictures"):
            pictures.show()
        return True
    except BaseException as error:
        for stream in streams:
            stream.flush()
        send("error", explain(error))
        return False
    finally:
        for stream in streams:
            stream.flush()
        if pictures := sys.modules.get("pictures"):
            pictures.forget()
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__


def evaluate(source, name):
    """Execute all statements; the value of the last one, if it is an expression."""
    tree = compile(source, name, "exec", ast.PyCF_ONLY_AST)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), namespace)
    return None if last is None else eval(compile(ast.Expression(last.value), name, "eval"), namespace)


def show_value(value):
    sys.stdout.flush()
    if type(value).__module__ == "matplotlib.figure":
        import pictures

        return pictures.send_picture(value)
    html = None
    if hasattr(value, "_repr_html_") and not isinstance(value, type):
        html = value._repr_html_()
    send("text", repr(value)) if html is None else send("html", html)


def explain(error):
    """The traceback from the reader's own code on: the frames of this file are left out."""
    if isinstance(error, KeyboardInterrupt):
        return "Stopped.\n"
    trace = error.__traceback__
    while trace and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    if isinstance(error, ModuleNotFoundError):
        error.add_note("Python on this page has NumPy, matplotlib, SymPy and bnlib, and nothing else.")
    return "".join(traceback.format_exception(type(error), error, trace))
