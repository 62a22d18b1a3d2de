"""Headers of every response."""

#{% if cookiecutter.frontend == "html" %}
# Nothing is allowed but what the pages need: style, script, images and forms from here.
CONTENT_SECURITY_POLICY = (
    b"default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
#{% else %}
# There are no pages, so nothing is allowed.
CONTENT_SECURITY_POLICY = (
    b"default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
#{% endif %}

# On every response (ASVS 5.0 V3.4).
SECURITY_HEADERS = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-embedder-policy", b"require-corp"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    # Caches ask before they use it again: the next version may answer otherwise.
    (b"cache-control", b"no-cache"),
)

# One year; subdomains too, or one of them could set cookies over plain http.
STRICT_TRANSPORT_SECURITY = (
    b"strict-transport-security",
    b"max-age=31536000; includeSubDomains",
)
