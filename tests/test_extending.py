"""The code of docs/extending.md is real: a project that takes it passes its checks, and works."""

import html
import re
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.conftest import Bake
from tests.identity_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    METADATA_PATH,
    SUBJECT,
    IdentityProvider,
    identity_provider,
)
from tests.project import REPOSITORY, Project, Server
from tests.test_server import ACCOUNT, COOKIE, register, sign_in, status

PAGE = (REPOSITORY / "docs" / "extending.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
SECOND_FACTOR = "A second factor"
PROVIDER = "Signing in at an identity provider"
BOTH = "Both together"

# "`app/file.py`:" and a block is a file; a block of the kind "diff" is a change of one.
_FILE = re.compile(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CHANGE = re.compile(r"^```diff\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```\w+$", re.MULTILINE)

# What the project's own tests say of whatever routes, tables and settings there are.
OF_ANY_APP = (
    "tests/attacks/test_every_route.py",
    "tests/test_access.py",
    "tests/test_database.py",
    "tests/test_openapi.py",
    "tests/test_pages.py",
    "tests/test_security_page.py",
    "tests/test_sign_in.py",
)

LIES: list[dict[str, object]] = [
    {"iss": "https://provider.example"},
    {"aud": "another-app"},
    {"nonce": "of another sign-in"},
    {"exp": 1},
    {"sub": "somebody else"},
]

# What is no set of keys, what is no token, and how the app answers.
NONSENSE: list[tuple[str, object, int]] = [
    ("/keys", [], 503),
    ("/keys", {}, 503),
    ("/keys", {"keys": [{}]}, 503),
    ("/keys", {"keys": [5]}, 503),
    ("/token", [], 403),
    ("/token", {}, 403),
    ("/token", 5, 403),
    ("/token", {"id_token": 5}, 403),
    ("/token", {"id_token": "x.y.z"}, 403),
]

# Where a browser is sent on by a page.
_ONWARD = re.compile(r'http-equiv="refresh" content="0; url=([^"]+)"')

pytestmark = pytest.mark.slow

Extend = Callable[[str], Project]


@pytest.fixture
def extend(bake: Bake, environment_of: Callable[[Project], Path]) -> Extend:
    """Bake a project, and put the code of a section of the page into it."""

    def extend(section: str) -> Project:
        project = bake()
        before = requirements(project)
        for name, text in _FILE.findall(SECTIONS[section]):
            (project.path / name).write_text(text, encoding="utf-8")
        project.run("git", "apply", str(changes(project, section)))
        # As "make pins" would, and nothing that is there already becomes newer.
        with (project.path / "requirements-dev.txt").open("a", encoding="utf-8") as pins:
            pins.writelines(f"{each}\n" for each in requirements(project) - before)
        project.use(environment_of(project))
        return project

    return extend


def changes(project: Project, section: str) -> Path:
    """Write the changes that a section makes into a file beside the project."""
    file = project.path.parent / "changes.diff"
    file.write_text("".join(_CHANGE.findall(SECTIONS[section])), encoding="utf-8")
    return file


def requirements(project: Project) -> set[str]:
    """Return what a project asks for, its tools included."""
    asked = tomllib.loads(project.read("pyproject.toml"))
    return {*asked["project"]["dependencies"], *asked["dependency-groups"]["dev"]}


@contextmanager
def served(project: Project, **variables: str) -> Iterator[Server]:
    with project.stores(), project.serving(variables=variables) as server:
        register(server)
        yield server


def test_the_page_has_no_block_that_is_not_used() -> None:
    assert set(SECTIONS) == {SECOND_FACTOR, PROVIDER, BOTH}
    used = [*_FILE.findall(PAGE), *_CHANGE.findall(PAGE)]
    assert len(used) == len(_BLOCK.findall(PAGE)) > 20


def test_both_additions_collide_only_where_it_is_said(bake: Bake) -> None:
    project = bake()
    project.run("git", "apply", str(changes(project, SECOND_FACTOR)))
    project.run("git", "apply", "--reject", str(changes(project, PROVIDER)), check=False)
    rejected = {each.removesuffix(".rej") for each in project.files if each.endswith(".rej")}
    assert rejected == set(re.findall(r"`(app/\w+\.py)`", SECTIONS[BOTH]))


@pytest.mark.parametrize(
    ("section", "tests"),
    [(SECOND_FACTOR, "tests/test_second_factor.py"), (PROVIDER, "tests/test_oidc.py")],
)
def test_a_project_with_it_passes_its_own_checks_and_tests(
    extend: Extend, section: str, tests: str
) -> None:
    project = extend(section)
    project.run("make", "check")
    project.python("-m", "pytest", "-q", tests, *OF_ANY_APP)


def test_the_second_factor_keeps_a_stolen_password_out(extend: Extend) -> None:
    project = extend(SECOND_FACTOR)

    def code(secret: str, steps: int = 0) -> str:
        later = f"pyotp.TOTP({secret!r}).at(int(time.time()) + {30 * steps})"
        return project.python("-c", f"import pyotp, time; print({later})").strip()

    with served(project) as server:
        owner = sign_in(server)
        thief = sign_in(server)
        factor, login = f"{server.url}/api/second-factor", f"{server.url}/api/login"
        secret = httpx2.post(factor, headers=owner).json()["secret"]
        assert httpx2.put(factor, json={"code": "none"}, headers=owner).status_code == 403
        assert status(server, thief) == 200
        first = {"code": code(secret)}
        assert httpx2.put(factor, json=first, headers=owner).status_code == 204
        assert (status(server, owner), status(server, thief)) == (200, 401)
        for wrong in ({}, {"code": "none"}, first):
            assert httpx2.post(login, json={**ACCOUNT, **wrong}).status_code == 401
        right = {**ACCOUNT, "code": code(secret, steps=1)}
        assert httpx2.post(login, json=right).status_code == 200
        assert secret not in server.output
        assert secret.encode() not in (project.path / "app.db").read_bytes()


class Visitor:
    """A browser that keeps its cookies, on its way to the provider and back."""

    def __init__(self, server: Server, cookies: str = "") -> None:
        self._server = server
        self.cookies = cookies

    def get(self, address: str) -> httpx2.Response:
        return self._keep(httpx2.get(address, headers={"cookie": self.cookies}))

    def begin(self, path: str, site: str = "same-origin") -> httpx2.Response:
        """Press a button of the app's, or of another site's."""
        headers = {"cookie": self.cookies, "sec-fetch-site": site}
        return self._keep(httpx2.post(f"{self._server.url}{path}", headers=headers))

    def away(self, path: str) -> str:
        """Go to the provider; the address that it sends the browser back to."""
        [there] = _ONWARD.findall(self.begin(path).text)
        return httpx2.get(html.unescape(there)).headers["location"]

    def there_and_back(self, path: str) -> httpx2.Response:
        return self.get(self.away(path))

    def _keep(self, response: httpx2.Response) -> httpx2.Response:
        sent = [each.partition(";")[0] for each in response.headers.get_list("set-cookie")]
        kept = [each for each in self.cookies.split("; ") if each]
        pairs = dict(each.split("=", 1) for each in [*kept, *sent])
        self.cookies = "; ".join(f"{name}={value}" for name, value in pairs.items() if value)
        return response


def test_the_provider_signs_in_whom_its_owner_has_linked_and_nobody_else(extend: Extend) -> None:
    project = extend(PROVIDER)
    with identity_provider() as provider:
        variables = {
            "OIDC_ISSUER": provider.url,
            "OIDC_CLIENT_ID": CLIENT_ID,
            "OIDC_CLIENT_SECRET": CLIENT_SECRET,
        }
        with served(project, **variables) as server:
            stranger = Visitor(server).there_and_back("/oidc/start")
            assert (stranger.status_code, "link it under Account" in stranger.text) == (403, True)
            owner = Visitor(server, sign_in(server)["cookie"])
            assert owner.begin("/oidc/link", site="cross-site").status_code == 403
            assert owner.get(f"{server.url}/oidc/link").status_code == 405
            assert owner.there_and_back("/oidc/link").headers["location"] == "/account"
            assert SUBJECT in owner.get(f"{server.url}/account").text

            visitor = Visitor(server)
            back = visitor.away("/oidc/start")
            # In another browser, as by a link that somebody sends.
            assert Visitor(server).get(back).status_code == 403
            assert COOKIE not in visitor.cookies
            assert visitor.get(back).headers["location"] == "/"
            headers = {"cookie": visitor.cookies}
            answer = httpx2.get(f"{server.url}/api/me", headers=headers)
            assert answer.json()["username"] == "alice"
            # The way back was good once.
            assert visitor.get(back).status_code == 403
            assert httpx2.post(f"{server.url}/api/logout", headers=headers).status_code == 204
            assert status(server, headers) == 401

            for lie in LIES:
                provider.lies = lie
                liar = Visitor(server)
                assert liar.there_and_back("/oidc/start").status_code == 403, lie
                assert COOKIE not in liar.cookies
            provider.lies = {}
            provider.is_called_off = True
            hesitant = Visitor(server).there_and_back("/oidc/start")
            assert (hesitant.status_code, "has not signed you in" in hesitant.text) == (403, True)
            provider.is_called_off = False
            speaks_nonsense(server, provider)
            provider.sign_with_another_key()
            assert Visitor(server).there_and_back("/oidc/start").status_code == 403


def speaks_nonsense(server: Server, provider: IdentityProvider) -> None:
    """Let the provider answer with what is none, one after the other, and look at each."""
    unsaid: object = {
        name: value for name, value in provider.metadata.items() if "authorization" not in name
    }
    of_another: dict[str, object] = {**provider.metadata, "issuer": "https://provider.example"}
    for metadata in [[], unsaid, of_another]:
        provider.nonsense = {METADATA_PATH: metadata}
        assert Visitor(server).begin("/oidc/start").status_code == 503, metadata
    for path, answer, answered in NONSENSE:
        provider.nonsense = {path: answer}
        came_back = Visitor(server).there_and_back("/oidc/start")
        assert came_back.status_code == answered, (path, answer)
    provider.nonsense = {}
