"""Python for the reader's browser: fetch Pyodide with pip, check every file, lay it out beside the book.

python tools/runtime.py fetch             # into _build/pyodide; does nothing where it is there already
python tools/runtime.py record FOLDER     # for a new version: FOLDER is npm's package `pyodide`, unpacked

PyPI has no WebAssembly wheels of numpy or matplotlib under their own names, but one package, made for
another purpose, carries a whole Pyodide: the MIRROR. It is trusted for nothing: tools/runtime.json records
the SHA-256 of every file, as npm's package and its lock file have them. What the mirror lacks is pure
Python and comes from PyPI under its own name, again by recorded hash.
"""

import gzip
import hashlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
RECORD = ROOT / "tools" / "runtime.json"
RUNTIME = ROOT / "_build" / "pyodide"
MIRROR, FOLDER_IN_MIRROR = "open-webui==0.12.4", "open_webui/frontend/pyodide/"
CORE = ["pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip"]
CHAPTERS_NEED = ["numpy", "matplotlib", "sympy"]  # and what these need in turn
NOTEBOOKS_NEED = ["micropip", "ipython", "jedi"]
NOT_IN_LOCK = {"comm": "0.2.3"}  # pure Python without dependencies
LOCK = "pyodide-lock.json"
# Pages show figures as PNG: without a writer of PDF files, windows, samples, and fonts of other kinds.
NOT_FOR_PAGES = {"fonttools", "pytz"}
NOT_DRAWN_WITH = re.compile(
    r"/(sample_data|fonts/afm|fonts/pdfcorefonts|backends/_tkagg)\b|/DejaVu(Serif|SansMono-)"
)


class WrongFile(Exception):
    """A file is not the one that was recorded."""


def fetch(runtime=RUNTIME):
    """Put every recorded file into `runtime`, all or nothing."""
    if is_there(runtime):
        return
    recorded = json.loads(RECORD.read_text())
    runtime.parent.mkdir(exist_ok=True)
    for old in runtime.parent.glob("fetching-*"):
        shutil.rmtree(old)
    with tempfile.TemporaryDirectory(dir=runtime.parent, prefix="fetching-") as working:
        part = Path(working) / "part"
        part.mkdir()
        hashes = hashes_of(recorded)
        archive = download(recorded["mirror"], working)
        with zipfile.ZipFile(archive) as mirror:
            inside = set(mirror.namelist())
            for name, expected in hashes.items():
                if FOLDER_IN_MIRROR + name in inside:
                    write_checked(part / name, mirror.read(FOLDER_IN_MIRROR + name), expected)
        for package in recorded["lock"]["packages"].values():
            if not (part / package["file_name"]).exists():
                wheel = download(f"{package['name']}=={package['version']}", working)
                write_checked(part / package["file_name"], wheel.read_bytes(), package["sha256"])
        if missing := hashes.keys() - {path.name for path in part.iterdir()}:
            raise WrongFile(f"{recorded['mirror']} lacks {', '.join(sorted(missing))}")
        (part / LOCK).write_text(json.dumps(recorded["lock"]))
        if runtime.exists():
            runtime.rename(Path(working) / "old")
        part.rename(runtime)


def hashes_of(recorded):
    """{file name: SHA-256} of everything that is recorded."""
    packages = recorded["lock"]["packages"].values()
    return recorded["core"] | {package["file_name"]: package["sha256"] for package in packages}


def is_there(runtime=RUNTIME):
    """Whether `runtime` holds every recorded file, unchanged."""
    recorded = json.loads(RECORD.read_text())
    if not (runtime / LOCK).exists() or json.loads((runtime / LOCK).read_text()) != recorded["lock"]:
        return False
    paths = {runtime / name: expected for name, expected in hashes_of(recorded).items()}
    return all(path.exists() and sha256(path.read_bytes()) == expected for path, expected in paths.items())


def download(requirement, folder):
    """The one wheel that pip downloads for a requirement."""
    target = Path(tempfile.mkdtemp(dir=folder))
    # The wheels are for the reader's Python, whichever runs this.
    pip(
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--ignore-requires-python",
        f"--dest={target}",
        requirement,
    )
    (wheel,) = target.iterdir()
    return wheel


def pip(*arguments):
    command = [sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, env=os.environ | {"SOURCE_DATE_EPOCH": "315532800"})


def write_checked(path, content, expected):
    seen = sha256(content)
    if seen != expected:
        raise WrongFile(
            f"{path.name}: the SHA-256 is {seen}, the recorded one {expected}; nothing was kept"
        )
    path.write_bytes(content)


def install(destination, runtime=RUNTIME):
    """Copy the runtime to `destination`, with the wheel of this very bnlib entered in its lock file."""
    shutil.rmtree(destination, ignore_errors=True)
    destination.mkdir(parents=True)
    recorded = json.loads(RECORD.read_text())
    for name in hashes_of(recorded):
        shutil.copy(runtime / name, destination)
    lock = recorded["lock"]
    wheel = build_bnlib(destination)
    lock["packages"]["bnlib"] = entry("bnlib", wheel, depends=["numpy"])
    (destination / LOCK).write_text(json.dumps(lock))


