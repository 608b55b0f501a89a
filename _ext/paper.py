"""What the book needs on paper: nothing is folded there, and every number is the one of the pages.

It acts on the LaTeX builder alone, after sphinx-jupyterbook-latex, whose class needs a gigabyte of fonts.
Hints and solutions move to a last chapter, a reference to another page names it, and what a reader has at
the keyboard anyway stays away.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import number_reference, start_of_file
from sphinx.builders.latex.nodes import math_reference, thebibliography
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx_exercise.nodes import exercise_latex_number_reference, is_exercise_node, solution_node
from trees import ancestor

STYLE = Path(__file__).with_name("paper.sty")
LEFT_OUT = ("book/api", "book/playground")  # help() prints the one, the other is a place to type in
REFERENCES = (nodes.reference, number_reference, math_reference, exercise_latex_number_reference)
PLACES = (nodes.section, nodes.row, nodes.definition_list_item, nodes.Admonition)
FOREIGN = re.compile("([\u0370-\u03ff]+|[\u3000-\u9fff]+)")  # Greek, Chinese
NO_PLACE = (nodes.title, nodes.caption)
SORTED = "%book/terms"  # a term is found there without a number


def latex(code):
    return nodes.raw("", code, format="latex")


def begin(block, words):
    """Let these words open a paragraph, the first of a section, or one of their own."""
    while isinstance(block, nodes.section):
        block = block[0]
    label = nodes.strong("", words)
    if isinstance(block, nodes.paragraph):
        block[:0] = [label, nodes.Text(" ")]
    else:
        block.parent.insert(block.parent.index(block), nodes.paragraph("", "", label))


def page_of(node, root):
    """The page of the book, as a reader on the screen has it, that a node stands on."""
    page = ancestor(node, start_of_file)
    return root if page is None else page["docname"]


class LeaveOut(SphinxPostTransform):
    """Leave out whole pages, and what links to them becomes text."""

    formats = ("latex",)
    default_priority = 290

    def run(self, **kwargs):
        for page in list(self.document.findall(start_of_file)):
            page[:] = page.children  # Sphinx left them with the parent that they had
            if page["docname"].startswith(LEFT_OUT):
                page.parent.remove(page)
        for reference in list(self.document.findall(nodes.reference)):
            if reference.get("refuri", "").removeprefix("%").startswith(LEFT_OUT):
                reference.replace_self(reference.children)


class Unfold(SphinxPostTransform):
    """Show hidden cells, in small type, and let the title of a fold open its first sentence."""

    formats = ("latex",)
    default_priority = 300  # sphinx-jupyterbook-latex deletes hidden cells at 400

    def run(self, **kwargs):
        for container in list(self.document.findall(nodes.container)):
            tags = container["classes"]
            container["classes"] = [tag for tag in tags if not tag.startswith("tag_hide")]
            if container["classes"] != tags:
                container["folded"] = True
                container.insert(0, latex(r"\begin{folded}"))
                container.append(latex(r"\end{folded}"))
            if container.get("design_component") == "dropdown":
                container["folded"] = True
                self.open(container)
        for exercise in list(self.document.findall(is_exercise_node)):
            self.mark(exercise)

    @staticmethod
    def open(fold):
        title = next(fold.findall(nodes.rubric))
        body = title.parent
        begin(body[body.index(title) + 1], title.astext() + ".")
        body.remove(title)

    def mark(self, exercise):
        """Write the label that links by title look for; sphinx-exercise knows links by number alone."""
        label = exercise["label"]
        page = self.env.sphinx_exercise_registry[label]["docname"]
        target = rf"\phantomsection\label{{\detokenize{{{page}:{label}}}}}"
        exercise.parent.insert(exercise.parent.index(exercise), latex(target))


class SolutionsAtTheEnd(SphinxPostTransform):
    """Move hints, solutions and what the checker knows into a chapter; each end names the other's page."""

    formats = ("latex",)
    default_priority = 310

    def run(self, **kwargs):
        exercises = {exercise["label"]: exercise for exercise in self.document.findall(is_exercise_node)}
        chapter = nodes.section("", nodes.title("", "Hints and solutions"), ids=["hints-and-solutions"])
        pages = {}
        for solution in list(self.document.findall(solution_node)):
            exercise, page = exercises[solution["target_label"]], page_of(solution, self.config.root_doc)
            if page not in pages:
                pages[page] = nodes.section("", self.title_of(page), ids=[f"solutions-{len(pages)}"])
                chapter += pages[page]
            self.move(exercise, solution, page)
            pages[page] += solution
        if pages:
            self.append(chapter)

    def title_of(self, page):
        number = self.env.toc_secnumbers.get(page, {}).get("", ())
        return nodes.title("", " ".join([*map(str, number), self.env.titles[page].astext()]))

    def move(self, exercise, solution, page):
        numbers = self.env.toc_fignumbers.get(page, {}).get("displaymath", {})
        formulas = [node for node in solution.findall(nodes.math_block) if node.get("label")]
        where = solution.parent.index(solution)
        solution.parent[where : where + 1] = [latex(r"\stepcounter{equation}") for _ in formulas]
        for formula in formulas:  # it keeps the number of its place on the page
            number = numbers[nodes.make_id(f"equation-{formula['label']}")][-1]
            where = formula.parent.index(formula)
            formula.parent.insert(where, latex(rf"\setcounter{{equation}}{{{number - 1}}}"))

        title, body = solution.children[0], solution.children[1:]
        title[:] = next(title.findall(nodes.reference)).children
        title += latex(rf", page~\pageref{{\detokenize{{{page}:{exercise['label']}}}}}")
        folded = [part for part in exercise.findall(nodes.container) if part.get("folded")]
        for part in folded:
            part.parent.remove(part)
        hints = [part for part in folded if part.get("design_component")]
        known = [part for part in folded if part not in hints]
        solution[:] = [title, *hints, *known, *body]
        begin(body[0], "Solution.")
        for link in solution.findall(nodes.Element):  # what was of the same page names it now
            if isinstance(link, (nodes.reference, number_reference)) and "refid" in link:
                link["refuri"] = f"%{page}#{link.attributes.pop('refid')}"

        for output in list(exercise.findall(nodes.container)):
            if output.get("nb_element") == "cell_code_output" and output.astext() == "not tried yet":
                output.parent.remove(output)
        where = latex(rf"Hints and solution: page~\pageref{{\detokenize{{{page}:{solution['label']}}}}}.")
        exercise += nodes.paragraph("", "", where)

    def append(self, chapter):
        """A part of its own: sphinx-jupyterbook-latex makes one of a table of contents with a caption."""
        page = start_of_file("", chapter, docname="book/solutions")
        root = self.config.root_doc
        part = nodes.compound("", page, classes=["toctree-wrapper"], docname=root, caption="Solutions")
        last = [node for node in self.document.findall(nodes.compound) if node.get("docname") == root][-1]
        last.parent.insert(last.parent.index(last) + 1, part)


