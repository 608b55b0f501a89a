"""Python for the browser: what is fetched is what was recorded, all of it or nothing."""

import io
import json
import zipfile
from pathlib import Path

import pytest
import runtime

CONTENT = {
    "pyodide.mjs": b"start",
    "numpy-2.4.3-wasm32.whl": b"compiled",
    "six-1.17.0-py3-none-any.whl": b"pure",
}
IN_MIRROR = ["pyodide.mjs", "numpy-2.4.3-wasm32.whl"]


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A recorded runtime of three files, two of them in the mirror, and a list of what pip is asked for."""

    def package(name, version):
        file = next(file for file in CONTENT if file.startswith(name))
        return {
            "name": name,
            "version": version,
            "file_name": file,
            "sha256": runtime.sha256(CONTENT[file]),
        }

    lock = {"packages": {"numpy": package("numpy", "2.4.3"), "six": package("six", "1.17.0")}}
    core = {"pyodide.mjs": runtime.sha256(CONTENT["pyodide.mjs"])}
    record = tmp_path / "runtime.json"
    record.write_text(json.dumps({"mirror": "mirror==1", "core": core, "lock": lock}))
    monkeypatch.setattr(runtime, "RECORD", record)
    served, downloads = dict(CONTENT), []

    def download(requirement, folder):
        downloads.append(requirement)
        if requirement == "mirror==1":
            path = Path(folder) / "mirror.whl"
            with zipfile.ZipFile(path, "w") as mirror:
                for name in IN_MIRROR:
                    if name in served:
                        mirror.writestr(runtime.FOLDER_IN_MIRROR + name, served[name])
        else:
            path = Path(folder) / "six-1.17.0-py3-none-any.whl"
            path.write_bytes(served[path.name])
        return path

    monkeypatch.setattr(runtime, "download", download)
    return tmp_path / "build" / "pyodide", served, downloads


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != runtime.LOCK}


def test_fetch_takes_every_file_once(world):
    target, _, downloads = world
    runtime.fetch(target)
    assert files(target) == CONTENT
    assert downloads == ["mirror==1", "six==1.17.0"]
    runtime.fetch(target)
    assert downloads == ["mirror==1", "six==1.17.0"]


def test_a_new_record_is_fetched_anew(world):
    target, _, downloads = world
    runtime.fetch(target)
    record = json.loads(runtime.RECORD.read_text())
    record["lock"]["info"] = "new"
    runtime.RECORD.write_text(json.dumps(record))
    runtime.fetch(target)
    assert len(downloads) == 4
    assert json.loads((target / runtime.LOCK).read_text())["info"] == "new"


def test_a_file_that_was_cut_short_since_is_fetched_anew(world):
    target, _, downloads = world
    runtime.fetch(target)
    (target / "pyodide.mjs").write_bytes(b"st")
    assert not runtime.is_there(target)
    runtime.fetch(target)
    assert files(target) == CONTENT
    assert len(downloads) == 4


def test_what_an_ended_build_left_is_cleared_away(world):
    target, _, _ = world
    (target.parent / "fetching-abc" / "part").mkdir(parents=True)
    runtime.fetch(target)
    assert [path.name for path in target.parent.iterdir()] == ["pyodide"]


@pytest.mark.parametrize("name", CONTENT)
def test_a_changed_file_is_refused_and_nothing_is_left(world, name):
    target, served, _ = world
    served[name] += b"!"
    with pytest.raises(runtime.WrongFile, match=rf"{name}: .*{runtime.sha256(CONTENT[name])}"):
        runtime.fetch(target)
    assert list(target.parent.iterdir()) == []


def test_a_file_that_the_mirror_lacks_is_named(world):
    target, served, _ = world
    del served["pyodide.mjs"]
    with pytest.raises(runtime.WrongFile, match=r"mirror==1 lacks pyodide\.mjs"):
        runtime.fetch(target)
    assert list(target.parent.iterdir()) == []


def test_an_interruption_keeps_what_was_there(world, monkeypatch):
    target, _, _ = world
    runtime.fetch(target)
    record = json.loads(runtime.RECORD.read_text())
    record["lock"]["info"] = "new"
    runtime.RECORD.write_text(json.dumps(record))
    monkeypatch.setattr(runtime, "write_checked", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        runtime.fetch(target)
    assert files(target) == CONTENT
    assert [path.name for path in target.parent.iterdir()] == ["pyodide"]


def test_the_wheel_of_bnlib_is_entered_in_the_lock_file(world, tmp_path):
    target, _, _ = world
    runtime.fetch(target)
    destination = tmp_path / "site"
    destination.mkdir()
    (destination / "bnlib-0.0.1-py3-none-any.whl").write_bytes(b"of an earlier build")
    (destination / "numpy-1.0.whl").write_bytes(b"of an earlier record")
    runtime.install(destination, target)
    (wheel,) = destination.glob("bnlib-*.whl")
    entry = json.loads((destination / runtime.LOCK).read_text())["packages"]["bnlib"]
    assert entry["file_name"] == wheel.name != "bnlib-0.0.1-py3-none-any.whl"
    assert entry["sha256"] == runtime.sha256(wheel.read_bytes())
    inside = zipfile.ZipFile(wheel).namelist()
    assert {"bnlib/core.py", "bnlib/data/digits.npz", "bnlib/figures/style.mplstyle"} <= set(inside)
    assert files(target) == CONTENT
    assert {path.name for path in destination.iterdir()} == {*CONTENT, wheel.name, runtime.LOCK}


def test_pages_load_less(tmp_path):
    def package(name, content, *depends):
        (tmp_path / f"{name}-1.whl").write_bytes(content)
        return {"file_name": f"{name}-1.whl", "sha256": runtime.sha256(content), "depends": list(depends)}

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as wheel:
        for name in ("pyplot.py", "mpl-data/fonts/ttf/DejaVuSans.ttf", "mpl-data/sample_data/a.csv"):
            wheel.writestr(f"matplotlib/{name}", name)
    (tmp_path / "pyodide.asm.wasm").write_bytes(bytes(10_000))
    (tmp_path / "python_stdlib.zip").write_bytes(b"zip")
    lock = {
        "packages": {
            "numpy": package("numpy", b"numpy"),
            "matplotlib": package("matplotlib", buffer.getvalue(), "numpy", "fonttools", "pillow"),
            "pillow": package("pillow", b"pillow"),
            "sympy": package("sympy", b"sympy"),
            "bnlib": package("bnlib", b"bnlib", "numpy"),
        }
    }
    (tmp_path / runtime.LOCK).write_text(json.dumps(lock))
    facts = runtime.install_for_pages(tmp_path)
    assert facts == json.loads((tmp_path / "page.json").read_text())
    assert json.loads((tmp_path / runtime.LOCK).read_text()) == lock
    short = "page/matplotlib-1.whl"
    assert zipfile.ZipFile(tmp_path / short).namelist() == [
        "matplotlib/pyplot.py",
        "matplotlib/mpl-data/fonts/ttf/DejaVuSans.ttf",
    ]
    assert facts["needs"]["matplotlib"] == [short, "numpy-1.whl", "pillow-1.whl"]
    assert facts["needs"]["bnlib"] == ["bnlib-1.whl", "numpy-1.whl"]
    of_pages = json.loads((tmp_path / "page-lock.json").read_text())["packages"]
    assert {package["file_name"] for package in of_pages.values()} <= set(facts["known"])
    for name, fact in facts["known"].items():
        content = (tmp_path / name).read_bytes()
        assert (fact["bytes"], fact["sha256"]) == (len(content), runtime.sha256(content))
    assert of_pages["matplotlib"]["sha256"] == facts["known"][short]["sha256"]
    assert facts["known"]["pyodide.asm.wasm"]["wire"] < 100  # a host compresses it
    assert facts["known"]["python_stdlib.zip"]["wire"] == 3


def test_what_is_recorded_is_whole():
    record = json.loads((Path(runtime.ROOT) / "tools" / "runtime.json").read_text())
    packages = record["lock"]["packages"]
    assert set(record["core"]) == set(runtime.CORE)
    assert {*runtime.CHAPTERS_NEED, *runtime.NOTEBOOKS_NEED, *runtime.NOT_IN_LOCK} <= set(packages)
    for package in packages.values():
        assert {name.replace("_", "-") for name in package["depends"]} <= set(packages)
    hashes = [*record["core"].values(), *(package["sha256"] for package in packages.values())]
    assert all(len(each) == 64 for each in hashes)
