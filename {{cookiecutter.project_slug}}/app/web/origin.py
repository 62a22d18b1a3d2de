"""Which requests another site may have caused, and are refused (ASVS 5.0 3.5.1).

No token in forms: every browser since 2023 says by itself where a request comes from, and a page
cannot change what it says.
"""

from collections.abc import Container

from starlette.datastructures import Headers

from app import texts

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def refusal(
    method: str, scheme: str, headers: Headers, trusted_origins: Container[str]
) -> str | None:
    """Return why a request is refused, or None when it may pass.

    scheme: http or https, by which the request was sent. headers: those of the request.
    """
    # Nothing changes on a safe method, so there is nothing to forge.
    if method in SAFE_METHODS:
        return None

    sec_fetch_site = headers.getlist("sec-fetch-site")
    origin = headers.getlist("origin")

    # A browser sends each once; two values may be read differently by a proxy and by us.
    if len(sec_fetch_site) > 1 or len(origin) > 1:
        return texts.ORIGIN_SENT_TWICE

    # A front end on another site that the operator has named.
    if origin and origin[0] in trusted_origins:
        return None

    # "none" is the user's own doing, such as reloading the answer to a form. "same-site" is a
    # sibling subdomain, which may belong to somebody else.
    if sec_fetch_site:
        if sec_fetch_site[0] in ("same-origin", "none"):
            return None
        return texts.FROM_ANOTHER_SITE

    # Browsers leave Sec-Fetch-Site out on plain http to other hosts than localhost. The whole
    # origin is compared, scheme and port too. "null" stands for a sandbox or a hidden origin.
    if origin:
        own_origin = f"{scheme}://{headers.get('host', '')}"
        return None if origin[0] == own_origin else texts.FROM_ANOTHER_ORIGIN

    # Neither header: not a browser, so nobody's cookie is attached without their knowledge.
    return None
