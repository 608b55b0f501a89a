"""Pack the built book into one zip that opens from a folder: python tools/offline.py.

Left out is what a file: address cannot run: Python for the browser, the notebook site, and the search.
"""

import zipfile
from pathlib import Path

SITE = Path(__file__).parents[1] / "_build" / "html"
PACKED = SITE.parent / "batch-normalization.zip"
NEED_A_SERVER = {"pyodide", "lite", "pagefind", "_sources", "objects.inv", ".buildinfo"}


def main():
    if not (SITE / "index.html").exists():
        raise SystemExit(f"there is no book in {SITE}: make book builds it")
    files = [file for file in sorted(SITE.rglob("*")) if file.is_file()]
    with zipfile.ZipFile(PACKED, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in files:
            path = file.relative_to(SITE)
            if path.parts[0] not in NEED_A_SERVER:
                packed.write(file, Path("batch-normalization") / path)
    print(f"{PACKED}: {PACKED.stat().st_size / 1e6:.1f} MB; open index.html in it")


if __name__ == "__main__":
    main()
