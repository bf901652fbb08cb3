"""Runs of the Hugging Face hub, wherever a run is taken: hf:owner/name, or hf:owner/name@revision (a branch, tag or commit).

Only what makes a run is fetched, so that nothing of a stranger's can run code: tensors as safetensors, JSON, and the card. The
hub's own library keeps them, where it keeps everything (HF_HOME); with another hub's address in HF_ENDPOINT it is asked.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from genae.errors import GenaeError, remark

if TYPE_CHECKING:
    from huggingface_hub import HfApi

PREFIX, EXTRA = "hf:", "huggingface_hub"
NAME = re.compile(r"hf:([\w.-]+/[\w.-]+)(?:@([\w./-]+))?", re.ASCII)
WANTED, UNWANTED = ["*.safetensors", "*.json", "README.md"], ["training.*"]  # a training state is not for using a run
PICKLED = (".bin", ".ckpt", ".joblib", ".pickle", ".pkl", ".pt", ".pth")  # suffixes of what may hold one
OLD = ["samplers/*", "attributes.safetensors"]  # there, of weights of before
SHOWN = 3  # of such files
_fetched: dict[Path, str] = {}  # folders of this process to their names


class Repository(NamedTuple):
    """Where a run is on the hub."""

    id: str  # owner/name
    revision: str | None


def is_name(run: str | Path) -> bool:
    """Whether it names a run of the hub."""
    return Path(run).as_posix().startswith(PREFIX)


def parsed(run: str | Path) -> Repository:
    """GenaeError for what is no such name."""
    found = NAME.fullmatch(text := Path(run).as_posix())
    if found is None:
        raise GenaeError(f"a run of the hub is hf:owner/name or hf:owner/name@revision, not {text}")
    return Repository(found[1], found[2])


def name_of(folder: Path) -> str:
    """The name of a folder that was fetched, "" for any other."""
    return _fetched.get(folder.resolve(), "")


@lru_cache
def folder_of(name: str) -> Path:
    """The files of hf:owner/name, as the hub has them now; where it is not reached as they were fetched last, which is said.

    GenaeError where there are none, or they are no run.
    """
    of, api = parsed(name), _library()
    why = _unreached(api, of, name)
    folder = _taken(api, of, name, why)
    if why:
        remark(f"{name}: the hub is not reached ({why}); what was fetched last is used, revision {folder.name[:12]}")
    _fetched[folder.resolve()] = name
    return folder


def _unreached(api: HfApi, of: Repository, name: str) -> str:
    """Why the hub cannot be asked, or "". GenaeError where it says that there is no such run."""
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        files = api.model_info(of.id, revision=of.revision).siblings
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise GenaeError(f"{name} is not on the hub, or not for you to see: {_line(error)}") from error
    except _broken() as error:
        return _line(error)
    _require_run(name, [file.rfilename for file in files or []])
    return ""


def _taken(api: HfApi, of: Repository, name: str, why: str) -> Path:
    """Where the library keeps a run's files, fetched now unless there is a reason why that cannot be."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(api.snapshot_download(
            of.id, revision=of.revision, allow_patterns=WANTED, ignore_patterns=UNWANTED, local_files_only=bool(why)
        ))  # fmt: skip
    except LocalEntryNotFoundError as error:
        raise GenaeError(f"{name}: the hub is not reached ({why or _line(error)}), and it was never fetched") from error
    except _broken() as error:
        raise GenaeError(f"{name} could not be fetched: {_line(error)}") from error


def _require_run(name: str, files: list[str]) -> None:
    """What is left there for safety is remarked. GenaeError for what holds no run."""
    if "recipe.json" not in files:
        some = ", ".join(files[:SHOWN]) or "no file"
        raise GenaeError(f"{name} is not a run: it has no recipe.json, but {some}; `genae models push` makes one of a run")
    if pickled := [file for file in files if file.lower().endswith(PICKLED)]:
        more = f" and {len(pickled) - SHOWN} more" if len(pickled) > SHOWN else ""
        remark(f"{name}: what may hold pickles is not fetched ({', '.join(pickled[:SHOWN])}{more})")


def push(folder: Path, run: str | Path, message: str) -> str:
    """A folder's files as those of a run of the hub, which is made if there is none: where they are to be seen."""
    of, api = parsed(run), _library()
    try:
        api.create_repo(of.id, exist_ok=True)
        done = api.upload_folder(
            repo_id=of.id, folder_path=folder, revision=of.revision, commit_message=message, delete_patterns=OLD
        )
    except _broken() as error:
        raise GenaeError(f"{PREFIX}{of.id} could not be written: {_line(error)}; is HF_TOKEN one that may?") from error
    url: str = done.commit_url
    return url


def _library() -> HfApi:
    """The hub's own. GenaeError where the extra is not installed."""
    if find_spec(EXTRA) is None:
        raise GenaeError("hf: needs the hub's library, which is not installed: pip install 'genae[hub]'")
    from huggingface_hub import HfApi  # here, as below: it is slow to import
    from huggingface_hub.utils.tqdm import disable_progress_bars

    if not sys.stderr.isatty():  # where nobody would see them
        disable_progress_bars()
    return HfApi()


def _broken() -> tuple[type[Exception], ...]:
    """What is raised where the hub is not reached, or does not want."""
    from httpx2 import HTTPError

    return HTTPError, OSError


def _line(error: Exception) -> str:
    """The first line of what an error says."""
    return str(error).strip().split("\n")[0] or type(error).__name__
