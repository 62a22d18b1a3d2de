"""An attacker has got hold of a link from a mail, after it was used or a newer one was sent."""

from tests.attacks.stories import Target, story
from tests.client import PASSWORD, Browser
from tests.people import FIELD
from tests.test_links import NEW_PASSWORD, reset


async def newest_token(client: Browser, name: str) -> str:
    """Return the token of the link that was sent to somebody last."""
    return next(mail.token for mail in await client.mails() if mail.to == name)


@story("reuse of a reset link", promise=66)
async def test_a_link_to_choose_a_password_is_good_once(target: Target) -> None:
    """Use the link of a forgotten password twice, and an older one once there is a newer."""
    client, name = target.browser(), target.newcomer()
    await target.signed_in(name)
    tokens = []
    for _ in range(2):
        target.expect(await client.post("/api/password/forgot", json={FIELD: name}), 202)
        tokens.append(await newest_token(client, name))
    older, newer = tokens
    target.expect(await reset(client, older), 422)
    target.expect(await reset(client, newer), 204)
    target.expect(await reset(client, newer, "and yet another password"), 422)
    target.expect(await client.sign_in(name, NEW_PASSWORD), 200)


@story("reuse of a verification link", promise=66)
async def test_a_link_of_a_registration_is_good_once(target: Target) -> None:
    """Follow the link of a registration once more, when the account has been created."""
    client, name = target.browser(), target.newcomer()
    target.expect(await client.register(name), 202)
    body = {"token": await newest_token(client, name)}
    target.expect(await client.post("/api/email/verify", json=body), 422)
    target.expect(await client.sign_in(name, PASSWORD), 200)
