"""genae evaluate: what a run is worth, in nats, and what it makes; and runs beside one another."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genae_cli.common import COUNT, as_json, device, emit, sampler, seed, temperature, verb, wrote
from genae_cli.evaluated import MORE, compared, lines, markdown, ranked

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from genae.use.run import Run


@verb(name="evaluate", short_help="Measure ELBO, NLL and more on held-out data; compare runs.")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--data", metavar="NAME|PATH", help="Instead of the run's own data set.")
@click.option("--samples", type=COUNT, help="Importance samples K an example.  [default: the domain's; 16 with --each]")
@click.option("--limit", type=COUNT, help="So many examples, drawn at random; all if left out.")
@click.option(
    "--more",
    type=click.Choice([*MORE, "all"]),
    multiple=True,
    help="Also: NLLs of what knows no network, what the latent tells, how like held-out examples samples are, and whether they "
    "obey conditions. Seconds to minutes each.",
)
@click.option("--compare", is_flag=True, help="One table of all runs, which must be of one domain and one data set.")
@click.option("--each", is_flag=True, help="Every file's numbers, the worst first: what is odd among them.")
@click.option("--out", type=click.Path(path_type=Path), help="A new or empty folder for tables and pictures.")
@sampler
@temperature
@seed
@device
@as_json
def command(
    runs: tuple[Path, ...], compare: bool, each: bool, more: tuple[str, ...], out: Path | None, device: str, as_json: bool,
    **options: Any,
) -> None:  # fmt: skip
    """Evaluate a RUN on its test examples: ELBO, rate, distortion, importance-weighted NLL, active units, reconstruction error.

    Where its domain judges new examples, what it makes is set beside held-out examples and baselines.

    \b
    Example:
      genae evaluate runs/first --samples 100 --limit 200
      genae evaluate runs/first runs/second --compare --more all --out compared
    """
    from genae import load

    if each and (compare or more):
        raise click.UsageError("--each tells every file's numbers, and takes neither --compare nor --more.")
    if len(runs) > 1 and not compare:
        raise click.UsageError("several runs need --compare, which puts them in one table.")
    if out is not None:
        from genae.files import require_empty

        require_empty(out)
    loaded = [load(run, device) for run in runs]
    groups = MORE if "all" in more else more
    if each:
        _each(loaded[0], out, as_json, **options)
    elif compare:
        _compare(loaded, groups, out, as_json, **options)
    else:
        _one(loaded[0], groups, out, as_json, **options)


def _measure(run: Run, more: Sequence[str], options: Mapping[str, Any]) -> dict[str, Any]:
    from genae.use.progress import counting

    return {"run": str(run.folder), **run.evaluate(**options, more=more, report=counting("example"))}


def _one(run: Run, more: Sequence[str], out: Path | None, as_json: bool, **options: Any) -> None:
    numbers = _measure(run, more, options)
    text = lines(numbers)
    texts = {"evaluation.json": json.dumps(numbers, indent=2), "evaluation.txt": "".join(f"{line}\n" for line in text)}
    _tell(numbers, text, texts, lambda: _picture([run.folder.name], [numbers]), out, as_json)


def _picture(names: Sequence[str], numbers: Sequence[dict[str, Any]]) -> Figure:
    from genae.use.comparing import picture

    return picture(names, numbers)


def _compare(runs: Sequence[Run], more: Sequence[str], out: Path | None, as_json: bool, **options: Any) -> None:
    from genae.use.comparing import alike, named, rows_of

    caveats, names = alike(runs, options["data"]), named(runs)
    numbers = [_measure(run, more, options) for run in runs]
    rows, result = rows_of(numbers), {"runs": numbers, "caveats": caveats}
    texts = {"compare.json": json.dumps(result, indent=2), "compare.md": markdown(names, rows, caveats)}
    _tell(result, compared(names, rows, caveats), texts, lambda: _picture(names, numbers), out, as_json)


def _each(run: Run, out: Path | None, as_json: bool, **options: Any) -> None:
    from genae.use.progress import counting
    from genae.use.ranking import EACH, as_csv

    data, samples, limit, seed = (options[key] for key in ("data", "samples", "limit", "seed"))
    rows = run.scores(data, EACH if samples is None else samples, limit, seed, counting("example"))
    result = {"run": str(run.folder), "seed": seed, "files": rows}
    texts = {"each.json": json.dumps(result, indent=2), "each.csv": as_csv(rows)}
    _tell(result, ranked(rows), texts, None, out, as_json)


def _tell(
    result: Mapping[str, Any], text: Sequence[str], texts: Mapping[str, str], figure: Callable[[], Figure] | None,
    out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """The result, and its files in a new folder."""
    files = _written(out, texts, figure) if out else []
    told = {**result, "written": [str(file) for file in files]} if out else result
    emit(told, as_json, lambda: [*text, *(wrote(files) if files else [])])


def _written(out: Path, texts: Mapping[str, str], figure: Callable[[], Figure] | None) -> list[Path]:
    from genae.files import write_text
    from genae.use.output import marked_folder
    from genae.use.plots import save

    with marked_folder(out) as folder:
        for name, content in texts.items():
            write_text(folder / name, content)
        if figure:
            save(figure(), folder / "rate-distortion.png")
    return [out / name for name in (*texts, *(["rate-distortion.png"] if figure else []))]
