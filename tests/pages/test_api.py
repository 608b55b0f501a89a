"""The API reference: every public name stands on one of its pages, and leads to a chapter."""

import inspect
import re
from importlib import import_module
from pathlib import Path
from pydoc import locate
from types import FunctionType

import pytest

pytest.importorskip("sphinx")
import api
import lite_notebooks

pytest.importorskip("torch")
ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "book").glob("api_*.md"))
MODULES = (*api.MODULES, *api.QUALIFIED_ONLY)
ENTRY = re.compile(r"^\.\. (currentmodule|module|auto\w+):: (\S+)$", re.M)


def entries():
    """The full name of every entry, page by page."""
    for page in PAGES:
        for kind, name in ENTRY.findall(page.read_text()):
            if "module" in kind:
                module = name
            else:
                yield f"{module}.{name}"


ENTRIES = list(entries())
PUBLIC = [f"{m}.{name}" for m in MODULES for name in getattr(import_module(m), "__all__", ())]


def test_every_public_name_has_one_entry():
    assert len(PUBLIC) > 90
    assert sorted(set(ENTRIES)) == sorted(ENTRIES)
    assert set(PUBLIC) == set(ENTRIES) - {"bnlib.running.debias"}


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_is_documented_and_has_its_chapter(name):
    module, _, short = name.rpartition(".")
    entry = getattr(import_module(module), short)
    if inspect.isfunction(entry) or inspect.isclass(entry):
        written = inspect.getdoc(entry) or ""
        assert len(written.split()) >= 4
        assert not written.startswith(f"{short}("), "a NamedTuple's own"
    chapter = api.chapter_of(name)
    assert f"- file: book/{chapter}\n" in (ROOT / "_toc.yml").read_text()


def test_every_function_and_class_has_an_example():
    """But for launch: to start processes takes seconds."""
    documented = [name for name in PUBLIC if isinstance(locate(name), (type, FunctionType))]
    without = [name for name in documented if ">>> " not in inspect.getdoc(locate(name))]
    assert without == ["bnlib.torch.launch"]


@pytest.mark.parametrize(
    ("written", "page", "leads_to"),
    [
        ("batch_norm", "book/scale_and_shift", "bnlib.batch_norm"),
        ("batch_norm(x)", "book/torch_backend", None),
        ("bnlib.batch_norm", "book/torch_backend", "bnlib.batch_norm"),
        ("BatchNorm2d", "book/scale_and_shift", None),
        ("network.train", "book/train_eval_frozen", None),
        ("bnlib.torch.fold", "book/scale_and_shift", "bnlib.torch.fold"),
        ("check.answer", "book/scale_and_shift", "bnlib.check.answer"),
        ("train", "book/scale_and_shift", None),
        ("x", "book/scale_and_shift", None),
        ("batch_norm", "book/terms", None),
    ],
)
def test_what_a_name_in_a_chapter_leads_to(written, page, leads_to):
    from types import SimpleNamespace

    from docutils import nodes

    document = nodes.section()
    for _ in range(2):
        document += nodes.paragraph("", "", nodes.literal("", written))
    document += nodes.title("", "", nodes.literal("", written))
    api.link_names(SimpleNamespace(env=SimpleNamespace(docname=page)), document)
    links = [link["reftarget"] for link in document.findall(api.pending_xref)]
    at_the_end = [name for name in ENTRIES if f"book/{api.chapter_of(name)}" == page]
    assert sorted(links) == sorted([leads_to] * bool(leads_to) + at_the_end * (page != "book/terms"))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("S. Ioffe, C. Szegedy (2015).", r"\S. Ioffe, C. Szegedy (2015)."),
        ("    A. Howard et al.", r"    \A. Howard et al."),
        ("(N, C, *S) array", r"(N, C, \*S) array"),
        ("see T. F. Chan", "see T. F. Chan"),
        (">>> print(2, *S)", ">>> print(2, *S)"),
    ],
)
def test_an_initial_begins_no_list_and_a_star_no_emphasis(written, read):
    lines = [written]
    api.escape(None, "function", "", None, None, lines)
    assert lines == [read]


def test_names_of_torchs_layers_lead_nowhere_where_torch_is_imported():
    notebooks = {path.stem: lite_notebooks.page(path.stem) for path in (ROOT / "book").glob("*.ipynb")}
    with_torch = {name for name, each in notebooks.items() if not lite_notebooks.runs_in_a_browser(each)}
    assert with_torch == {n for n in notebooks if "batch_norm" not in api.public_names(f"book/{n}")}


@pytest.mark.parametrize(("what", "name", "shown"), [
    ("class", "bnlib.torch.SyncBatchNorm", True),
    ("method", "bnlib.torch.SyncBatchNorm.convert_sync_batchnorm", False),
    ("data", "bnlib.conventions.CONVENTIONS", True),
])  # fmt: skip
def test_the_chapter_stands_under_an_entry_and_not_under_its_methods(what, name, shown):
    lines = []
    api.add_chapter(None, what, name, None, None, lines)
    assert bool(lines) is shown


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_is_named_in_its_chapter_or_is_used_by_what_is(name):
    """So that who follows "Chapter:" finds it there; the exceptions are of a kind with what is named."""
    short = name.rpartition(".")[2]
    chapter = ROOT / "book" / f"{api.chapter_of(name)}.ipynb"
    if not chapter.exists():
        chapter = chapter.with_suffix(".md")
    inside = {
        "bnlib.NormCache", "bnlib.instance_norm_backward", "bnlib.check.Report", "bnlib.data.Digits",
        "bnlib.conventions.Convention", "bnlib.data.TextLines", "bnlib.network.Container",
        "bnlib.network.Part", "bnlib.network.HardSigmoid", "bnlib.network.HardSwish",
        "bnlib.network.SqueezeExcitation", "bnlib.network.unchanged_on_error", "bnlib.torch.BatchNorm3d",
    }  # fmt: skip
    assert bool(re.search(rf"\b{short}\b", chapter.read_text())) or name in inside, chapter.name
