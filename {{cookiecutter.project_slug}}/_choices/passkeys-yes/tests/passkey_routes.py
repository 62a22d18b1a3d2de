"""The routes that there are because of passkeys."""

PASSKEY_ROUTES = [
    ("GET", "/api/passkeys"),
    ("POST", "/api/passkeys/options"),
    ("POST", "/api/passkeys"),
    ("PATCH", "/api/passkeys/{id}"),
    ("DELETE", "/api/passkeys/{id}"),
    ("POST", "/api/login/passkey/options"),
    ("POST", "/api/login/passkey"),
    ("POST", "/api/confirm/passkey/options"),
    ("PUT", "/api/password"),
    ("DELETE", "/api/password"),
    #{% if cookiecutter.frontend == "html" %}
    ("GET", "/.well-known/passkey-endpoints"),
    #{% endif %}
]
# Those that are for everybody.
PUBLIC_PASSKEY_PATHS = {
    "/api/login/passkey/options",
    "/api/login/passkey",
    #{% if cookiecutter.frontend == "html" %}
    "/.well-known/passkey-endpoints",
    #{% endif %}
}
