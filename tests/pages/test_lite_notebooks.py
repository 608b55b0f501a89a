"""The notebooks of the notebook site: nothing that one notebook alone cannot show."""

import re

import pytest

nbformat = pytest.importorskip("nbformat")
import lite_notebooks  # noqa: E402

NOTEBOOKS = lite_notebooks.readable_notebooks()
LABELS, _ = lite_notebooks.number(lite_notebooks.pages())


def test_torch_stays_out():
    assert {"channel_statistics", "speed", "playground"} <= set(NOTEBOOKS)
    assert not {"torch_backend", "torch_layers", "many_devices", "notation"} & set(NOTEBOOKS)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_refers_to_nothing_outside_it(name):
    nbformat.validate(NOTEBOOKS[name])
    text = "\n".join(cell.source for cell in NOTEBOOKS[name].cells if cell.cell_type == "markdown")
    assert not re.search(r"\{(doc|numref|term|cite:[pt])\}`", text)
    for label in re.findall(r"\{eq\}`([^`]+)`", text):
        assert LABELS[label][0] == name
    files = {lite_notebooks.CONTENTS, *map(lite_notebooks.file_name, NOTEBOOKS)}
    assert set(re.findall(r"\]\((\w+\.ipynb)\)", text)) <= files


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_first_cell_leads_back(name):
    first = NOTEBOOKS[name].cells[0].source
    assert f'href="../../book/{name}.html"' in first
    assert "does not reach the page" in first
    assert f"]({lite_notebooks.CONTENTS})" in first


def test_the_notebooks_stand_in_the_order_of_the_book():
    files = [lite_notebooks.file_name(name) for name in NOTEBOOKS]
    assert [lite_notebooks.CONTENTS, *files] == sorted([lite_notebooks.CONTENTS, *files])
    assert files[:2] == ["00_intro.ipynb", "01_channel_statistics.ipynb"]


def test_the_contents_lead_to_every_notebook_and_every_page():
    notebook = lite_notebooks.contents()
    nbformat.validate(notebook)
    (cell,) = notebook.cells
    assert re.findall(r"\]\((\w+\.ipynb)\)", cell.source) == list(map(lite_notebooks.file_name, NOTEBOOKS))
    for name, page in lite_notebooks.pages().items():
        assert f'"../../book/{name}.html"' in cell.source
        assert lite_notebooks.title(page) in cell.source
    assert "## The forward pass" in cell.source


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_code_of_solutions_is_folded_and_outputs_are_kept(name):
    original = lite_notebooks.page(name)
    kept = [cell.outputs for cell in NOTEBOOKS[name].cells if cell.cell_type == "code"]
    assert kept == [cell.outputs for cell in original.cells if cell.cell_type == "code"]
    for cell in NOTEBOOKS[name].cells:
        if cell.cell_type == "code" and re.search(r"^def solved_", cell.source, re.M):
            assert cell.metadata.jupyter.source_hidden


def test_numbers_run_through_the_whole_book():
    assert LABELS["eq-mean"] == ("channel_statistics", "equation", 1)
    first = NOTEBOOKS["scale_and_shift"].cells[0].source
    before = sum(page == "channel_statistics" and kind == "equation" for page, kind, _ in LABELS.values())
    assert f"equation:\n    start: {before + 1}\n" in first
    assert any("**Fig. 2.** " in cell.source for cell in NOTEBOOKS["channel_statistics"].cells)


@pytest.mark.parametrize("term", ["Welford's update", "Jacobian", "one-pass formula"])
def test_a_term_leads_to_its_place_in_the_index(term):
    sphinx_id = pytest.importorskip("sphinx.util.nodes")._make_id(f"term-{term}")
    link = lite_notebooks.link(f"{{term}}`so <{term}>`", "speed", LABELS, {}, NOTEBOOKS)
    assert link == f'<a href="../../book/terms.html#{sphinx_id}" target="_blank">so</a>'
