"""A page by FastAPI and Jinja, as their documentation teaches it, for nobody in particular.

SIZE: its bytes. ROWS: of a list on it.
"""

import os

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates
from jinja2 import DictLoader, Environment

SIZE, ROWS = int(os.environ["SIZE"]), int(os.environ["ROWS"])

BASE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{% block title %}{% endblock %}</title></head>
<body>{% block main %}{% endblock %}</body>
</html>
"""
PAGE = """{% extends "base.html" %}
{% block title %}{{ title }}{% endblock %}
{% block main %}
<h1>{{ title }}</h1>
<ul>
{% for row in rows %}
<li><strong>{{ row.name }}</strong> {{ row.address }}, {{ row.seen }}</li>
{% endfor %}
</ul>
"""
END = "{% endblock %}\n"

ROW = {"name": "Firefox on Linux", "address": "203.0.113.7", "seen": "a minute ago"}
VALUES = {"title": "Devices", "rows": [ROW] * ROWS}


def templates(filling: int) -> Jinja2Templates:
    """Return the templates, with so many bytes of text besides."""
    pages = {"base.html": BASE, "page.html": PAGE + "x" * filling + END}
    return Jinja2Templates(env=Environment(loader=DictLoader(pages), autoescape=True))


empty = templates(0).env.get_template("page.html").render(VALUES)
pages = templates(max(0, SIZE - len(empty)))
app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})


@app.get("/")
async def page(request: Request) -> HTMLResponse:
    return pages.TemplateResponse(request, "page.html", VALUES)
