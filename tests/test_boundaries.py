"""What imports what, read from the files; and the public API's names, signatures and docstrings."""

import ast
import importlib
import inspect
import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

import bnlib
from bnlib import core

ROOT = Path(bnlib.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
LEVEL = {  # a module imports only modules of a lower level
    "arguments": 0, "engine": 0, "reference": 0, "folding": 1, "gradcheck": 1, "progress": 1,
    "statistics": 2, "core": 3, "running": 3, "conventions": 4, "norms": 4, "small_batches": 4,
    "filter_response": 4, "layers": 5, "": 6, "parts": 6, "check": 7, "convolution": 7,
    "recalibration": 7, "mobile": 8, "folds": 8, "torch": 9, "network": 9, "data": 10, "compiled": 9,
    "figures": 11,
}  # fmt: skip
FUNCTIONS = [name for name in bnlib.__all__ if inspect.isfunction(getattr(bnlib, name))]


def part_of(path):
    """The part of the package a file belongs to: core, check, ...; bnlib/__init__.py is ''.

    engine/compiled.py is one by itself: it takes core's formulas, and is imported when it is chosen.
    """
    if path == ROOT / "engine" / "compiled.py":
        return "compiled"
    return path.relative_to(ROOT).with_suffix("").parts[0].replace("__init__", "")


def imports(path):
    """Dotted names of the modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def parts_imported(path):
    for name in imports(path):
        package, *rest = name.split(".")
        if package == "bnlib":
            yield rest[0] if rest and rest[0] in LEVEL else ""


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_third_party_imports(path):
    """Nothing but NumPy and the standard library, but for figures, torch and the compiled engine."""
    allowed = {"bnlib", "numpy", *sys.stdlib_module_names}
    allowed |= {"figures": {"matplotlib"}, "torch": {"torch"}, "compiled": {"numba"}}.get(
        part_of(path), set()
    )
    assert {name.split(".")[0] for name in imports(path)} <= allowed


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_hint_names_the_package_that_is_missing(path):
    """No registry has bnlib: its extras are installed from the book's folder alone."""
    assert not re.search(r"pip install \W*bnlib", path.read_text())


def test_docstrings_name_documents_that_are_here():
    folders = (ROOT.parent, ROOT.parent / "book", ROOT.parent / "docs", ROOT / "data")
    here = {path.name for folder in folders for path in folder.glob("*.md")}
    for path in (*FILES, *Path(__file__).parent.rglob("*.py")):
        kinds = ast.Module, ast.ClassDef, ast.FunctionDef
        nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds)]
        named = re.findall(r"[\w-]+\.md\b", "\n".join(ast.get_docstring(node) or "" for node in nodes))
        assert set(named) <= here, path


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_downwards(path):
    part = part_of(path)
    for other in parts_imported(path):
        assert other == part or LEVEL[other] < LEVEL[part], f"{part} imports {other}"


def test_the_lint_sees_imports():
    """Neither test above passes because it finds nothing to look at."""
    assert {part_of(path) for path in FILES} >= set(LEVEL)
    assert set(parts_imported(ROOT / "layers.py")) == {"arguments", "core", "engine", "norms", "running"}
    assert "matplotlib.pyplot" in set(imports(ROOT / "figures" / "__init__.py"))


def test_import_loads_numpy_only():
    heavy = "matplotlib torch numba scipy sympy sklearn bnlib.figures bnlib.check bnlib.data numpy".split()
    code = f"import bnlib, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT.parent)
    assert done.stdout.strip() == "['numpy']", done.stderr


def test_no_global_state():
    """No module-level `global`, no NumPy seed and no NumPy error state that is set for good."""
    for path in FILES:
        tree = ast.parse(path.read_text())
        assert not any(isinstance(node, ast.Global) for node in ast.walk(tree))
        assert not {"np.random.seed", "np.seterr", "numpy.random.seed"} & {
            ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)
        }


