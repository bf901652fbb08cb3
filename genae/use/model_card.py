"""The card of a model that is given away: README.md with the front matter of Hugging Face's hub, which machines read.

    license, datasets, tags, library_name      https://huggingface.co/docs/hub/model-cards
    summary                                    a line for `genae models list`

Its values are JSON, which is YAML too; genae/recipe/models.py reads them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from genae.data.examples import Licensed
from genae.data.tensors import header
from genae.errors import GenaeError
from genae.files import write_text
from genae.learn import checkpoint
from genae.recipe.describe import command
from genae.use.card import preview_samples, traits
from genae.use.run import Run

PICTURES = 16  # samples in the picture
GENERAL = {"elbo": "ELBO, nats", "rate": "rate, nats", "distortion": "distortion, nats", "nll": "NLL, nats"}


class Told(NamedTuple):
    """What the card says that no file of the run does; "" for what its data set says."""

    licence: str = ""
    credit: str = ""
    summary: str = ""


def write_card(run: Run, name: str, told: Told, numbers: Mapping[str, object], cost: Mapping[str, float]) -> None:
    """README.md and its picture in the run's folder; `cost` is what 16 bits cost, if they are taken."""
    told = _completed(run, name, told)
    data = run.recipe.data
    front = {
        "license": told.licence, "library_name": "genae", "datasets": [data] if data else [],
        "tags": ["genae", "vae", str(run.recipe.domain["name"])], "summary": told.summary,
    }  # fmt: skip
    head = "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in front.items())
    write_text(run.folder / checkpoint.CARD, f"---\n{head}\n---\n\n{_text(run, name, told, numbers, cost)}")


def _completed(run: Run, name: str, told: Told) -> Told:
    """With what the data set says. GenaeError where nobody says whose the data are."""
    dataset = run.dataset()
    own = dataset if isinstance(dataset, Licensed) else None
    if not (told.licence or own):
        raise GenaeError(f"model '{name}' needs a licence, and its data set says none; give it with --licence, such as mit")
    licence = told.licence or (own.licence.partition(";")[0].lower().replace(" ", "-") if own else "")
    what = dataset.about or run.recipe.data if run.recipe.data else "its maker's own files"  # whose path nobody else is told
    credit = told.credit or (f"{dataset.about}: {own.home}, {own.licence}" if own else "")
    return Told(licence, credit, told.summary or f"{run.recipe.preset} of {what}")


def _text(run: Run, name: str, told: Told, numbers: Mapping[str, object], cost: Mapping[str, float]) -> str:
    rows = "\n".join(f"| {key} | {value} |" for key, value in {**traits(run), **_stored(run, cost)}.items())
    measured = "\n".join(f"| {what} | {_measured(numbers, key)} |" for key, what in GENERAL.items())
    return f"""# {name}

{told.summary}.

{preview_samples(run, PICTURES)}

    genae sample {name} -n 4 --out samples

| | |
|---|---|
{rows}

Measured on {numbers["examples"]} examples ({numbers["split"]}); `genae evaluate {name}` has more:

| | |
|---|---|
{measured}
| active units | {numbers["active_units"]} of {numbers["latent"]} |

Made by

    {command(run.recipe)}

Licence: {told.licence}. Data: {told.credit or "see the licence"}.
"""


def _stored(run: Run, cost: Mapping[str, float]) -> dict[str, str]:
    """How numbers are stored, and what that cost."""
    made = header(run.folder / checkpoint.WEIGHTS).facts
    shares = ", ".join(f"{what} {share:.1e}" for what, share in cost.items())
    stored = f"16 bits, which cost, as shares of rate and distortion and of the spread of z: {shares}" if cost else "32 bits"
    return {"steps": f"{int(made['step']):,}", "numbers": stored}


def _measured(numbers: Mapping[str, object], key: str) -> str:
    error = numbers.get(f"{key}_se")
    return _short(numbers[key]) + ("" if error is None else f" ± {_short(error)}")


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else "none"
