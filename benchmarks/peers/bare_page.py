"""A page by FastAPI and Jinja, as their documentation teaches it, for nobody in particular.

SIZE: its bytes, which a list fills.
"""

import os

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates
from jinja2 import DictLoader, Environment

SIZE = int(os.environ["SIZE"])

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
{% endblock %}
"""

ROW = {"name": "Firefox on Linux", "address": "203.0.113.7", "seen": "a minute ago"}

pages = Jinja2Templates(
    env=Environment(loader=DictLoader({"base.html": BASE, "page.html": PAGE}), autoescape=True)
)
render = pages.env.get_template("page.html").render
of_none, of_one = (len(render(title="Devices", rows=[ROW] * rows)) for rows in (0, 1))
ROWS = [ROW] * ((SIZE - of_none) // (of_one - of_none))

app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})


@app.get("/")
async def page(request: Request) -> HTMLResponse:
    return pages.TemplateResponse(request, "page.html", {"title": "Devices", "rows": ROWS})
