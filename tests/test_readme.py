"""The README shows the first page's figure, and its Python runs as printed."""

import base64
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_figure_is_that_of_the_first_page():
    book = pytest.importorskip("nbformat") and pytest.importorskip("notebook_text")
    images = [
        o.data["image/png"]
        for o in book.outputs(book.BOOK / "intro.ipynb")
        if "image/png" in o.get("data", {})
    ]
    assert (ROOT / "assets" / "first-figure.png").read_bytes() == base64.b64decode(images[0])


def test_python_runs(capsys):
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.S)
    assert len(blocks) == 4
    exec("\n".join(block for block in blocks if "torch" not in block), {})
    assert f"```\n{capsys.readouterr().out}```" in README


def test_the_torch_lines_run():
    torch = pytest.importorskip("torch")
    (block,) = [
        block for block in re.findall(r"```python\n(.*?)```", README, flags=re.S) if "torch" in block
    ]
    names = {}
    exec(block, names)
    x = torch.ones(2, 3, 5, 5)
    torch.testing.assert_close(names["conv"](x), names["model"](x))


SERVED = "http://127.0.0.1:8000/"  # by `make serve`; the browser tests look at what is there


def test_links_lead_somewhere():
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert [target for target in targets if target.startswith(SERVED)] == [f"{SERVED}lite/tree/index.html"]
    for target in targets:
        assert target.startswith(SERVED) or (ROOT / target).exists(), target
