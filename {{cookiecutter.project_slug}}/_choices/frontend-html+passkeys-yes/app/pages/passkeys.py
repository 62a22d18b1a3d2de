"""The pages of passkeys. What a browser has to do for them, a script does over the API."""

from typing import Any

from fastapi import APIRouter
from webauthn.helpers import bytes_to_base64url

from app.web.dependencies import CurrentPasskeys, CurrentSettings, CurrentUser, public

router = APIRouter(include_in_schema=False)


async def describe_passkeys(user: CurrentUser, passkeys: CurrentPasskeys) -> dict[str, Any]:
    """Describe what the account page shows of passkeys, and of a password beside them."""
    found = await passkeys.list_for_user(user.id)
    return {
        "passkeys": [{**each._mapping, "id": bytes_to_base64url(each.id)} for each in found],
        "has_password": await passkeys.has_password(user),
        "rp_id": passkeys.site.id,
        "user_handle": bytes_to_base64url(await passkeys.handle_of(user.id) or b""),
    }


@router.get("/.well-known/passkey-endpoints")
@public
async def passkey_endpoints(settings: CurrentSettings) -> dict[str, str]:
    """Tell password managers where passkeys are added and removed."""
    account = f"{settings.public_url}/account"
    return {"enroll": account, "manage": account}
