"""What Python compiled while a page ran, as one archive: the next page unpacks it and need not compile."""

import io
import sys
import zipfile
from pathlib import Path

PACKAGES = Path(next(path for path in sys.path if path.endswith("site-packages")))
sys.dont_write_bytecode = False
known = set()


def files():
    """Compiled modules, and matplotlib's list of the fonts that it found."""
    found = {*PACKAGES.rglob("*.pyc")}
    if "matplotlib" in sys.modules:
        found |= {*Path(sys.modules["matplotlib"].get_cachedir()).glob("fontlist*.json")}
    return found


def pack():
    """The archive, or None where nothing is new in it."""
    found = files()
    if found <= known:
        return None
    known.update(found)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        for path in found:
            content = path.read_bytes()
            if path.suffix == ".pyc":  # flag 1: do not look at the time of the source
                content = content[:4] + (1).to_bytes(4, "little") + bytes(8) + content[16:]
            packed.writestr(str(path)[1:], content)
    return archive.getvalue()


def unpack(archive):
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        packed.extractall("/")
    known.update(files())
