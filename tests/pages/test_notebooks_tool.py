"""The check for stale figures sees one changed digit, and forgives what two machines draw differently."""

import io

import pytest

np = pytest.importorskip("numpy")
plt = pytest.importorskip("matplotlib.pyplot")
pytest.importorskip("nbclient")
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
