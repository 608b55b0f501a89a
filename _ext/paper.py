"""What the book needs on paper: nothing is folded there, and every number is the one of the pages.

It acts on the LaTeX builder alone, after sphinx-jupyterbook-latex, whose class needs a gigabyte of fonts.
"""

from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx_exercise.nodes import is_exercise_node

STYLE = Path(__file__).with_name("paper.sty")


class Unfold(SphinxPostTransform):
    """Show hidden cells, and let the title of a fold open its first sentence."""

    formats = ("latex",)
    default_priority = 300  # sphinx-jupyterbook-latex deletes hidden cells at 400

    def run(self, **kwargs):
        for container in list(self.document.findall(nodes.container)):
            tags = container["classes"]
            container["classes"] = [tag for tag in tags if not tag.startswith("tag_hide")]
            if container.get("design_component") == "dropdown":
                self.open(container)
        for exercise in list(self.document.findall(is_exercise_node)):
            self.mark(exercise)

    @staticmethod
    def open(fold):
        title = next(fold.findall(nodes.rubric))
        label = nodes.strong("", title.astext() + ".")
        body = title.parent
        first = body.children[body.index(title) + 1]
        if isinstance(first, nodes.paragraph):
            first[:0] = [label, nodes.Text(" ")]
            body.remove(title)
        else:
            body.replace(title, nodes.paragraph("", "", label))

    def mark(self, exercise):
        """Write the label that links by title look for; sphinx-exercise knows links by number alone."""
        label = exercise["label"]
        page = self.env.sphinx_exercise_registry[label]["docname"]
        target = rf"\phantomsection\label{{\detokenize{{{page}:{label}}}}}"
        exercise.parent.insert(exercise.parent.index(exercise), nodes.raw("", target, format="latex"))


def use_plain_class(app, config):
    config["latex_theme"] = "manual"
    config["today"] = config["copyright"]  # not the day of the build
    config["latex_additional_files"] = [*config["latex_additional_files"], str(STYLE)]
    config["latex_elements"] |= {
        "papersize": "a4paper",
        "pointsize": "11pt",
        "fontpkg": "",  # the fonts that come with LaTeX, in text as in formulas
        "fncychap": "",
        "extraclassoptions": "openany,oneside",
        "figure_align": "H",  # a figure stays with its code, also inside a box
        "extrapackages": r"\usepackage{paper}",
        "fvset": r"\fvset{fontsize=\footnotesize}",  # 96 columns fit between the margins
        "sphinxsetup": "hmargin=20mm, vmargin=24mm, pre_border-radius=0pt, VerbatimBorderColor={gray}{0.8}",
        "tableofcontents": rf"\sphinxtableofcontents\opening{{{config['html_title']}}}",
        "printindex": "",
    }


def number_as_the_pages(app):
    app.config["numfig_secnum_depth"] = 0  # figures and formulas are counted through the whole book


def setup(app):
    app.connect("config-inited", use_plain_class, priority=900)
    app.connect("builder-inited", number_as_the_pages, priority=900)
    app.add_post_transform(Unfold)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
