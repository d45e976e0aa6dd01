"""Keys that every store can keep."""

from ooni_core.errors import Invalid

_MOST_BYTES = 1000


def checked_key(key: str) -> str:
    """Return *key*, unless it could escape from the store or means different things to different stores.

    Raises:
        Invalid: it is empty, too long, absolute, or has an empty, ``.`` or ``..`` part or a control character.
    """
    parts = key.split("/")
    if any(part in {"", ".", ".."} for part in parts) or any(ord(letter) < 32 or letter == "\\" for letter in key):
        raise Invalid(f"{key[:120]!r} cannot be the key of a published file")
    if len(key.encode("utf-8", "surrogatepass")) > _MOST_BYTES:
        raise Invalid(f"a key has at most {_MOST_BYTES} bytes, {key[:60]!r}... has more")
    return key
