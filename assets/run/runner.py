"""Run the cells of one page in one namespace, and send what each of them shows, as a notebook would.

The worker calls `run(source, number, send)`; `send(kind, text)` is a function of the page's script.
Kinds: stdout, stderr, text, html, png (base64), error.
"""

import ast
import io
import linecache
import os
import sys
import traceback

os.environ["MPLBACKEND"] = "module://pictures"  # loaded by matplotlib itself, where a page draws

namespace = vars(sys.modules["__main__"])
send = print  # while a cell runs, the page's


class Stream(io.TextIOBase):
    """A text stream that sends whole lines."""

    def __init__(self, kind):
        self.kind, self.line = kind, ""

    def write(self, text):
        *lines, self.line = (self.line + text).split("\n")
        if lines:
            send(self.kind, "\n".join(lines) + "\n")
        return len(text)

    def flush(self):
        if self.line:
            send(self.kind, self.line)
        self.line = ""


def run(source, number, sender):
    """Run one cell. True if it came to its end."""
    global send
    send = sender
    name = f"<cell {number}>"
    linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name
    streams = sys.stdout, sys.stderr = Stream("stdout"), Stream("stderr")
    try:
        value = evaluate(ast.parse(source, name), name)
        if value is not None:
            show_value(value)
        if "pictures" in sys.modules:
            sys.modules["pictures"].show()
        return True
    except BaseException as error:
        for stream in streams:
            stream.flush()
        send("error", explain(error))
        return False
    finally:
        for stream in streams:
            stream.flush()
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__


def evaluate(tree, name):
    """Execute all statements; the value of the last one, if it is an expression."""
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), namespace)
    return None if last is None else eval(compile(ast.Expression(last.value), name, "eval"), namespace)


def show_value(value):
    sys.stdout.flush()
    if hasattr(value, "_repr_html_"):
        send("html", value._repr_html_())
    elif type(value).__module__ == "matplotlib.figure":
        sys.modules["pictures"].send_picture(value)
    else:
        send("text", repr(value))


def explain(error):
    """The traceback from the reader's own code on: the frames of this file are left out."""
    if isinstance(error, KeyboardInterrupt):
        return "Stopped.\n"
    trace = error.__traceback__
    while trace and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace))