def install_for_pages(folder):
    """Add to an installed runtime what pages load, which is less than notebooks do.

    page-lock.json is a lock file of their own; page.json, which is returned, has the sizes and hashes of
    what it leads to.
    """
    lock = page_lock(json.loads((folder / LOCK).read_text()), folder)
    facts = page_files(lock, folder)
    (folder / "page-lock.json").write_text(json.dumps(lock))
    (folder / "page.json").write_text(json.dumps(facts))
    return facts


def page_lock(lock, folder):
    """The lock file without what no page needs; its matplotlib is a wheel cut down, in `folder`."""
    packages = {name: dict(package) for name, package in lock["packages"].items()}
    plotting = packages["matplotlib"]
    plotting["depends"] = [name for name in plotting["depends"] if name not in NOT_FOR_PAGES]
    short = folder / "page" / plotting["file_name"]
    short.parent.mkdir(exist_ok=True)
    copy_wheel(folder / plotting["file_name"], short, leave_out=NOT_DRAWN_WITH)
    plotting |= {"file_name": f"page/{short.name}", "sha256": sha256(short.read_bytes())}
    return lock | {"packages": packages}


def copy_wheel(source, target, leave_out):
    """A wheel without the files whose names match."""
    with zipfile.ZipFile(source) as whole, zipfile.ZipFile(target, "w") as part:
        for info in whole.infolist():
            if not leave_out.search(info.filename):
                part.writestr(info, whole.read(info), zipfile.ZIP_DEFLATED, 9)


def page_files(lock, folder):
    """{known: {file: {bytes, wire, sha256}}, needs: {package: [file, ...]}} of a lock file.

    Its files lie in `folder`.
    """
    packages = lock["packages"]

    def with_needs(name):
        found = [name]
        for other in found:
            found += [need for need in packages[other]["depends"] if need not in found]
        return [packages[each]["file_name"] for each in found]

    needs = {name: with_needs(name) for name in ("bnlib", "numpy", "matplotlib", "sympy")}
    needs["python"] = ["pyodide.asm.wasm", "python_stdlib.zip"]
    known = {name: file_facts(folder / name) for name in sorted({*itertools.chain(*needs.values())})}
    return {"known": known, "needs": needs}


def file_facts(path):
    """Size, size as a host sends it (WebAssembly compressed, an archive as it is), and hash."""
    content = path.read_bytes()
    wire = len(gzip.compress(content, 6)) if path.suffix == ".wasm" else len(content)
    return {"bytes": len(content), "wire": wire, "sha256": sha256(content)}


def entry(name, wheel, depends=()):
    """A pure-Python package as Pyodide's lock file has it."""
    return {
        "name": name,
        "version": wheel.name.split("-")[1],
        "file_name": wheel.name,
        "install_dir": "site",
        "sha256": sha256(wheel.read_bytes()),
        "package_type": "package",
        "imports": [name],
        "depends": list(depends),
        "unvendored_tests": False,
    }


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def build_bnlib(destination):
    """The wheel of bnlib, built from a copy, so that the build leaves nothing in the working tree."""
    with tempfile.TemporaryDirectory() as working:
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, working)
        shutil.copytree(
            ROOT / "bnlib", Path(working) / "bnlib", ignore=shutil.ignore_patterns("__pycache__")
        )
        pip("wheel", "--no-deps", "--no-build-isolation", f"--wheel-dir={destination}", working)
    (wheel,) = destination.glob("bnlib-*.whl")
    return wheel


def record(package):
    """Write tools/runtime.json: the hashes of npm's files, and its lock file cut down to what we use."""
    lock = json.loads((package / LOCK).read_text())
    wanted, queue = {}, CHAPTERS_NEED + NOTEBOOKS_NEED
    while queue:
        name = queue.pop()
        if name not in wanted:
            wanted[name] = lock["packages"][name]
            queue += [dependency.replace("_", "-") for dependency in wanted[name]["depends"]]
    with tempfile.TemporaryDirectory() as working:
        with zipfile.ZipFile(download(MIRROR, working)) as mirror:
            inside = set(mirror.namelist())
        for name, package_of_lock in wanted.items():
            if FOLDER_IN_MIRROR + package_of_lock["file_name"] not in inside:
                wheel = download(f"{name}=={package_of_lock['version']}", working)
                package_of_lock |= {"file_name": wheel.name, "sha256": sha256(wheel.read_bytes())}
        for name, version in NOT_IN_LOCK.items():
            wanted[name] = entry(name, download(f"{name}=={version}", working))
    record = {
        "pyodide": json.loads((package / "package.json").read_text())["version"],
        "mirror": MIRROR,
        "core": {name: sha256((package / name).read_bytes()) for name in CORE},
        "lock": {"info": lock["info"], "packages": dict(sorted(wanted.items()))},
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    try:
        match sys.argv[1:]:
            case ["fetch"]:
                fetch()
            case ["record", folder]:
                record(Path(folder))
            case _:
                sys.exit(__doc__)
    except (WrongFile, subprocess.CalledProcessError, OSError, zipfile.BadZipFile) as error:
        sys.exit(f"runtime: {error}")
