"""What an evaluation found, as lines for people."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from genae_cli.table import table

ROWS = {
    "elbo": "ELBO, nats (higher is better)",
    "rate": "rate KL(q, p), nats",
    "distortion": "distortion -log p(x | z), nats",
    "nll": "NLL, nats (lower is better)",
    "bits_per_dimension": "NLL, bits per dimension",
}
MORE = ("baselines", "latent", "samples", "conditions")  # what is measured where it is asked
GENERAL = {*ROWS, "data", "split", "examples", "nll_se", "active_units", "latent", "samples", "run", "seed", "precision",
           "skipped", "changed", "judged", "more"}  # fmt: skip
OTHERS = "nll_"  # the NLL of something else, of the domain's: a baseline
SHOWN = 20  # files of --each
Numbers = Mapping[str, Any]


def lines(numbers: Numbers) -> list[str]:
    """Of one run."""
    own = {key: value for key, value in numbers.items() if key not in GENERAL and not key.startswith(OTHERS)}
    skipped = [f"  skipped files: {numbers['skipped']}"] if numbers["skipped"] else []
    return [*_general(numbers), *_own(own), *skipped, *_judged(numbers.get("judged")), *_more(numbers.get("more", {}))]


def _general(numbers: Numbers) -> list[str]:
    made = [f"{numbers['examples']} examples of {numbers['data']} ({numbers['split']}), {numbers['samples']} samples each"]
    for key, text in ROWS.items():
        error = f" ± {numbers['nll_se']:.2f}" if key == "nll" and numbers["nll_se"] is not None else ""
        if numbers.get(key) is not None:
            made.append(f"  {text:34} {numbers[key]:.{3 if key == 'bits_per_dimension' else 2}f}{error}")
    if numbers["elbo"] is None:
        made.append("  a plain autoencoder: it has no density, so no ELBO, rate or NLL")
    others = {key: value for key, value in numbers.items() if key.startswith(OTHERS) and key not in GENERAL}
    for key, value in others.items():
        better = ", below the model's" if numbers["nll"] is not None and value < numbers["nll"] else ""
        made.append(f"  {f'NLL, {key.removeprefix(OTHERS)}':34} {value:.2f}{better}")
    units = "none" if numbers["active_units"] is None else f"{numbers['active_units']:.0f}"
    return [*made, f"  {'active units':34} {units} of {numbers['latent']}"]


def _own(numbers: Numbers) -> list[str]:
    """The domain's own numbers, a row each; those that only a digit at the end tells apart share one."""
    rows: dict[str, list[str]] = {}
    for key, value in numbers.items():
        rows.setdefault(re.sub(r"_\d+$", "", key), []).append(_short(value))
    return [f"  {key:34} {' '.join(values)}" for key, values in rows.items()]


def _judged(judged: Numbers | None) -> list[str]:
    """The figures of new examples, with those of others beside them."""
    if not judged:
        return []
    figures = judged["figures"]
    head = list(next(iter(figures.values())))
    rows = [[name, *(_short(value) for value in each.values())] for name, each in figures.items()]
    told = f"{judged['drawn']} new examples by sampler {judged['sampler']} at temperature {judged['temperature']:g}"
    return ["", told, *table(["", *head], rows)]


def _more(groups: Numbers) -> list[str]:
    """Each group with the time that it took."""
    made: list[str] = []
    for name, numbers in groups.items():
        rest = {key: value for key, value in numbers.items() if key != "seconds"}
        made += ["", f"{HEADS[name]} ({numbers['seconds']:.0f} s)"]
        made += [f"  none: {rest['why_not']}"] if "why_not" in rest else TELLING[name](rest)
    return made


def _baselines(numbers: Numbers) -> list[str]:
    rows = [
        [name, _with_error(of["nll"], of["nll_se"]), _with_error(of["model_above"], of["model_above_se"])]
        for name, of in numbers.items()
    ]
    return table(["", "NLL, nats", "the model's is above it by"], rows)


def _latent(numbers: Numbers) -> list[str]:
    made = []
    for key, text in LATENT.items():
        value = numbers.get(key)
        if isinstance(value, Sequence):
            made.append(f"  {text:34} {_short(value[0])} to {_short(value[1])}")
        elif value is not None:
            made.append(f"  {text:34} {_short(value)}")
    curve = numbers.get("rate_distortion", [])
    rows = [[_short(point["t"]), _short(point["rate"]), _short(point["distortion"])] for point in curve]
    return [*made, *(table(["posterior's power t", "rate", "distortion"], rows) if rows else [])]