class NumberChapters(SphinxPostTransform):
    """Give each chapter the number of its page, or none; the first page has the title of the book."""

    formats = ("latex",)
    default_priority = 320

    def run(self, **kwargs):
        for page in self.document.findall(start_of_file):
            number = self.env.toc_secnumbers.get(page["docname"], {}).get("", ())
            code = rf"\setcounter{{secnumdepth}}{{{0 if number else -1}}}"
            if number:
                code += rf"\setcounter{{chapter}}{{{number[0] - 1}}}"
            page.insert(0, latex(code))
        root = self.config.root_doc
        for section in self.document.findall(nodes.section):  # their labels would go with their titles
            if ancestor(section, start_of_file) is None:
                labels = "".join(rf"\label{{\detokenize{{{root}:{name}}}}}" for name in section["ids"])
                section.insert(1, latex(r"\phantomsection" + labels))


class NamePages(SphinxPostTransform):
    r"""After a reference write `\onpage`, which prints the page if it is another.

    Once for each target in a section, an entry, a row or a box is enough.
    """

    formats = ("latex",)
    default_priority = 330

    def run(self, **kwargs):
        seen = set()
        found = [node for node in self.document.findall() if isinstance(node, REFERENCES)]
        for reference in found:
            target = self.target(reference)
            place = ancestor(reference, PLACES), target
            if target is None or place in seen or ancestor(reference, NO_PLACE):
                continue
            seen.add(place)
            parent = reference.parent
            where = parent.index(reference)
            said = "".join(node.astext() for node in parent.children[:where])
            if isinstance(reference, math_reference):
                label = rf"\textup{{(\ref{{{target}}}\onpage{{{len(seen)}}}{{{target}}}{{, }}{{}})}}"
                reference.replace_self(latex(label))
            else:
                around = "{, }{}" if said.count("(") > said.count(")") else "{ (}{)}"
                parent.insert(where + 1, latex(rf"\onpage{{{len(seen)}}}{{{target}}}{around}"))

    def target(self, reference):
        """The label in LaTeX, or None where the link leads out of the book."""
        if isinstance(reference, math_reference):
            return rf"equation:{reference['docname']}:{reference['target']}"
        if isinstance(reference, exercise_latex_number_reference):
            return f"exercise:{reference['refid']}"
        if "refid" in reference:
            page = page_of(reference, self.config.root_doc)
            return rf"\detokenize{{{page}:{reference['refid']}}}"
        page, _, label = reference.get("refuri", "").partition("#")
        if not page.startswith("%") or page == SORTED:
            return None
        return rf"\detokenize{{{page[1:]}:{label or ':doc'}}}"


