"""The pages are valid HTML: the Nu checker reads each, in every state that tests bring it into."""

import re
from pathlib import Path

import pytest

from tests import processes
from tests.conftest import Bake
from tests.deploying import missing, program

PROBES = Path(__file__).parent / "probes"

# Those of a project that look at pages. That they see all is for the test to say.
TESTS = re.compile(r"tests/test_(error_pages|flash|forms|(\w+_)?pages?|strict_links)\.py")

# Between them, whatever has a page.
ANSWERS = {
    "database, all chosen": {"totp": "yes", "passkeys": "yes", "oidc": "yes"},
    "signed-cookie, addresses": {"session_backend": "signed-cookie", "identity": "email"},
}
EXTENDS = re.compile(r'{% extends "(\w+)\.html" %}')


def checker() -> list[str]:
    """Return the command of the Nu checker, an error for each warning."""
    java, npm = program("java", "default-jre-headless"), program("npm", "npm")
    folder = processes.run([npm, "root", "--global"], check=True).stdout.strip()
    jar = Path(folder) / "vnu-jar" / "build" / "dist" / "vnu.jar"
    if not jar.exists():
        missing("The Nu checker is not installed: npm install --global vnu-jar")
    return [java, "-jar", str(jar), "--Werror"]


@pytest.mark.slow
@pytest.mark.parametrize("answers", ANSWERS.values(), ids=ANSWERS)
def test_every_page_is_valid_html(ready: Bake, tmp_path: Path, answers: dict[str, str]) -> None:
    check = checker()
    project = ready(**answers)
    project.run(
        *(".venv/bin/python", "-m", "pytest", "-q", "-p", "keep_pages"),
        *sorted(file for file in project.files if TESTS.fullmatch(file)),
        variables={"PYTHONPATH": str(PROBES), "PAGES": str(tmp_path)},
    )
    pages = sorted(tmp_path.iterdir())
    seen = {page.name.rpartition("-")[0] for page in pages}
    texts = {
        Path(file).stem: text
        for file, text in project.texts.items()
        if file.startswith("app/templates/") and EXTENDS.search(text)
    }
    templates = texts.keys() - {base for text in texts.values() for base in EXTENDS.findall(text)}
    assert seen >= templates > {"login", "account", "error", "link"}
    found = processes.run([*check, *map(str, pages)])
    wrong = {page.name: page.read_text("utf-8") for page in pages if page.name in found.stdout}
    assert (found.returncode, found.stdout) == (0, ""), wrong
