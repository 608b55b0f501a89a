"""The check for stale figures sees one changed digit, and forgives what two machines draw differently."""

import base64
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

np = pytest.importorskip("numpy")
plt = pytest.importorskip("matplotlib.pyplot")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbval")
from notebooks import differ  # noqa: E402  (a tool, not a package)


def drawn(digit="0.91", y=0.5, colour="#0072B2", width=6.4):
    figure, ax = plt.subplots(figsize=(width, 3.0))
    ax.plot([0, 1, 2], [0, y, 1], "o", color=colour, markersize=4)
    ax.text(0.2, 0.8, digit, fontsize=8)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=144)
    plt.close(figure)
    return file.getvalue()


@pytest.mark.parametrize(
    "change", [{"digit": "0.97"}, {"y": 0.4}, {"colour": "#D55E00"}, {"width": 6.5}], ids=str
)
def test_one_change_makes_a_figure_stale(change):
    assert differ(drawn(), drawn(**change))


def test_the_same_figure_is_not_stale():
    assert not differ(drawn(), drawn())


ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("digit", "said"), [("0.91", "1 passed"), ("0.97", "figure 1 is stale")])
def test_a_run_of_nbval_sees_a_stale_figure(tmp_path, digit, said):
    stored, fresh = (base64.b64encode(drawn(text)).decode() for text in (digit, "0.91"))
    code = f"from IPython.display import display\ndisplay({{'image/png': {fresh!r}}}, raw=True)"
    outputs = [nbformat.v4.new_output("display_data", {"image/png": stored})]
    cell = nbformat.v4.new_code_cell(code, outputs=outputs, execution_count=1)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "page.ipynb")
    (tmp_path / "conftest.py").write_bytes((ROOT / "book" / "conftest.py").read_bytes())
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--nbval", "--nbval-current-env"]
    env = os.environ | {"PYTHONPATH": str(ROOT / "tools")}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert said in done.stdout, done.stdout
