"""The API reference: every public name stands on one of its pages, and leads to a chapter."""

import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

pytest.importorskip("sphinx")
import api

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