def _samples(numbers: Numbers) -> list[str]:
    made = []
    for name, of in numbers["features"].items():
        columns = list(of)
        rows = [[figure, *(_short(of[whose][figure]) for whose in columns)] for figure in of[columns[0]]]
        made += table([f"on {name}", *columns], rows)
    return [f"  {numbers['compared']} of each against held-out examples; training examples are the floor", *made]


def _conditions(numbers: Numbers) -> list[str]:
    made = [f"  {numbers['asked']} new examples, asked for what held-out ones are"]
    for name, of in numbers.items():
        if name == "class":
            made.append(
                f"  {'of the class asked for':34} {of['samples']:.3f}; held-out {of['held-out']:.3f} (by {of['features']})"
            )
        elif name != "asked" and "samples" in of:
            others = ", ".join(f"{whose} {_short(value)}" for whose, value in of.items() if whose != "samples")
            made.append(f"  {'keeping to ' + name:34} {_short(of['samples'])}; {others}")
        elif name != "asked":
            made.append(f"  {name:34} {_short(of['apart'])} apart, correlation {_short(of['correlation'])}")
    return made


def _with_error(value: float, error: float | None) -> str:
    return f"{value:.2f}" if error is None else f"{value:.2f} ± {error:.2f}"


HEADS = {
    "baselines": "What knows no network, on the same examples", "latent": "What z tells",
    "samples": "New examples beside held-out ones", "conditions": "Asked against got",
}  # fmt: skip
TELLING: Mapping[str, Callable[[Numbers], list[str]]] = {
    "baselines": _baselines, "latent": _latent, "samples": _samples, "conditions": _conditions,
}  # fmt: skip
LATENT = {
    "mutual_information": "mutual information I(x; z), nats", "mutual_information_most": "at most, of so many examples",
    "marginal_kl": "marginal KL(q(z), p(z)), nats", "probe": "class by a linear probe of z",
    "probe_pca": "the same of as many components", "neighbours": "class by nearest neighbours in z",
    "mig": "mutual information gap", "disentanglement": "DCI disentanglement", "completeness": "DCI completeness",
    "informativeness": "DCI informativeness",
}  # fmt: skip


def compared(names: Sequence[str], rows: Mapping[str, Sequence[float | None]], caveats: Sequence[str]) -> list[str]:
    """Several runs, a column each."""
    made = table(["", *names], [[key, *map(_short, values)] for key, values in rows.items()], indent=0)
    return [*made, *(["", *caveats] if caveats else [])]


def markdown(names: Sequence[str], rows: Mapping[str, Sequence[float | None]], caveats: Sequence[str]) -> str:
    """The same as a table of Markdown."""
    every = [["", *names], ["---", *["---:"] * len(names)], *([key, *map(_short, values)] for key, values in rows.items())]
    lines = ["| " + " | ".join(row) + " |" for row in every]
    return "\n".join([*lines, *(["", *(f"- {caveat}" for caveat in caveats)] if caveats else [])]) + "\n"


def ranked(rows: Sequence[Numbers]) -> list[str]:
    """Files, the worst first."""
    if len(rows) <= SHOWN:
        return _ranks(rows)
    half = SHOWN // 2
    left = f"  … {len(rows) - 2 * half:,} more; --out FOLDER or --json has all"
    return [*_ranks(rows[:half]), left, *_ranks(rows[-half:])[1:]]


def _ranks(rows: Sequence[Numbers]) -> list[str]:
    head = [key for key in rows[0] if key != "name"]
    return table([*head, "name"], [[*(_short(row[key]) for key in head), row["name"]] for row in rows], indent=0)


def _short(value: float | None) -> str:
    """Few digits: three decimals below 10, unless that is nothing of it; whole numbers as they are."""
    if value is None:
        return "none"
    if isinstance(value, int):
        return str(value)
    if abs(value) >= 10:
        return f"{value:.4g}" if abs(value) < 10_000 else f"{value:.0f}"
    return f"{value:.3f}" if abs(value) >= 0.001 or not value else f"{value:.2g}"
