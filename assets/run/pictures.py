"""The matplotlib backend of a page: plt.show(), or the end of a cell, sends every open figure as a PNG."""

import base64
import io
import sys

import runner
from matplotlib import pyplot
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas  # noqa: F401, matplotlib looks for it


def show(*args, **kwargs):
    sys.stdout.flush()
    figures = [pyplot.figure(number) for number in pyplot.get_fignums()]
    forget()  # first: one that cannot be drawn must not come again with the next cell
    for figure in figures:
        send_picture(figure)


def forget():
    pyplot.close("all")


def send_picture(figure):
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=figure.dpi, bbox_inches="tight")
    runner.send("png", base64.b64encode(picture.getvalue()).decode())
