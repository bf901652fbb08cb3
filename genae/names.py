r"""Names of files, which are bytes on one system and text on another: in one form, as bytes, and as they are printed.

Python has bytes of a name that are no UTF-8 as lone surrogates (PEP 383), which no strict encoder takes; macOS writes letters
and accents apart (NFD) where others write them as one (NFC, https://unicode.org/reports/tr15); and a name may hold a newline.
"""

from __future__ import annotations

import re
import unicodedata

_UNSEEN = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")  # controls, breaks, directions


def composed(name: str) -> str:
    """In the form that compares equal, NFC."""
    return unicodedata.normalize("NFC", name)


def encoded(name: str) -> bytes:
    """As bytes for a digest: the same of any form, and of what is no text."""
    return composed(name).encode("utf-8", "surrogatepass")


def shown(text: str) -> str:
    r"""A line as it is printed: what would break it, colour it or turn it round is escaped, and so are bytes, \xE9."""
    return _UNSEEN.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    byte = 0xDC80 <= code <= 0xDCFF
    return f"\\x{code - 0xDC00:02x}" if byte else match[0].encode("unicode_escape").decode("ascii")
