r"""Plots of a trained model: its latent space, what it makes of examples, and how it came about.

    manifold         z = push(u), u a grid of standard-normal quantiles, each cell as probable as any other
    principal plane  z = mean + Σ_i s_i u_i c_i, c the first principal components of the posterior means, s their spreads

Every function gives a matplotlib Figure, made without pyplot and its global state.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import Tensor

from genae.data.curve import Picture
from genae.data.domain import Domain
from genae.errors import GenaeError, unknown
from genae.files import write_file
from genae.latent.axes import principal
from genae.use.pictures import mosaic

if TYPE_CHECKING:
    from genae.model.vae import Model
    from genae.use.run import Run

SUFFIXES = (".png", ".pdf", ".svg")
KINDS = ("manifold", "styles", "clusters", "traversal", "directions", "curves", "reconstructions")
DOTS = 150  # per inch of a PNG
CHUNK = 250  # examples decoded at once
EXAMPLES = 5000  # of a run's held-out ones, encoded for a plot: more only hide one another
PAIRS = 20  # reconstructions in a row
STYLES, CHOICES = 10, 20  # rows of a plot of styles, and its columns at most


# -- the latent space -------------------------------------------------------------------------------------------------


def manifold(
    vae: Model,
    domain: Domain,
    z_means: Tensor,
    columns: int = 20,
    condition: Tensor | None = None,
    plane: bool = False,
) -> Figure:
    """What is decoded over the latent plane: of the prior at latent 1 or 2, else, or with `plane`, of z_means (N, latent)."""
    centre = _pictures(vae, domain, torch.zeros(1, *vae.space.shape), condition)[0]  # to know its shape
    wide, high = _cells(centre, columns)
    size = vae.space.size
    high = 1 if size == 1 else high
    across, up = _quantiles(wide), _quantiles(high).flip(0)  # the largest on top
    u = torch.stack([across.repeat(high), up.repeat_interleave(wide)], 1)  # (cells, 2)
    if plane or size > 2:
        z, share = _plane(z_means, u)
        title = f"Plane of the first two principal components of the posterior means,\n{share:.0%} of their variance"
        names = ("first component, standard deviations", "second component, standard deviations")
    else:
        with torch.no_grad():
            z = vae.push(u[:, :size].to(vae.anchor), _told(condition, len(u), vae))
        title = "Latent space of the prior: every picture stands for the same probability"
        names = ("u₁, standard deviations", "u₂, standard deviations")
    pictures, gap = _pictures(vae, domain, z, condition), _gap(centre)
    figure, axes = _picture_axes(mosaic(pictures, wide, gap), title)
    _ticks(axes, "x", _middles(wide, centre.shape[1], gap), across, names[0])
    if high > 1:
        _ticks(axes, "y", _middles(high, centre.shape[0], gap), up, names[1])
    else:
        axes.set_yticks([])
    return figure


def _cells(picture: Picture, columns: int) -> tuple[int, int]:
    """Columns and rows: `columns` of each for a square picture; fewer columns of wide ones, so that the whole stays square."""
    ratio = min(4.0, max(0.25, picture.shape[0] / picture.shape[1]))
    return max(2, round(columns * math.sqrt(ratio))), max(2, round(columns / math.sqrt(ratio)))


def _quantiles(n: int) -> Tensor:
    """n values of a standard-normal variable, each in the middle of one n-th of its probability."""
    made: Tensor = torch.special.ndtri((torch.arange(n) + 0.5) / n)
    return made


def _plane(z_means: Tensor, u: Tensor) -> tuple[Tensor, float]:
    """u (n, 2) in spreads of the first two principal components to z (n, latent), and the variance they explain."""
    mean, components, share = principal(z_means)
    spread = ((z_means.float().cpu() - mean) @ components[:2].T).std(0, correction=0)
    return mean + (u[:, : len(spread)] * spread) @ components[:2], float(share[:2].sum())


def traversal(
    vae: Model, domain: Domain, z_means: Tensor, rows: int = 10, steps: int = 11, condition: Tensor | None = None
) -> Figure:
    """A row for each of the most active dimensions, from −3 to 3 spreads of its means; the others at their mean."""
    means = z_means.detach().float().cpu()  # (N, latent)
    centre, spread = means.mean(0), means.std(0, correction=0)
    active = spread.argsort(descending=True)[:rows]
    ways = torch.diag(spread)[active]
    names = [f"z[{d}], σ {spread[d]:.2f}" for d in active.tolist()]
    title = "The most active latent dimensions, one at a time"
    return _along(vae, domain, centre, ways, names, steps, title, condition)


def directions(
    vae: Model, domain: Domain, z_means: Tensor, rows: int = 10, steps: int = 11, condition: Tensor | None = None
) -> Figure:
    """The same along principal components of the means, the greatest first: what moves together in z moves together here."""
    centre, components, share = principal(z_means)
    spread = ((z_means.detach().float().cpu() - centre) @ components.T).std(0, correction=0)
    ways = (spread[:, None] * components)[:rows]
    names = [f"{row + 1}, {of:.1%}" for row, of in enumerate(share[:rows].tolist())]
    return _along(vae, domain, centre, ways, names, steps, "Principal components of the posterior means", condition)


def _along(
    vae: Model, domain: Domain, centre: Tensor, ways: Tensor, names: Sequence[str], steps: int, title: str,
    condition: Tensor | None,
) -> Figure:  # fmt: skip
    """A row for each of `ways` (R, latent), one spread long each, from −3 to 3 of them from the centre (latent,)."""
    offsets = torch.linspace(-3, 3, steps)
    z = centre + (offsets[None, :, None] * ways[:, None]).flatten(0, 1)
    pictures = _pictures(vae, domain, z, condition)
    (height, width), gap = pictures[0].shape[:2], _gap(pictures[0])
    figure, axes = _picture_axes(mosaic(pictures, steps, gap), title, len(ways))
    _ticks(axes, "x", _middles(steps, width, gap), offsets, "standard deviations from the mean")
    axes.set_yticks(_middles(len(ways), height, gap), list(names))
    return figure


def styles(vae: Model, domain: Domain, conditions: Tensor, names: Sequence[str]) -> Figure:
    """A row for each of a few z of the prior, a column for each condition (N, C), by its name."""
    u, columns = torch.randn(STYLES, vae.space.size).to(vae.anchor), list[list[Picture]]()
    for told in torch.split(conditions, 1):
        with torch.no_grad():
            z = vae.push(u, _told(told, STYLES, vae))
        columns.append(_pictures(vae, domain, z, told))
    pictures = [column[row] for row in range(STYLES) for column in columns]
    (_, width), gap = pictures[0].shape[:2], _gap(pictures[0])
    figure, axes = _picture_axes(mosaic(pictures, len(names), gap), "A row has one z, a column one condition", STYLES)
    axes.set_xticks(_middles(len(names), width, gap), names)
    axes.set_yticks([])
    return figure


def clusters(z_means: Tensor, labels: Tensor | None, classes: Sequence[str]) -> Figure:
    """Posterior means z (N, latent) in the plane, coloured by label (N,): by their principal components if latent > 2."""
    z = z_means.detach().float().cpu()
    title, names = "Posterior means", ("z[0]", "z[1]")
    if z.shape[1] > 2:
        mean, components, share = principal(z)
        z = (z - mean) @ components[:2].T
        title = f"Posterior means by their first two principal components,\n{float(share[:2].sum()):.0%} of the variance"
        names = ("first component", "second component")
    known = labels is not None and len(classes) > 0
    if known and labels is not None:  # those without a class are not drawn
        z, labels = z[labels.cpu() >= 0], labels[labels >= 0]
    of = labels.cpu() if known and labels is not None else torch.zeros(len(z), dtype=torch.int64)
    if z.shape[1] == 1:  # a line would hide everything: spread out by class
        z, names = torch.stack([z[:, 0], of.float()], 1), ("z[0]", "class" if known else "")
    key_columns = math.ceil(len(classes) / 24) if known else 0
    key = key_columns * (0.5 + 0.09 * max(map(len, classes))) if known else 0.0  # inches
    figure = Figure(figsize=(7 + key, 6.5), layout="constrained")
    axes = figure.subplots()
    colours = _colours(len(classes)) if known else np.array([[0.12, 0.3, 0.55, 1.0]])
    size = min(20.0, max(3.0, 2e4 / max(1, len(z))))
    axes.scatter(z[:, 0], z[:, 1], s=size, c=colours[of.numpy()], alpha=0.65, linewidths=0, rasterized=True)
    axes.set(title=title, xlabel=names[0], ylabel=names[1])
    if known:
        handles = [Line2D([], [], marker="o", linestyle="", color=colour) for colour in colours]
        figure.legend(handles, list(classes), loc="outside right upper", ncols=key_columns, frameon=False)
    return figure


def _colours(n: int) -> Picture:
    """n colours (n, 4), as far apart as n allows."""
    return np.asarray(colormaps["tab10"](np.arange(n)) if n <= 10 else colormaps["gist_rainbow"](np.linspace(0, 1, n)))


# -- examples and training --------------------------------------------------------------------------------------------


def reconstructions(inputs: Tensor, outputs: Tensor, domain: Domain, names: Sequence[str] = ()) -> Figure:
    """Inputs (N, *event) above what comes back of them, at most 20 in a row, fewer if they are wide; names (N,) above."""
    above, below = ([domain.picture(example) for example in part] for part in (inputs, outputs))
    (height, width), gap = above[0].shape[:2], _gap(above[0])
    columns = min(len(above), round(max(4, PAIRS * min(1.0, math.sqrt(height / width)))))
    bands = [slice(first, first + columns) for first in range(0, len(above), columns)]
    wide = min(9.0, columns * width / height)  # inches
    long = any(len(name) > 2 for name in names)
    tall = 2 * wide / columns * height / width + 0.2 + 0.2 * bool(names) + 0.6 * long  # a band with the space around it
    figure = Figure(figsize=(wide + 1, 0.2 + len(bands) * tall), layout="constrained")
    for axes, band in zip(figure.subplots(len(bands), squeeze=False)[:, 0], bands, strict=True):
        blank = [np.full_like(above[0], 255)] * (columns - len(above[band]))
        _show(axes, mosaic([*above[band], *blank, *below[band], *blank], columns, gap))
        axes.set_yticks(_middles(2, height, gap), ["input", "output"])
        axes.set_xticks(_middles(len(names[band]), width, gap), list(names[band]))
        axes.xaxis.tick_top()
        if long:
            axes.set_xticks(axes.get_xticks(), list(names[band]), rotation=45, ha="left", rotation_mode="anchor")
    return figure


def effects(got: Tensor, names: Sequence[str]) -> Figure:
    """What is got of each attribute, in standard deviations, where one of each is asked for, (M, M) by their names."""
    values, most = got.numpy(), max(1.0, float(got.abs().max()))
    side = 1.1 * len(names) + 1.6
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.subplots()
    shown = axes.imshow(values, cmap="PuOr_r", vmin=-most, vmax=most)
    axes.set_xticks(range(len(names)), list(names), rotation=30, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), list(names))
    axes.set(xlabel="got, standard deviations", ylabel="asked for: 1 more")
    for row, column in np.ndindex(values.shape):
        light = abs(values[row, column]) > 0.6 * most
        axes.text(column, row, f"{values[row, column]:+.2f}", ha="center", va="center", color="white" if light else "black")
    figure.colorbar(shown, shrink=0.8)
    return figure


def curves(records: Sequence[Mapping[str, Any]]) -> Figure:
    """ELBO, distortion and rate, where there are such, against the step, of training and validation: lines of metrics.jsonl."""
    if not records:
        raise GenaeError("there is nothing to plot yet: no step has been recorded")
    names = [name for name in ("elbo", "distortion", "rate") if any(r.get(name) is not None for r in records)] or ["elbo"]
    figure = Figure(figsize=(4 * len(names), 3.8), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        late: list[float] = []
        for split, style in {"train": {"lw": 1.0, "color": "C0", "alpha": 0.6}, "valid": {"lw": 1.8, "color": "C1"}}.items():
            points = [(r["step"], r[name]) for r in records if r["split"] == split and r.get(name) is not None]
            steps, values = ([p[i] for p in points] for i in (0, 1))
            axes.plot(steps, values, label=split, marker="." if len(points) < 30 else "", **style)
            late += [value for step, value in points if step >= 0.1 * records[-1]["step"] and math.isfinite(value)]
        if late and max(late) > min(late):  # the first steps are so far off that they would flatten the rest
            margin = 0.06 * (max(late) - min(late))
            axes.set_ylim(min(late) - margin, max(late) + margin)
        axes.set(title="ELBO" if name == "elbo" else name, xlabel="step", ylabel="nats")
        axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    return figure


# -- helpers ----------------------------------------------------------------------------------------------------------


def _told(condition: Tensor | None, n: int, vae: Model) -> Tensor | None:
    return None if condition is None else condition.to(vae.anchor.device).expand(n, -1)


@torch.no_grad()
def _pictures(vae: Model, domain: Domain, z: Tensor, condition: Tensor | None) -> list[Picture]:
    """z (N, size) to the picture of each, at temperature 0: the same at every call."""
    parts = torch.split(vae.space.shaped(z.to(vae.anchor)), CHUNK)
    shown = torch.cat([vae.show(part, _told(condition, len(part), vae), 0.0).cpu() for part in parts])
    return [domain.picture(example) for example in shown]


def _picture_axes(picture: Picture, title: str, rows: int = 1) -> tuple[Figure, Axes]:
    """A figure with one large picture, in its own proportions; `rows` of it must bear a line of text each."""
    height, width = picture.shape[:2]
    scale = max(7.5 / max(height, width), 0.22 * rows / height)  # inches a pixel
    figure = Figure(figsize=(max(4.5, width * scale) + 0.9, max(1.0, height * scale) + 1.1), layout="constrained")
    axes = figure.subplots()
    _show(axes, picture)
    axes.set_title(title, fontsize=11)
    return figure, axes


def _show(axes: Axes, picture: Picture) -> None:
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _gap(picture: Picture) -> int:
    """Pixels between pictures: none between small ones, which stand apart by themselves."""
    return int(max(picture.shape[:2])) // 100


def _middles(n: int, side: int, gap: int) -> list[float]:
    """Where the middles of n pictures, `side` pixels long, are along a mosaic."""
    return [gap + i * (side + gap) + (side - 1) / 2 for i in range(n)]


def _ticks(axes: Axes, which: str, middles: Sequence[float], values: Tensor, name: str) -> None:
    """Up to eleven values as labels at the middles of their pictures."""
    n = len(values)
    step = math.ceil(n / 10) if n > 11 else 1
    left = range(0, (n + 1) // 2, step)  # the same on both sides of the middle
    chosen = sorted({*left, *(n - 1 - i for i in left)})
    texts = [f"{round(float(values[i]), 1) + 0.0:.1f}".replace("-", "−") for i in chosen]  # + 0.0: no minus zero
    axes.set(**{f"{which}ticks": [middles[i] for i in chosen], f"{which}ticklabels": texts, f"{which}label": name})


def save(figure: Figure, path: Path) -> Path:
    """Whole or not at all, in the format of its suffix."""
    _check(path)
    return write_file(path, lambda temporary: figure.savefig(temporary, dpi=DOTS, bbox_inches="tight"))


def _check(path: Path) -> None:
    if path.suffix.lower() not in SUFFIXES:
        raise GenaeError(f"a plot is written as {', '.join(SUFFIXES)}, not as '{path.name}'")


# -- of a run ---------------------------------------------------------------------------------------------------------


def draw(run: Run, kind: str, out: Path, data: str | None = None, seed: int = 0) -> Path:
    """One kind of plot of a run to a file: one of KINDS."""
    _check(out)
    if kind == "curves":
        from genae.learn.metrics import read_metrics

        return save(curves(read_metrics(run.folder)), out)
    if kind == "styles":
        return save(_styles(run, seed), out)
    if kind not in KINDS:
        raise unknown("plot", kind, KINDS)
    return save(_of_examples(run, kind, data, seed), out)


def _styles(run: Run, seed: int) -> Figure:
    from genae.learn.device import computing, seeded

    names = list(run.built.condition.choices)[:CHOICES]
    if not names or not run.built.sampled:
        raise GenaeError("styles are drawn of a run that has a prior and knows classes: train with --set condition=label")
    conditions = torch.cat([run.built.condition.named(name) for name in names])
    with seeded(seed), computing(run.device, run.recipe.precision):
        return styles(run.vae, run.domain, conditions, names)


def _of_examples(run: Run, kind: str, data: str | None, seed: int) -> Figure:
    from genae.data.examples import require
    from genae.learn.device import computing, seeded
    from genae.learn.scoring import batches_of, choose

    split, found = run.held_out(data)
    held = choose(require(found, f"{data or run.recipe.data} ({split})"), EXAMPLES, seed)
    if kind == "reconstructions":
        held = choose(held, 2 * PAIRS, seed)
        inputs, outputs = run.reconstruct(held, seed=seed)
        return reconstructions(inputs, outputs, run.domain)
    with seeded(seed), computing(run.device, run.recipe.precision):
        hidden = run.built.condition.drawn(1) if run.built.condition.size else None  # no class, or one of those there are
        batches = batches_of(run.built, held, run.device, CHUNK)
        means = torch.cat([run.vae.encode(batch.input, batch.condition).flatten(1).float().cpu() for batch, _ in batches])
    if kind == "clusters":
        return clusters(means, held.labels, held.classes)
    if kind == "traversal":
        return traversal(run.vae, run.domain, means, condition=hidden)
    if kind == "directions":
        return directions(run.vae, run.domain, means, condition=hidden)
    return manifold(run.vae, run.domain, means, condition=hidden, plane=not run.built.sampled)
