"""A Sphinx extension: only the icons in use remain of the theme's font and style sheet."""

import re
from pathlib import Path

from fontTools import subset

NAME = re.compile(r"\bfa-([a-z0-9-]+)")
RULE = re.compile(r"(?P<selector>[^{}]*)\{[^{}]*\}")
CODE = re.compile(r'"\\([0-9a-f]{1,5})')
STYLES = Path("styles", "pydata-sphinx-theme.css")
FONT = Path("vendor", "fontawesome", "webfonts", "fa-solid-900.ttf")


def without_others(css, names):
    """A style sheet without the rules for icons, and sizes of icons, that are not among `names`."""

    def keep(rule):
        named = NAME.findall(rule["selector"])
        return rule[0] if not named or names.intersection(named) else ""

    return RULE.sub(keep, css)


def cut_font(font, codes):
    """Write beside a font one with these letters alone."""
    options = subset.Options(flavor="woff")
    whole = subset.load_font(font, options)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=codes)
    cutter.subset(whole)
    subset.save_font(whole, font.with_suffix(".woff"), options)


def cut(app, error):
    if error or app.builder.format != "html":
        return
    out = Path(app.outdir)
    static = out / "_static"
    pages = [*out.glob("*.html"), *(out / "book").glob("*.html"), *static.glob("scripts/*theme.js")]
    names = {name for page in pages for name in NAME.findall(page.read_text(encoding="utf-8"))}
    styles = static / STYLES
    css = without_others(styles.read_text(encoding="utf-8"), names)
    styles.write_text(css.replace('.woff2) format("woff2")', '.woff) format("woff")'), encoding="utf-8")
    sheets = [*static.glob("*.css"), *static.glob("styles/*.css")]
    codes = {int(code, 16) for sheet in sheets for code in CODE.findall(sheet.read_text(encoding="utf-8"))}
    cut_font(static / FONT, codes)


def setup(app):
    app.connect("build-finished", cut)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
