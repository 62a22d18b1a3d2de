"""The setting REDIS_URL, and its check."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr, ValidationInfo

from app.origins import is_production

DEFAULT_REDIS_URL = "redis://localhost:6379/0"
_REDIS_URL = re.compile(
    r"rediss?://([^@/?#]*@)?([^@:/?#\[\]]+|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?(/[0-9]*)?", re.ASCII
)


def _check(secret: SecretStr, info: ValidationInfo) -> SecretStr:
    url = secret.get_secret_value()
    try:
        is_redis = _REDIS_URL.fullmatch(url) and urlsplit(url).port != 0
    except ValueError:
        # A port or an address that cannot be.
        is_redis = False
    if not is_redis:
        raise ValueError("must be a URL like rediss://user:password@host:6379/0")
    if url == DEFAULT_REDIS_URL and is_production(info):
        raise ValueError("must be set in production; the default is for development")
    return secret


RedisUrl = Annotated[SecretStr, AfterValidator(_check)]
