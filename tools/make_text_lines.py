"""Make bnlib.data's lines of text, of the book's own words: python tools/make_text_lines.py."""

import json
import re
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

ROOT = Path(__file__).parent.parent
FONTS = [  # family, weight, style; matplotlib carries them all
    ("DejaVu Sans", "normal", "normal"),
    ("DejaVu Sans", "bold", "normal"),
    ("DejaVu Sans", "normal", "oblique"),
    ("DejaVu Serif", "normal", "normal"),
    ("DejaVu Serif", "bold", "normal"),
    ("DejaVu Sans Mono", "normal", "normal"),
    ("STIXGeneral", "normal", "normal"),
    ("STIXGeneral", "normal", "italic"),
    ("cmr10", "normal", "normal"),
    ("cmss10", "normal", "normal"),
]
HEIGHT, WIDTH, MARGIN = 48, 192, 6  # pixels; the margin before the line is scaled to that height
SYMMETRIC = set("oOxXsSzZlIHN.-:|0+=()/%")  # they look alike upside down, and say nothing of the direction


def words():
    """The words of the chapters' prose, in order; formulas, code and links are left out."""
    prose = ""
    for path in sorted((ROOT / "book").glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            prose += "".join(cell["source"]) + " " if cell["cell_type"] == "markdown" else ""
    prose = re.sub(r"\$.*?\$|`.*?`|[{<\[].*?[}>\]]|\(eq.*?\)", " ", prose, flags=re.DOTALL)
    return re.findall(r"[A-Za-z][a-z]+[,.]?|[0-9]+", prose)


def draw(text, font):
    """A (48, 192) uint8 image, 0 black: the line cropped tightly, and grey to its right if it ends early.

    The network was made for crops; a loose one costs it some lines.
    """
    family, weight, style = FONTS[font]
    figure = Figure(figsize=(8, 1), dpi=96)
    canvas = FigureCanvasAgg(figure)
    figure.text(
        0.5, 0.5, text, family=family, weight=weight, style=style, size=30, ha="center", va="center"
    )
    canvas.draw()
    page = np.asarray(canvas.buffer_rgba())[:, :, 0]
    rows, columns = (np.flatnonzero((page < 250).any(axis)) for axis in (1, 0))
    page = np.pad(page[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], MARGIN, constant_values=255)
    wide = min(WIDTH, -(-HEIGHT * page.shape[1] // page.shape[0]))
    line = np.full((HEIGHT, WIDTH), 128, np.uint8)
    line[:, :wide] = np.asarray(Image.fromarray(page).resize((wide, HEIGHT), Image.Resampling.BILINEAR))
    return line


def lines(count, seed):
    """Lines of two or three words: images (count, 48, 192) of 16 greys, 15 white, their text and font."""
    rng, pool, drawn = np.random.default_rng(seed), words(), []
    while len(drawn) < count:
        start = int(rng.integers(len(pool) - 4))
        text = " ".join(pool[start : start + int(rng.integers(2, 4))])
        if 9 <= len(text) <= 18 and sum(letter not in SYMMETRIC for letter in text) >= 6:
            font = int(rng.integers(len(FONTS)))
            drawn.append((draw(text, font) >> 4, text, font))
    images, texts, fonts = zip(*drawn, strict=True)
    return {"images": np.stack(images), "text": np.array(texts), "font": np.array(fonts, np.uint8)}


if __name__ == "__main__":
    np.savez_compressed(ROOT / "bnlib" / "data" / "text_lines.npz", **lines(96, 0))