SIGNATURES = {
    "channel_stats": "(x, axis=1)",
    "batch_norm": "(x, gamma=None, beta=None, *, eps=1e-05, axis=1)",
    "batch_norm_eval": "(x, mean, var, gamma=None, beta=None, *, eps=1e-05, axis=1)",
    "fold": "(weight, bias, mean, var, gamma=None, beta=None, *, eps=1e-05, axis=0)",
    "layer_norm": "(x, normalized_shape, gamma=None, beta=None, *, eps=1e-05)",
    "group_norm": "(x, num_groups, gamma=None, beta=None, *, eps=1e-05, axis=1)",
    "instance_norm": "(x, gamma=None, beta=None, *, eps=1e-05, axis=1)",
    "rms_norm": "(x, normalized_shape, gamma=None, *, eps=1e-05)",
    "pooled_batch_norm": "(x, past, gamma=None, beta=None, *, eps=1e-05, axis=1)",
    "ghost_batch_norm": "(x, ghost_size, gamma=None, beta=None, *, eps=1e-05, axis=1)",
    "batch_renorm": "(x, running_mean, running_var, gamma=None, beta=None, *, r_max=3.0, d_max=5.0, "
    "eps=1e-05, axis=1)",
    "filter_response_norm": "(x, gamma=None, beta=None, *, eps=1e-06, axis=1)",
    "update_running": "(running_mean, running_var, stats, momentum=0.1, *, unbiased=True)",
    "BatchNorm": "(num_features, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True, *, "
    "bias=True, axis=1, dtype=<class 'numpy.float32'>, engine=None)",
    "ChannelStats": "(count: int, mean: numpy.ndarray, var: numpy.ndarray) -> None",
} | {f"{name}_backward": "(dy, cache)" for name in (
    "batch_norm", "batch_norm_eval", "layer_norm", "group_norm", "instance_norm", "rms_norm",
    "pooled_batch_norm", "ghost_batch_norm", "batch_renorm", "filter_response_norm",
)}  # fmt: skip


@pytest.mark.parametrize("name", SIGNATURES)
def test_signature(name):
    """Names, order and defaults are fixed: callers count on them."""
    assert str(inspect.signature(getattr(bnlib, name))) == SIGNATURES[name]


def test_all_is_the_public_api():
    assert sorted(bnlib.__all__) == sorted([*SIGNATURES, "NormCache"])
    assert list(bnlib.__all__) == sorted(bnlib.__all__)


LIKE_BATCH_NORM = {f"{norm}_norm_backward" for norm in ("layer", "rms", "group", "instance", "ghost_batch")}


@pytest.mark.parametrize("name", sorted(LIKE_BATCH_NORM))
def test_a_backward_pass_like_batch_norms_says_what_differs(name):
    documented = inspect.getdoc(getattr(bnlib, name))
    assert "`batch_norm_backward`" in documented
    assert "Errors are" in documented
    assert ">>> " in documented


@pytest.mark.parametrize("name", [*sorted(set(FUNCTIONS) - LIKE_BATCH_NORM), "BatchNorm"])
def test_docstring(name):
    documented = inspect.getdoc(getattr(bnlib, name))
    for section in ("Parameters", "Raises", "Examples"):
        assert f"\n{section}\n{'-' * len(section)}\n" in documented
    for parameter in inspect.signature(getattr(bnlib, name)).parameters:
        assert parameter in documented.split("Parameters\n")[1]
    assert ">>> " in documented.split("Examples\n")[1]


def test_torch_backend():
    """Its names are sorted, and its functions are documented as the core's are."""
    backend = pytest.importorskip("torch") and importlib.import_module("bnlib.torch")
    assert {"batch_norm", "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm"} <= set(
        backend.__all__
    )
    assert list(backend.__all__) == sorted(backend.__all__)
    for name in backend.__all__:
        public = getattr(backend, name)
        documented = inspect.getdoc(public)
        for section in ("Parameters", "Returns", "Raises") if inspect.isfunction(public) else ():
            assert f"\n{section}\n{'-' * len(section)}\n" in documented, name
        for parameter in inspect.signature(public).parameters if inspect.isfunction(public) else ():
            assert parameter in documented.split("Parameters\n")[1], (name, parameter)


@pytest.mark.parametrize("name", [name for name in bnlib.__all__ if name not in FUNCTIONS])
def test_classes_have_a_docstring(name):
    assert getattr(bnlib, name).__doc__.strip()


FIRST = "statistics", "core", "norms", "running", "layers"


def lines_of_code(path):
    """Lines that hold code: neither blank, nor comment, nor docstring."""
    text = path.read_text()
    documented = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
            documented.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    nothing = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    found = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in nothing and token.string:
            found.update(range(token.start[0], token.end[0] + 1))
    return len(found - documented)


def test_the_part_to_read_first_is_as_long_as_it_says():
    lines = sum(lines_of_code(ROOT / f"{name}.py") for name in FIRST)
    names = "{}, {}, {}, {} and {}".format(*(f"`{name}`" for name in FIRST))
    assert lines <= 400
    assert f"in this order, {lines} lines of code without their docstrings" in bnlib.__doc__
    assert f"these five are {lines} lines of code" in (ROOT.parent / "README.md").read_text()
    first_page = (ROOT.parent / "book" / "intro.ipynb").read_text(encoding="utf-8")
    assert f"five files, {names}, together {lines} lines of code without their docstrings" in first_page


def test_one_formula_is_the_equation_of_the_chapter():
    """What is printed beside the derivation: no more, and in its letters."""
    body = inspect.getsource(core.input_gradient).splitlines()[2:]
    assert [line.strip() for line in body] == [
        "xhat = (x - mean) * inv_std",
        "g = gamma * dy",
        "return inv_std * (g - mean_g - xhat * mean_g_xhat)",
    ]
