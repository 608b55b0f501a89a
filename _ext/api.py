"""A Sphinx extension: the pages of the API and the chapters point at each other.

An entry ends with the chapter that derives or uses it, and that chapter with its entries. In a chapter's
prose a public name is a link where it is first written; what the link shows is the signature.
"""

import re
from importlib import import_module

from docutils import nodes
from sphinx.addnodes import pending_xref
from trees import ancestor

MODULES = ("bnlib", "bnlib.conventions", "bnlib.gradcheck", "bnlib.network", "bnlib.data")
# Their names alone are words, answer and using, or mean PyTorch's own layers.
QUALIFIED_ONLY = ("bnlib.check", "bnlib.engine", "bnlib.torch")
NOT_A_MENTION = (nodes.title, nodes.reference, pending_xref, nodes.term, nodes.Admonition)

CHAPTERS = {  # a pattern of names, and the first chapter that derives or uses them; the first that matches
    r"bnlib\.channel_stats|bnlib\.ChannelStats": "channel_statistics",
    r"bnlib\.batch_norm|bnlib\.NormCache": "scale_and_shift",
    r"bnlib\.batch_norm_backward": "backward_projection",
    r"bnlib\.batch_norm_eval(_backward)?|bnlib\.BatchNorm": "train_eval_frozen",
    r"bnlib\.(layer|group|instance|rms|filter_response)_norm(_backward)?": "relatives",
    r"bnlib\.(pooled_batch|ghost_batch)_norm(_backward)?|bnlib\.batch_renorm(_backward)?": "small_batches",
    r"bnlib\.update_running|bnlib\.running\..*|bnlib\.conventions\..*[Cc]affe.*": "running_averages",
    r"bnlib\.conventions\..*": "conventions",
    r"bnlib\.gradcheck\.max_error": "backward_graph",
    r"bnlib\.gradcheck\..*|bnlib\.check\.gradient_test": "testing_gradients",
    r"bnlib\.data\.(load_digits|Digits)": "channel_statistics",
    r"bnlib\.network\.sgd_step": "train_eval_frozen",
    r"bnlib\.network\.cross_entropy": "why_it_helps",
    r"bnlib\.data\.standardised_pixels": "depth",
    r"bnlib\.network\.TLU": "relatives",
    r"bnlib\.network\.Dropout": "regularisation",
    r"bnlib\.fold|bnlib\.network\.(fold_all|recalibrate|Hard.*|Squeeze.*)|bnlib\.data\..*[Tt]ext.*"
    r"|bnlib\.data\.load_direction_network": "shipping",
    r"bnlib\.data\.load_photographs": "colour_constancy",
    r"bnlib\.(network|data)\..*": "network_by_hand",
    r"bnlib\.torch\.(batch_norm|BatchNorm.d)": "torch_backend",
    r"bnlib\.torch\.(SyncBatchNorm|launch)": "many_devices",
    r"bnlib\.torch\..*": "torch_layers",
    r"bnlib\.check\.(answer|function|Report)": "teaching",
    r"bnlib\.check\..*": "playground",
    r"bnlib\.engine\..*": "speed",
}


def chapter_of(name):
    """The chapter of a public name, or None."""
    return next((chapter for pattern, chapter in CHAPTERS.items() if re.fullmatch(pattern, name)), None)


def escape(app, what, name, obj, options, lines):
    """A star before a name, as in (N, C, *S), begins no emphasis, and an initial no list; examples stay."""
    lines[:] = [
        line
        if line.lstrip().startswith((">>>", "..."))
        else re.sub(r"^(\s*)(?=[A-Z]\. )|(?<=[ (])(?=\*\w)", r"\1\\", line)
        for line in lines
    ]


def add_chapter(app, what, name, obj, options, lines):
    """The last line of an entry; what belongs to a class has none of its own."""
    chapter = chapter_of(name)
    if chapter and what not in ("method", "property", "attribute"):
        lines += ["", f"Chapter: :doc:`/book/{chapter}`", ""]


def public_names(page):
    """Full names by the way they are written on a page: alone, or after their module."""
    names = {}
    for module in MODULES:
        names |= {name: f"{module}.{name}" for name in public(module) if not is_word(name)}
    of_torch = public("bnlib.torch")
    if page in {f"book/{chapter_of(f'bnlib.torch.{name}')}" for name in of_torch}:
        names = {name: full for name, full in names.items() if name not in of_torch}
    for module in (*MODULES, *QUALIFIED_ONLY):
        names |= {f"{module}.{name}": f"{module}.{name}" for name in public(module)}
    return names | {f"check.{name}": f"bnlib.check.{name}" for name in public("bnlib.check")}


def public(module):
    return getattr(import_module(module), "__all__", ())


def link_names(app, doctree):
    """Make the first mention of every public name a link, and end a chapter with those it derives."""
    page = app.env.docname
    if not page.startswith("book/") or page.startswith(("book/api", "book/terms")):
        return
    names, seen = public_names(page), set()
    for literal in list(doctree.findall(nodes.literal)):
        name = names.get(literal.astext().partition("(")[0])
        if name is None or name in seen or ancestor(literal, NOT_A_MENTION):
            continue
        seen.add(name)
        link = link_to(name, page)
        literal.replace_self(link)
        link += literal
    derived = [name for name in sorted(set(names.values())) if f"book/{chapter_of(name)}" == page]
    if derived:
        end = nodes.paragraph("", "In the package: ", classes=["in-the-package"])
        for i, name in enumerate(derived):
            end += nodes.Text(", " if i else "")
            end += (link := link_to(name, page))
            link += nodes.literal("", name)
        end += nodes.Text(".")
        next(doctree.findall(nodes.section)).append(end)


def link_to(name, page):
    return pending_xref(
        "", refdomain="py", reftype="obj", reftarget=name, refdoc=page, refexplicit=True, refwarn=True
    )


def is_word(written):
    """Whether a name is an ordinary word, which may mean something else: train, fold, batches."""
    return written.isalpha() and written.islower()


def setup(app):
    app.connect("autodoc-process-docstring", escape)
    app.connect("autodoc-process-docstring", add_chapter, priority=900)  # after numpydoc
    app.connect("doctree-read", link_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
