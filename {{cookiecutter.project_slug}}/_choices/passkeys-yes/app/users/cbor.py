"""CBOR that authenticators have written, looked at before the library reads it.

It has no tags (CTAP 2.2, 8), and cbor2 knows what many of them mean: to make a regular expression
of a stranger's text would keep it busy for minutes.
"""

from collections.abc import Callable
from typing import Any

import cbor2

# More than an id and a key of the lengths that are stored, and extensions.
MAX_AUTHENTICATOR_DATA_BYTES = 4_096


def _refuse(*_: object) -> Any:
    raise ValueError("its CBOR has a tag")


class _EveryTag(dict[int, Callable[[Any, bool], Any]]):
    """What to do with a tag: the same for each of them."""

    def __missing__(self, _: int) -> Callable[[Any, bool], Any]:
        return _refuse


_EVERY_TAG = _EveryTag()


def read_cbor(data: bytes) -> Any:
    """Return the first item in it. Raises cbor2.CBORDecodeError, for a tag as well."""
    return cbor2.loads(data, semantic_decoders=_EVERY_TAG)


def check_authenticator_data(data: bytes) -> None:
    """Raise ValueError or cbor2.CBORDecodeError for what the library must not read."""
    if len(data) > MAX_AUTHENTICATOR_DATA_BYTES:
        raise ValueError("its data is too long")
    # Of a new passkey there is its key, and before that its id (WebAuthn, 6.1 and 6.5.1).
    is_new = data[32] & 0x40
    rest = data[55 + int.from_bytes(data[53:55]) :] if is_new else data[37:]
    while rest:
        item = cbor2.dumps(read_cbor(rest))
        # The library looks for the next one behind this one, written anew. And it repairs the keys
        # of some authenticators first, so that what it takes for one item may be several here.
        if not rest.startswith(item):
            raise ValueError("its CBOR is not canonical")
        rest = rest[len(item) :]
