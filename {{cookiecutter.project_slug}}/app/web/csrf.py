"""Protection against cross-site request forgery (CSRF), without tokens in forms.

Every browser since 2023 says where a request comes from, and a page cannot change what it says
(ASVS 5.0 3.5.1).
"""

from collections.abc import Container

from starlette.datastructures import Headers

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def cross_origin_error(
    method: str, scheme: str, headers: Headers, trusted_origins: Container[str]
) -> str | None:
    """Return why a request is refused, or None when it is allowed.

    scheme: http or https, with which the request was sent. headers: those of the request.
    """
    # Nothing changes on a safe method, so there is nothing to forge.
    if method in SAFE_METHODS:
        return None

    sec_fetch_site = headers.getlist("sec-fetch-site")
    origin = headers.getlist("origin")

    # A browser sends each once; a proxy and this app may read two values differently.
    if len(sec_fetch_site) > 1 or len(origin) > 1:
        return "its Origin or Sec-Fetch-Site header was sent twice"

    # A front end on another site that the operator has named.
    if origin and origin[0] in trusted_origins:
        return None

    # The whole origin is compared, scheme and port too. "null" stands for a sandbox, or for an
    # origin that a referrer policy hides, as it may in the forms of this app.
    own_origin = f"{scheme}://{headers.get('host', '')}"
    if origin and origin[0] not in (own_origin, "null"):
        return "its Origin does not match this app"

    # "none" is the user's own doing, such as reloading the response to a form. "same-site" is a
    # sibling subdomain, which may belong to somebody else.
    if sec_fetch_site:
        if sec_fetch_site[0] in ("same-origin", "none"):
            return None
        return "it comes from another site"

    # Browsers leave Sec-Fetch-Site out on plain http to other hosts than localhost.
    if origin == ["null"]:
        return "its Origin is hidden"

    # Neither header: not a browser, so nobody's cookie is attached without their knowledge.
    return None
