"""Django, with its sessions where BACKEND says: cookie, redis or sqlite.

Its middleware is that of ``django-admin startproject``, without users and messages: the name is in
the session, and no user is read from the database.
"""

import os

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

ENGINES = {
    "cookie": "django.contrib.sessions.backends.signed_cookies",
    "redis": "django.contrib.sessions.backends.cache",
    "sqlite": "django.contrib.sessions.backends.db",
}
backend = os.environ["BACKEND"]
cache = {
    "BACKEND": "django.core.cache.backends.redis.RedisCache",
    "LOCATION": os.environ.get("REDIS_URL", ""),
}
settings.configure(
    ALLOWED_HOSTS=["localhost"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="k" * 50,
    INSTALLED_APPS=["django.contrib.sessions"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    SESSION_ENGINE=ENGINES[backend],
    SESSION_COOKIE_SECURE=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "django.db"}},
    CACHES={"default": cache} if backend == "redis" else {},
)
django.setup()
if backend == "sqlite":
    call_command("migrate", verbosity=0)


@csrf_exempt
async def login(request: HttpRequest) -> HttpResponse:
    await request.session.aset("username", "alice")
    return HttpResponse(status=204)


async def me(request: HttpRequest) -> HttpResponse:
    username = await request.session.aget("username")
    if username is None:
        return HttpResponse(status=401)
    return JsonResponse({"username": username})


urlpatterns = [path("login", login), path("me", me)]
app = get_asgi_application()
