"""onnxruntime-web, which runs a model within a page: two files of a package of npm's registry, kept in the user's cache.

    ort.wasm.bundle.min.mjs            its JavaScript
    ort-wasm-simd-threaded.wasm        what it is compiled to, 14 MB

Both are known by their SHA-256. They are fetched once, from the registry that npm is set to, else from npm's own.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import zlib
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.request import Request, urlopen

from genae.errors import GenaeError, remark
from genae.files import cache_folder, write_file

PACKAGE, VERSION, SIZE = "onnxruntime-web", "1.30.0", "33 MB"  # SIZE is of the package
SCRIPT, COMPILED = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"
DIGESTS = {
    SCRIPT: "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    COMPILED: "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
SETTING = "npm_config_registry"  # as npm itself reads it
REGISTRY = "https://registry.npmjs.org"
PATIENCE = 30.0  # seconds that a server may be silent


def place() -> Path:
    """Where what was fetched is kept."""
    return cache_folder() / f"{PACKAGE}-{VERSION}"


def files(given: Path | None = None) -> list[Path]:
    """Both, in a folder of the user's own or in the cache, fetched where they are not there. GenaeError if that fails."""
    folder = place() if given is None else given
    wrong = [name for name, digest in DIGESTS.items() if _digest(folder / name) != digest]
    if wrong and given is not None:
        raise GenaeError(
            f"--runtime {given}: {', '.join(wrong)} of {PACKAGE} {VERSION} must lie there, as its folder dist has them"
        )
    if wrong:
        _fetch(folder)
    return [folder / name for name in DIGESTS]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _fetch(folder: Path) -> None:
    """Both files into a folder, once they are what they should be."""
    url = f"{registry()}/{PACKAGE}/-/{PACKAGE}-{VERSION}.tgz"
    remark(f"fetching {PACKAGE} {VERSION} ({SIZE}) from {url}, once")
    try:
        with urlopen(Request(url, headers={"User-Agent": "genae"}), timeout=PATIENCE) as answer:
            made = dict(_members(answer))
    except (OSError, HTTPException, EOFError, ValueError, tarfile.TarError, zlib.error) as error:
        raise GenaeError(
            f"{PACKAGE} could not be fetched from {url} ({error}); give a folder with {' and '.join(DIGESTS)} by --runtime"
        ) from error
    for name, digest in DIGESTS.items():
        if hashlib.sha256(made.get(name, b"")).hexdigest() != digest:
            raise GenaeError(f"{url} holds another {name} than {PACKAGE} {VERSION}; nothing of it is kept")
    for name in DIGESTS:
        write_file(folder / name, lambda path, name=name: path.write_bytes(made[name]))  # type: ignore[misc]


def _members(stream: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    """The wanted ones of a package, by name."""
    with tarfile.open(fileobj=stream, mode="r|gz") as packed:
        for member in packed:
            name = member.name.removeprefix("package/dist/")
            content = packed.extractfile(member) if name in DIGESTS else None
            if content is not None:
                yield name, content.read()


def registry() -> str:
    """The address of npm's registry, as npm is set where there is one."""
    own, npm = os.environ.get(SETTING, ""), shutil.which("npm")
    if not own and npm:
        asked = subprocess.run([npm, "config", "get", "registry"], capture_output=True, text=True, check=False)
        own = asked.stdout.strip()
    return (own if own.startswith(("http://", "https://")) else REGISTRY).rstrip("/")
