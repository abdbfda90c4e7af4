"""A page as one HTML file that opens without a network: our look in it, and Bokeh with its script where it is used."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.report_style import CSS, SORT_SCRIPT, THEME_SCRIPT

if TYPE_CHECKING:
    from bokeh.document import Document
    from bokeh.models.ui import UIElement

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title><style>{{ css | safe }}</style>{{ bokeh_css | default("") | safe }}
{{ bokeh_js | default("") | safe }}</head>
<body><main>{% for part in parts -%}
{% if loop.index0 % 2 %}<div class=chart id="{{ roots[part].elementid }}" data-root-id="{{ roots[part].id }}"></div>
{%- else %}{{ part | safe }}{% endif %}{% endfor %}</main>
<script>{{ sort_script | safe }}</script>{{ plot_script | default("") | safe }}</body></html>
"""
_CHART = re.compile("<!--chart:([a-z_]+)-->")  # where a chart goes; escaped text cannot hold one
_REMOTE = re.compile(r"https?://(?:cdn\.|maps\.googleapis)[^\"'`\s\\)]*")


def write_page(page: str, file: Path) -> Path:
    """Write the page aside and rename it, so that ``file`` is never half a page; its folder is made.

    Returns:
        The absolute path.
    """
    file = Path(file).absolute()
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=file.parent, prefix=".report_", delete=False) as aside:
        try:
            aside.write(page)
            aside.flush()
            os.fsync(aside.fileno())
            os.chmod(aside.name, 0o644)
            os.replace(aside.name, file)
        except BaseException:
            os.unlink(aside.name)
            raise
    return file


def chart_place(name: str) -> str:
    """Where in the body a chart goes."""
    return f"<!--chart:{name}-->"


def whole_page(title: str, body: str, charts: Mapping[str, UIElement]) -> str:
    """The page as HTML text.

    Args:
        title: Of the window.
        body: HTML, with ``chart_place`` where charts go; what comes from data is escaped already.
        charts: By name; without one the page has no script of Bokeh.
    """
    from jinja2 import Environment

    variables = {"title": title, "css": CSS, "parts": _CHART.split(body), "sort_script": SORT_SCRIPT}
    template = Environment(autoescape=True).from_string(_PAGE)
    if not charts:
        return template.render(variables)
    from bokeh.document import Document
    from bokeh.embed import file_html
    from bokeh.models import Axis, CustomJS, Grid
    from bokeh.models.annotations import Legend
    from bokeh.resources import INLINE

    document = Document()
    for name, chart in charts.items():
        chart.name = name
        document.add_root(chart)
    painted = {"axes": _all(document, Axis), "grids": _all(document, Grid), "legends": _all(document, Legend)}
    document.js_on_event("document_ready", CustomJS(args=painted, code=THEME_SCRIPT))
    page = file_html(document, INLINE, title=title, template=template, template_variables=variables)
    return _REMOTE.sub("about:blank", page)


def _all(document: Document, kind: type) -> list[object]:
    return list(document.select({"type": kind}))
