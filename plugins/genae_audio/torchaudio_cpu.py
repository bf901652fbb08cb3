"""torchaudio's transforms, with a CPU build of torch too.

torchaudio's wheels for Linux on PyPI link CUDA in their compiled extension, so beside a CPU build of torch `import torchaudio`
ends in an OSError ("Could not load this library"). The transforms are Python over `torch.stft` and need no extension, and
torchaudio runs without one where a build has none. So when the plain import has failed in that way, and only then, it is
imported once more with its private `torchaudio._extension` replaced by one that says that there is none. Audio files are read
and written with soundfile in either case, since torchaudio's own functions now need FFmpeg.
"""

from __future__ import annotations

import importlib
import sys
from functools import cache
from threading import Lock
from types import ModuleType

from genae.errors import GenaeError

NAME = "torchaudio"
_lock = Lock()


@cache
def _load() -> ModuleType:
    try:
        return importlib.import_module(NAME)
    except ImportError as error:
        raise GenaeError(f"sound needs torchaudio, which cannot be imported ({error}); pip install torchaudio") from error
    except OSError:
        return _without_extension()


def torchaudio() -> ModuleType:
    """The package, imported at the first call (which takes a second or two). GenaeError if it is not installed."""
    with _lock:  # files are read in threads
        return _load()


def _without_extension() -> ModuleType:
    for name in [n for n in sys.modules if n == NAME or n.startswith(f"{NAME}.")]:
        del sys.modules[name]  # what the failed import left
    none = ModuleType(f"{NAME}._extension")
    flags = dict.fromkeys(("_IS_TORCHAUDIO_EXT_AVAILABLE", "_IS_ALIGN_AVAILABLE", "_IS_RNNT_AVAILABLE"), False)
    vars(none).update(flags, fail_if_no_align=lambda function: function)
    sys.modules[none.__name__] = none
    try:
        return importlib.import_module(NAME)
    except BaseException:
        del sys.modules[none.__name__]
        raise
