"""The setting REDIS_URL, and its check."""

import re
from typing import Annotated

from pydantic import AfterValidator, SecretStr, ValidationInfo

from app.origins import is_production
from app.urls import is_url

DEFAULT_REDIS_URL = "redis://localhost:6379/0"
_REDIS_URL = re.compile(
    r"rediss?://([^@/?#]*@)?([^@:/?#%\[\]]+|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?(/[0-9]*)?", re.ASCII
)


def _check(secret: SecretStr, info: ValidationInfo) -> SecretStr:
    url = secret.get_secret_value()
    if not is_url(url, _REDIS_URL):
        raise ValueError("must be a URL like rediss://user:password@host:6379/0")
    if url == DEFAULT_REDIS_URL and is_production(info):
        raise ValueError("must be set in production; the default is for development")
    return secret


RedisUrl = Annotated[SecretStr, AfterValidator(_check)]
