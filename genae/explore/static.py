"""The page as a folder that any web host can serve: no server of genae's, and no request to any other host.

    decoded     the decoder runs in the page, as ONNX: where p(x | z) has a mean that is shown, which a domain makes media of by
                tensors alone (`Domain.direct`), and z is any numbers
    rendered    places of the map, decoded beforehand; the nearest one is shown: for every domain

model.json has what the page's server would have told it; alone/link.js takes the place of page/link.js.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from genae.data.domain import Direct
from genae.data.media import media_type
from genae.data.reading import Report, quiet
from genae.errors import GenaeError
from genae.explore import rendered, runtime
from genae.explore.explorer import Explorer
from genae.explore.messages import DIGITS, Ask, hello
from genae.files import require_empty
from genae.latent.axes import Straight
from genae.learn.device import seeded
from genae.model.portable import Stepped
from genae.use import graphs
from genae.use.output import marked_folder
from genae.use.parts import Parts
from genae.use.run import Run

HERE = Path(__file__).parent
PLACES = 225  # that are decoded beforehand
LARGEST = 1 << 19  # numbers of examples' z in model.json
RUNTIME = {runtime.SCRIPT: "ort.js", runtime.COMPILED: runtime.COMPILED}  # as they are called in the folder
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; object-src 'none'"
)
Facts = dict[str, object]


class Made(NamedTuple):
    """What was written."""

    places: int  # that were decoded beforehand, 0 where the page decodes
    why: str  # it cannot
    bytes: int


def write(explorer: Explorer, out: Path, own: Path | None = None, count: int | None = None, report: Report = quiet) -> Made:
    """The page of a run in a new folder; so many places are decoded beforehand, or, unless it must be, none.

    GenaeError where onnxruntime-web, in the folder `own` or the cache, cannot be had.
    """
    require_empty(out)
    direct, why = shown_directly(explorer)
    with seeded(0), marked_folder(out) as folder:
        _page(folder)
        if direct is not None and count is None:
            there, said = 0, _decoded(explorer, direct, folder, own, report)
        else:
            places = rendered.places(explorer.plane, count or PLACES)
            there, said = len(places), _rendered(explorer, places, folder, report)
        (folder / "model.json").write_text(json.dumps(said, separators=(",", ":")), "utf-8")
    return Made(there, why, sum(path.stat().st_size for path in out.rglob("*") if path.is_file()))


def most(run: Run) -> int:
    """How many examples model.json can hold."""
    return max(2, LARGEST // run.vae.space.size)


def shown_directly(explorer: Explorer) -> tuple[Direct | None, str]:
    """How a page decodes by itself, or why it cannot."""
    run, direct = explorer.run, explorer.run.domain.direct
    parts = Parts(run.built, None)
    if direct is None:
        return None, "what this domain shows of an example takes more than its numbers"
    if explorer.space.codes or explorer.space.geometry != "flat":
        return None, "its z are no plain numbers"
    if run.vae.shows != "mean" or isinstance(parts.decoder, Stepped):
        return None, "what it shows is drawn from p(x | z)"
    return direct, ""


def _page(folder: Path) -> None:
    """Its files, with the policy that a server would have told the browser."""
    shutil.copytree(HERE / "page", folder, dirs_exist_ok=True)
    shutil.copytree(HERE / "alone", folder, dirs_exist_ok=True)
    page = (folder / "index.html").read_text("utf-8")
    policy = f'  <meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
    (folder / "index.html").write_text(page.replace("  <title>", f"{policy}  <title>", 1), "utf-8")


def _told(explorer: Explorer) -> Facts:
    """What a server's page is told first, without what only a server can do, and no path of this computer."""
    head = dict(hello(Ask(explorer, {}, Path())).head)
    names = [re.split(r"[/\\]", name)[-1] for name in explorer.atlas.names]
    examples = {**dict(head["examples"]), "names": names}  # type: ignore[call-overload]
    remark = explorer.atlas.remark.partition(" (")[0]
    for key in ("about", "out"):
        del head[key]
    return {**head, "suffixes": [], "temperature": None, "options": [], "examples": examples, "remark": remark}


# -- a decoder in the page --------------------------------------------------------------------------------------------


def _decoded(explorer: Explorer, direct: Direct, folder: Path, own: Path | None, report: Report) -> Facts:
    graphs.require(graphs.NEEDED, "--static")
    for path in runtime.files(own):
        shutil.copyfile(path, folder / RUNTIME[path.name])
    drawn = _graphs(explorer, direct, folder, report)
    atlas, axes, condition = explorer.atlas, explorer.axes, explorer.run.built.condition
    if not isinstance(axes, Straight):
        raise GenaeError("the axes of a page that decodes by itself are straight ones")
    conditions = {text: condition.named(text)[0].tolist() for text in condition.choices} if condition.size else {}
    tells = {"size": len(conditions), "names": condition.names, "choices": [*conditions]}
    return {
        "kind": "decoded", "shape": explorer.space.shape, "compiled": runtime.COMPILED,
        "hello": {**_told(explorer), "draws": drawn, "tells": tells},
        "z": _rounded(explorer.space.flat(atlas.z).tolist()),
        "c": None if atlas.condition is None else _rounded(atlas.condition.tolist()), "conditions": conditions,
        "axes": {"directions": axes.directions.tolist(), "means": axes.means.tolist(), "spreads": axes.spreads.tolist()},
        "medium": {"type": media_type(f"a{direct.suffix}"), "rate": direct.rate},
    }  # fmt: skip


def _graphs(explorer: Explorer, direct: Direct, folder: Path, report: Report) -> bool:
    """The decoder's file, and the sampler's where it is one of noise: whether it is."""
    run = explorer.run
    parts = Parts(run.built, None if run.default_sampler is None else run.sampler())
    every = [parts.shown("shown", direct.of), *parts.drawn()]
    for i, part in enumerate(every, 1):
        path = folder / f"{part.name}.onnx"
        graphs.checked(part, path, graphs.to_onnx(part, graphs.traced(part, parts.frames[0]), path), parts.frames[:1])
        report(i, len(every))
    return len(every) > 1


def _rounded(rows: list[list[float]]) -> list[list[float]]:
    return [[round(x, DIGITS) for x in row] for row in rows]


# -- places that are decoded beforehand -------------------------------------------------------------------------------


def _rendered(explorer: Explorer, there: Tensor, folder: Path, report: Report) -> Facts:
    told = _told(explorer)
    line = f"{told['remark']}; shown is the nearest of {len(there)} places that were decoded beforehand"
    tells: Mapping[str, object] = {"size": 0, "names": [], "choices": []}
    return {
        "kind": "rendered", "hello": {**told, "draws": False, "axes": [], "tells": tells, "remark": line},
        "places": _rounded(there.tolist()), "media": rendered.write(explorer, there, folder / "shown", report),
    }  # fmt: skip
