"""The stubs: every public name is in one, with a type for each argument and result, and has a sample.

That a stub has the names, arguments and defaults of the code is for tools/stubs.py to see, with mypy.
"""

import ast
import inspect
import tomllib
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
import typed_use

import bnlib
from bnlib import conventions

ROOT = Path(bnlib.__file__).parents[1]
STUBS = sorted(ROOT.glob("bnlib/**/*.pyi"))
MODULES = [
    f"bnlib{name}" for name in ("", ".network", ".data", ".conventions", ".gradcheck", ".engine", ".check")
]
MODULES += ["bnlib.torch"] if find_spec("torch") else []
PUBLIC = [(module, name) for module in MODULES for name in import_module(module).__all__]
PUBLIC += [("bnlib.running", "debias")]


def stub_of(module):
    """The path of a module's stub, whose code lies beside it."""
    code = Path(inspect.getfile(import_module(module)))
    return code.with_suffix(".pyi")


def entries(module, name):
    """The module in which the stubs define a public name of another, and the statements that do."""
    tree = ast.parse(stub_of(module).read_text())
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and name in [alias.name for alias in node.names]:
            return entries(node.module, name)
    return module, [node for node in tree.body if name in names_of(node)]


def names_of(node):
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    return [node.target.id] if isinstance(node, ast.AnnAssign) else []


def untyped(nodes):
    """The arguments and results without a type, and the defaults that are not told."""
    for node in nodes:
        for function in ast.walk(node):
            if not isinstance(function, ast.FunctionDef):
                continue
            given = function.args
            arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
            for argument in filter(None, arguments):
                if argument.annotation is None and argument.arg not in ("self", "cls"):
                    yield f"{function.name}({argument.arg})"
            if function.returns is None:
                yield f"{function.name}() -> ?"
            for default in filter(None, [*given.defaults, *given.kw_defaults]):
                if isinstance(default, ast.Constant) and default.value is ...:
                    yield f"{function.name}(... = ...)"


def test_the_lint_sees_what_is_missing():
    tree = ast.parse("def f(x, y: int = ..., *, z=1): ...\nclass C:\n    def g(self) -> int: ...")
    assert list(untyped(tree.body)) == ["f(x)", "f(z)", "f() -> ?", "f(... = ...)"]
    assert entries("bnlib", "no_such_name") == ("bnlib", [])
    assert entries("bnlib", "batch_norm")[0] == "bnlib.norms"
    assert len(PUBLIC) > 75


@pytest.mark.parametrize(("module", "name"), PUBLIC)
def test_a_public_name_is_typed(module, name):
    _, nodes = entries(module, name)
    assert nodes
    assert list(untyped(nodes)) == []


def defaults(function):
    """The defaults of a stub's function, as they are written."""
    given = function.args
    positional = [*given.posonlyargs, *given.args][::-1]
    pairs = [*zip(positional, given.defaults[::-1], strict=False)]
    pairs += zip(given.kwonlyargs, given.kw_defaults, strict=True)
    return {argument.arg: ast.unparse(default) for argument, default in pairs if default is not None}


@pytest.mark.parametrize(("module", "name"), PUBLIC)
def test_a_default_is_that_of_the_code(module, name):
    """Expressions too, such as 1 / 6 or np.float32, which stubtest does not compute."""
    where, nodes = entries(module, name)
    scope = vars(import_module(where))
    for node in nodes:
        owner, functions = (scope[name], node.body) if isinstance(node, ast.ClassDef) else (None, [node])
        for stub in functions:
            if isinstance(stub, ast.FunctionDef) and (written := defaults(stub)):
                code = getattr(owner, stub.name) if owner else scope[name]
                real = inspect.signature(code).parameters
                for argument, expression in written.items():
                    assert eval(expression, dict(scope)) == real[argument].default, argument


CLASSES = [(m, n) for m, n in PUBLIC if inspect.isclass(getattr(import_module(m), n))]


@pytest.mark.parametrize(("module", "name"), CLASSES)
def test_the_methods_of_a_public_class_are_typed(module, name):
    """Each in the stub of its class, or in that of a base from which it differs in no argument."""
    kinds = [one for one in getattr(import_module(module), name).__mro__ if one.__module__[:5] == "bnlib"]
    told = {kind: methods_in_stub(kind) for kind in kinds}
    for place, kind in enumerate(kinds):
        for method, value in vars(kind).items():
            if method in told[kind] or method.startswith("_") or not is_method(value):
                continue
            base = next(one for one in kinds[place:] if method in told[one])
            assert inspect.signature(value) == inspect.signature(vars(base)[method]), (kind, method)


def methods_in_stub(kind):
    _, (stub,) = entries(kind.__module__, kind.__name__)
    return {name for node in stub.body for name in names_of(node)}


def is_method(value):
    return callable(value) or isinstance(value, property | classmethod)


@pytest.mark.parametrize("module", MODULES)
def test_a_stub_exports_what_the_module_does(module):
    (told,) = [
        ast.literal_eval(node.value)
        for node in ast.parse(stub_of(module).read_text()).body
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"
    ]
    assert told == import_module(module).__all__


def test_the_names_of_the_conventions_are_those_there_are():
    tree = ast.parse(stub_of("bnlib.conventions").read_text())
    (names,) = [node.value for node in tree.body if names_of(node) == ["_Name"]]
    assert ast.literal_eval(names.slice) == tuple(conventions.CONVENTIONS)


SAMPLES = dict(inspect.getmembers(typed_use, lambda one: getattr(one, "__module__", "") == "typed_use"))


@pytest.mark.parametrize(
    "sample", [n for n, one in SAMPLES.items() if inspect.isfunction(one) and n != "wrong_uses"]
)
def test_what_the_types_allow_runs(sample):
    """The code does not refuse what the types allow."""
    if sample == "tensors":
        pytest.importorskip("torch")
    SAMPLES[sample]()


def test_the_package_carries_its_types():
    assert (ROOT / "bnlib" / "py.typed").exists()
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert data["package-data"]["*"] == ["py.typed", "*.pyi"]
    folders = {str(stub.parent.relative_to(ROOT)).replace("/", ".") for stub in STUBS}
    assert folders <= set(data["packages"])
