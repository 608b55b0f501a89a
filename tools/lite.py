"""Build the notebook site: every chapter that runs in a browser, in Jupyter, on the book's own Pyodide.

python tools/lite.py OUTPUT PYODIDE

In the site the two folders lie beside each other; bnlib is added to PYODIDE there.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from lite_notebooks import CONTENTS, contents, data_files, file_name, readable_notebooks

APPS = ("notebooks", "tree")  # one notebook on a page, and the list of all
KERNEL = "@jupyterlite/pyodide-kernel-extension:kernel"
AT_THE_START = ["micropip", "comm", "ipython", "jedi"]  # loaded together from the lock file, not one by one
SETTINGS = {
    "jupyter-lite-schema-version": 0,
    "jupyter-config-data": {
        "appName": "Batch Normalization, derived and tested",
        "appUrl": "./tree",
        "faviconUrl": "./tree/favicon.ico",
        "disabledExtensions": ["@jupyterlab/cell-toolbar-extension"],  # it raises errors on MyST cells
        "litePluginSettings": {
            KERNEL: {
                "pyodideUrl": "./../pyodide/pyodide.mjs",
                "disablePyPIFallback": True,
                "loadPyodideOptions": {"packages": AT_THE_START},
            }
        },
    },
}
OVERRIDES = {"@jupyterlab/apputils-extension:themes": {"adaptive-theme": True}}  # light or dark
INLINE_SCRIPT = re.compile(r"<script(?: type=.module.)?>[^<]*?import\(\s*'([^']+)'\s*\);?[^<]*</script>")
MANIFEST = re.compile(r'<link rel="manifest"[^>]*>')
OTHER_HOST = re.compile(r"https?://[^\s\"']+")


def fill(folder, notebooks):
    """Write what the build reads: settings, notebooks, and the files that they load."""
    files = folder / "contents"
    files.mkdir(parents=True)
    (folder / "jupyter-lite.json").write_text(json.dumps(SETTINGS))
    (folder / "overrides.json").write_text(json.dumps(OVERRIDES))
    nbformat.write(contents(), files / CONTENTS)
    for name, notebook in notebooks.items():
        nbformat.write(notebook, files / file_name(name))
        for file in data_files(name):
            shutil.copy(file, files)
    return {path.name for path in files.iterdir()}


def build(folder, site):
    """Run the builder in a new folder: with the data base of an earlier run it would skip the settings."""
    command = [sys.executable, "-m", "jupyterlite_core", "build", "--lite-dir", ".", "--output-dir", site]
    options = ["--contents", "contents", "--no-sourcemaps", "--no-unused-shared-packages"]
    apps = [word for app in APPS for word in ("--apps", app)]
    done = subprocess.run([*command, *options, *apps], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{done.stdout}\n{done.stderr}\nThe notebook site could not be built.")


def tighten(site):
    """Move the start of each page out of its HTML, so that a strict policy for scripts can hold."""
    for page in [site / "index.html", *(site / app / "index.html" for app in APPS)]:
        html, scripts = INLINE_SCRIPT.subn(r'<script type="module" src="\1"></script>', page.read_text())
        expect(scripts == 1, f"{page} does not start as expected")
        page.write_text(MANIFEST.sub('<link rel="icon" href="favicon.ico">', html))


def check(site, pyodide, wanted):
    """Stop unless the site is whole, and takes everything from its own host."""
    settings = json.loads((site / "jupyter-lite.json").read_text())
    kernel = settings["jupyter-config-data"]["litePluginSettings"].get(KERNEL, {})
    expect(kernel.get("pyodideUrl") == "./../pyodide/pyodide.mjs", "the kernel would not use our Pyodide")
    texts = [path.read_text() for path in site.rglob("jupyter-lite.json")]
    hosts = {url for text in texts for url in OTHER_HOST.findall(text)}
    expect(not hosts, f"other hosts in the settings: {hosts}")
    listed = {
        entry["name"] for entry in json.loads((site / "api/contents/all.json").read_text())["content"]
    }
    expect(listed == wanted, f"notebooks listed: {sorted(listed)}, wanted: {sorted(wanted)}")
    locked = json.loads((pyodide / "pyodide-lock.json").read_text())["packages"]
    missing = {*AT_THE_START, "numpy", "matplotlib", "sympy"} - set(locked)
    expect(not missing, f"not in pyodide-lock.json: {missing}")


def expect(condition, problem):
    """Stop with the problem unless the condition holds."""
    if not condition:
        sys.exit(f"tools/lite.py: {problem}")


def main(output, pyodide):
    output, pyodide = Path(output).resolve(), Path(pyodide).resolve()
    work = output.parent / "lite-in-progress"
    site = work / "site"
    shutil.rmtree(work, ignore_errors=True)
    wanted = fill(work / "source", readable_notebooks())
    build(work / "source", site)
    tighten(site)
    check(site, pyodide, wanted)
    shutil.rmtree(output, ignore_errors=True)
    output.parent.mkdir(parents=True, exist_ok=True)
    site.rename(output)
    shutil.rmtree(work)
    print(f"  {output.name}: {sum(file.is_file() for file in output.rglob('*'))} files")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
