"""The routes that there are because of providers."""

OIDC_ROUTES = [
    ("POST", "/api/confirm/{provider}"),
    ("GET", "/api/identities"),
    ("POST", "/api/identities/{provider}"),
    ("DELETE", "/api/identities/{id}"),
    #{% if not cookiecutter.passkeys %}
    ("PUT", "/api/password"),
    #{% endif %}
    #{% if cookiecutter.frontend == "html" %}
    ("POST", "/confirm/{provider}"),
    ("POST", "/account/identities/{provider}"),
    ("POST", "/account/identities/{id}/remove"),
    #{% if not cookiecutter.passkeys %}
    ("POST", "/account/password"),
    #{% endif %}
    #{% endif %}
]
# Those that are for everybody.
PUBLIC_OIDC_PATHS = {
    "/api/login/{provider}",
    "/login/{provider}/callback",
    "/login/{provider}/logout",
    #{% if cookiecutter.frontend == "html" %}
    "/login/{provider}",
    #{% if cookiecutter.identity == "username" %}
    "/register/{provider}",
    #{% endif %}
    #{% else %}
    "/api/login/{provider}/callback",
    #{% if cookiecutter.identity == "username" %}
    "/api/register/{provider}",
    #{% endif %}
    #{% if cookiecutter.totp %}
    "/api/login/{provider}/code",
    #{% endif %}
    #{% endif %}
}
