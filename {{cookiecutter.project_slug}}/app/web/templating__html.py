"""The pages' templates; everything in them is escaped."""

from pathlib import Path

from starlette.templating import Jinja2Templates

from app.settings import PROJECT

templates = Jinja2Templates(Path(__file__).parent / "templates")
templates.env.globals["project"] = PROJECT
