"""Execute the book's notebooks and store their outputs in canonical form; `stale` compares two of a cell's.

python tools/notebooks.py store [NOTEBOOK ...]
"""

import base64
import io
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
import numpy as np
from matplotlib.image import imread
from nbclient import NotebookClient

BOOK = Path(__file__).parent.parent / "book"
README_FIGURE = BOOK.parent / "assets" / "first-figure.png"  # the first page's
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# Steps too large to converge magnify the last bit, and the curve shows it. These make the last bit the same
# on every x86 processor with AVX2: one thread, and none of the wider instructions that only some have.
SAME_ROUNDING = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
}
PIXEL_TOLERANCE = 0.1  # of the range from black to white: font hinting differs between machines by less
TILE, TILE_TOLERANCE = 16, 0.05  # pixels; one changed digit touches more than this share of some tile


def store(path):
    """Execute a notebook and write it back with nothing in it that changes from run to run."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=300,
        record_timing=False,
        coalesce_streams=True,  # how often a kernel sends what it prints is a matter of time
        resources={"metadata": {"path": BOOK}},
        extra_arguments=["--IPKernelApp.log_level=40"],  # no word about the loopback transport
    )
    client.execute()
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat_minor = 5
    for number, cell in enumerate(notebook.cells):
        cell.id = f"{path.stem[:40].replace('_', '-')}-{number:03d}"
        for output in cell.get("outputs", []):
            output.get("metadata", {}).clear()
    nbformat.validate(notebook)
    nbformat.write(notebook, path)
    if path.stem == "intro":
        README_FIGURE.write_bytes(pictures(notebook.cells)[0])


def pictures(cells):
    """The PNG files among the outputs of some cells, as bytes."""
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return [base64.b64decode(o.data["image/png"]) for o in outputs if "image/png" in o.get("data", {})]


def stale(stored, fresh):
    """Say which of a cell's stored figures differ from those of its fresh twin."""
    stored, fresh = pictures([stored]), pictures([fresh])
    if len(stored) != len(fresh):
        return f"{len(stored)} figures stored, {len(fresh)} computed"
    pairs = enumerate(zip(stored, fresh, strict=True), start=1)
    return "; ".join(f"figure {i} is stale" for i, (a, b) in pairs if differ(a, b))


def differ(stored, fresh):
    """Whether two PNG files differ in some tile by more than two machines' ways to draw the same figure."""
    stored, fresh = (imread(io.BytesIO(picture)) for picture in (stored, fresh))
    if stored.shape != fresh.shape:
        return True
    changed = np.abs(stored - fresh).max(axis=-1) > PIXEL_TOLERANCE
    rows, columns = (-(-n // TILE) for n in changed.shape)
    tiles = np.zeros((rows * TILE, columns * TILE))
    tiles[: changed.shape[0], : changed.shape[1]] = changed
    return tiles.reshape(rows, TILE, columns, TILE).mean(axis=(1, 3)).max() > TILE_TOLERANCE


def main(task=None, *names):
    if task != "store":
        sys.exit(__doc__)
    os.environ |= SAME_ROUNDING
    paths = [Path(name) for name in names] or sorted(BOOK.glob("*.ipynb"))
    with ProcessPoolExecutor(2) as pool:
        for path, _ in zip(paths, pool.map(store, paths), strict=True):
            print(f"  stored {path.stem}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