class ChooseFonts(SphinxPostTransform):
    """Set the letters that the font of the text has not in another one."""

    formats = ("latex",)
    default_priority = 340

    def run(self, **kwargs):
        for text in list(self.document.findall(nodes.Text)):
            parts = FOREIGN.split(text)
            if len(parts) > 1 and isinstance(text.parent, nodes.paragraph):
                for i in range(1, len(parts), 2):
                    font = "greek" if parts[i] < "\u0400" else "chinese"
                    parts[i] = latex(rf"{{\{font}font {parts[i]}}}")
                parts[::2] = map(nodes.Text, parts[::2])
                text.parent.replace(text, parts)


class BibliographyInItsPlace(SphinxPostTransform):
    """Move the entries back into their chapter: Sphinx sets them at the end of the book."""

    formats = ("latex",)
    default_priority = 760  # Sphinx gathers them at 750

    def run(self, **kwargs):
        for entries in list(self.document.findall(thebibliography)):
            for page in self.document.findall(start_of_file):
                if page["docname"] == "book/bibliography":
                    entries.parent.remove(entries)
                    next(page.findall(nodes.section)).append(entries)


def use_plain_class(app, config):
    config["latex_theme"] = "manual"
    config["latex_domain_indices"] = False
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
        "fvset": r"\fvset{fontsize=\fontsize{8.2}{9.9}\selectfont}",  # 108 columns fit between the margins
        "sphinxsetup": "hmargin=20mm, vmargin=24mm, pre_border-radius=0pt, VerbatimBorderColor={gray}{0.8}",
        "tableofcontents": rf"\sphinxtableofcontents\opening{{{config['html_title']}}}",
        "makeindex": "",
        "printindex": "",
    }


def number_as_the_pages(app):
    app.config["numfig_secnum_depth"] = 0  # figures and formulas are counted through the whole book


def setup(app):
    app.connect("config-inited", use_plain_class, priority=900)
    app.connect("builder-inited", number_as_the_pages, priority=900)
    for transform in (
        LeaveOut,
        Unfold,
        SolutionsAtTheEnd,
        NumberChapters,
        NamePages,
        ChooseFonts,
        BibliographyInItsPlace,
    ):
        app.add_post_transform(transform)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
