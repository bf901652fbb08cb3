r"""Several runs in one table: a row a number, a column a run, and which rows do not compare.

Runs of different domains, events or data are refused. A likelihood's units are those of its events: where runs score other
levels of them (binarised values against levels), or one has probabilities and another densities, rows in nats say nothing of
which is better.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genae.data import pins
from genae.errors import GenaeError
from genae.use.evaluate import Numbers
from genae.use.run import Run
from genae.use.writing import written_options

APART = {"data", "split", "seed", "precision", "changed", "skipped"}  # of the evaluation, not of the run


def rows_of(numbers: Sequence[Numbers]) -> dict[str, list[float | None]]:
    """Every number that some run has, by its path, for each run."""
    flat = [dict(_flat(each)) for each in numbers]
    keys = dict.fromkeys(key for each in flat for key in each)
    return {key: [each.get(key) for each in flat] for key in keys}


def named(runs: Sequence[Run]) -> list[str]:
    """Runs by their folders' names, or where two have one, by their paths."""
    names = [run.folder.resolve().name for run in runs]
    return names if len({*names}) == len(names) else [str(run.folder) for run in runs]


def alike(runs: Sequence[Run], data: str | None) -> list[str]:
    """What of these runs does not compare, in lines. GenaeError for runs that have nothing in common."""
    first, *others = runs
    caveats = dict[str, None]()
    for run in others:
        if type(run.domain) is not type(first.domain) or run.vae.event != first.vae.event:
            raise GenaeError(
                f"{first.folder} is of {first.recipe.domain['name']} {first.vae.event} and {run.folder} of "
                f"{run.recipe.domain['name']} {run.vae.event}: their numbers do not compare"
            )
        if data is None:
            _require_same_data(first, run)
        caveats |= dict.fromkeys(_differing(first, run))
    return list(caveats)


def _require_same_data(first: Run, run: Run) -> None:
    pinned = [pins.kept(one.folder) for one in (first, run)]
    parts = [dict(pin.parts) if pin else {} for pin in pinned]
    both = parts[0].keys() & parts[1].keys()
    same = all(parts[0][name].digest == parts[1][name].digest for name in both)
    if first.recipe.data != run.recipe.data and not (both and same):
        why = f"{first.recipe.data or 'what Python had'} and {run.recipe.data or 'what Python had'}"
    elif not same:
        why = f"other content of {run.recipe.data}"
    else:
        return
    raise GenaeError(f"{first.folder} and {run.folder} were trained on {why}; give one set for all: --data NAME|PATH")


def _differing(first: Run, run: Run) -> Iterator[str]:
    """Lines on two runs of one domain."""
    names = f"{first.folder.name} and {run.folder.name}"
    written = {option.name for option in written_options(first.domain)}
    own, other = ({k: v for k, v in one.recipe.domain.items() if k not in written} for one in (first, run))
    for key in own:
        if own[key] != other.get(key):
            yield f"domain.{key} is {own[key]} of {first.folder.name}, {other.get(key)} of {run.folder.name}"
    if (first.domain.levels, first.built.levels) != (run.domain.levels, run.built.levels):
        yield f"{names}: rows in nats do not compare, since their likelihoods are of other units"
    if first.recipe.likelihood != run.recipe.likelihood and not (first.built.levels and run.built.levels):
        yield f"{names}: likelihoods {first.recipe.likelihood['name']} and {run.recipe.likelihood['name']}"
    if first.recipe.task != run.recipe.task:
        yield f"{names} are of other tasks: what comes back is of other inputs"
    if first.recipe.condition != run.recipe.condition:
        yield f"{names} have other conditions: one of them knows more of an example"
    if first.built.bounded != run.built.bounded:
        yield f"{names}: a plain autoencoder's distortion is at its code, others' over their posterior"


def _flat(numbers: Mapping[str, object], before: str = "") -> Iterator[tuple[str, float | None]]:
    for key, value in numbers.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool) and (before or key not in APART):
            yield f"{before}{key}", value


def _more(numbers: Numbers, group: str) -> Numbers:
    """What was measured of a group that was asked for."""
    found: Numbers = numbers.get("more", {}).get(group, {})
    return found


# -- the picture ------------------------------------------------------------------------------------------------------


def picture(names: Sequence[str], numbers: Sequence[Numbers]) -> Figure:
    """Distortion over rate, with curves where they were measured, and NLLs beside their baselines'."""
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    _plane(left, names, numbers)
    _columns(right, names, numbers)
    return figure


def _plane(axes: Axes, names: Sequence[str], numbers: Sequence[Numbers]) -> None:
    """Rate and distortion; on a dashed line all have one ELBO."""
    bounded = [(i, name, of) for i, (name, of) in enumerate(zip(names, numbers, strict=True)) if of["rate"] is not None]
    for i, name, of in bounded:
        curve = _more(of, "latent").get("rate_distortion", [])
        axes.plot([p["rate"] for p in curve], [p["distortion"] for p in curve], lw=1, marker=".", color=f"C{i}", alpha=0.6)
        axes.plot(of["rate"], of["distortion"], "o", color=f"C{i}", label=name)
    axes.margins(0.15)
    (left, right), bounds = axes.get_xlim(), axes.get_ylim()
    for _, _, of in bounded:
        axes.plot([left, right], [-of["elbo"] - left, -of["elbo"] - right], "--", lw=0.7, color="black", alpha=0.4)
    axes.set(xlim=(left, right), ylim=bounds, xlabel="rate, nats", ylabel="distortion, nats")
    axes.set_title("Rate and distortion; one ELBO along a dashed line")
    axes.grid(alpha=0.25)
    if bounded:
        axes.legend(frameon=False)


def _columns(axes: Axes, names: Sequence[str], numbers: Sequence[Numbers]) -> None:
    """NLLs, or distortions where no run has one."""
    key = "nll" if any(of["nll"] is not None for of in numbers) else "distortion"
    values = [of[key] or 0.0 for of in numbers]
    errors = [of["nll_se"] or 0.0 if key == "nll" else 0.0 for of in numbers]
    axes.bar(list(names), values, yerr=errors, color=[f"C{i}" for i in range(len(values))], capsize=4, width=0.6)
    others = {
        name: value["nll"] for of in numbers for name, value in _more(of, "baselines").items() if isinstance(value, Mapping)
    }
    for i, (name, value) in enumerate(others.items()):
        axes.axhline(value, color="black", lw=1, ls=(":", "--", "-.")[i % 3], label=f"{name} {value:.1f}")
    axes.set(title="NLL, nats (lower is better)" if key == "nll" else "Distortion, nats", ylabel="nats an example")
    axes.tick_params(axis="x", labelrotation=15 if len(values) > 3 else 0)
    if others:
        axes.legend(frameon=False, loc="lower right")
