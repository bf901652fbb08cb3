"""The lesson, run: its page with a table of what was measured beside what the sources report, and its pictures.

    python bench/lesson.py [--quick] [--out docs] [--runs FOLDER]

The page's words are those of bench/lesson.md. On two cores the whole takes up to 40 minutes, --quick some 4, with fewer steps,
which the page names, and measured on 2000 test examples instead of all. Runs are kept in FOLDER, and taken from there when the
page is made again.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

import genae
from genae.learn.scoring import choose
from genae.use import pictures, plots
from genae.use.run import Run

SHOWN = 16  # examples in a picture
WIDE, ROW = 560, 900  # pixels of a plot, and of a row of examples, at most
FEW = 2000  # examples that a quick run is measured on
CONSTANT = 392 * math.log(math.pi)  # nats, of 784 Gaussians of variance ½
Numbers = Mapping[str, float]


@dataclass(frozen=True)
class Experiment:
    """A preset, how long it runs, and what is reported of it."""

    preset: str
    what: str
    epochs: float  # of a whole run: the source's, or fewer
    steps: int  # of a quick one
    reported: str
    number: Callable[[Numbers], str]
    plots: tuple[str, ...] = ()
    data: str | None = None  # other than the preset's


def bce(numbers: Numbers) -> str:
    """Nats a pixel."""
    return f"BCE {numbers['bce']:.4f}"


def psnr(numbers: Numbers) -> str:
    return f"PSNR {numbers['psnr']:.2f} dB; of the input {numbers['psnr of the input']:.2f}"


def accuracy(numbers: Numbers) -> str:
    """Of all steps, "hold" among them; sampled, not given the true steps before."""
    return f'accuracy {numbers["sampled_accuracy"]:.3f}; always "hold" has {numbers["always_hold_accuracy"]:.3f}'


def loss(numbers: Numbers) -> str:
    """The source's: 784 · MSE + KL."""
    return f"loss {-numbers['elbo'] - CONSTANT:.2f}"


EXPERIMENTS = (
    Experiment("lesson-simple", "simple autoencoder", 50, 1500, "BCE .11", bce),
    Experiment("lesson-sparse", "sparse", 100, 1500, "BCE .10", bce),
    Experiment("lesson-deep", "deep", 100, 1500, "BCE .097", bce),
    Experiment("lesson-conv", "convolutional", 25, 300, "BCE .094", bce),
    Experiment("lesson-denoise", "denoising", 8, 120, "a picture", psnr),
    Experiment("lesson-super-resolve", "super-resolution", 15, 250, "a picture", psnr),
    Experiment("lesson-seq2seq", "from sequence to sequence", 15, 200, "code alone", bce),
    Experiment("lesson-vae", "VAE, two latent dimensions", 25, 2000, "loss 35.73", loss, ("manifold", "clusters")),
    Experiment("lesson-conditional", "conditional VAE", 25, 2000, "a picture", loss, ("styles",)),
    Experiment("lesson-adversarial", "adversarial autoencoder", 15, 1000, "a picture", bce, ("manifold",)),
    Experiment("melody-2bar-hikl", "MusicVAE", 3, 100, "accuracy .951, of 1.5 million files", accuracy, data="tunes"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--steps", type=int, help="of every run, to try the script itself")
    parser.add_argument("--only", nargs="+", choices=[e.preset for e in EXPERIMENTS], help="of the table these rows alone")
    parser.add_argument("--out", type=Path, default=Path("docs"))
    parser.add_argument("--runs", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs, rows, components = args.runs or Path(folder), list[str](), list[str]()
        (args.out / "lesson").mkdir(parents=True, exist_ok=True)
        for experiment in EXPERIMENTS:
            if args.only and experiment.preset not in args.only:
                continue
            steps = args.steps or (experiment.steps if args.quick else None)
            run = trained(experiment, steps, runs / experiment.preset)
            numbers = measured(run, FEW if steps else None)
            rows.append(row(experiment, run, numbers))
            print(rows[-1], flush=True)
            drawn(experiment, run, args.out / "lesson")
            if experiment.preset in ("lesson-simple", "lesson-deep", "lesson-vae"):
                components.append(beside_components(experiment, run, numbers, args.out / "lesson"))
    words = Template(Path(__file__).with_suffix(".md").read_text("utf-8"))
    digits = f"{FEW} of its" if args.steps or args.quick else "its 10 000"
    page = words.substitute(table="\n".join(rows), components="\n".join(components), digits=digits)
    (args.out / "lesson.md").write_text(page, "utf-8")


def trained(experiment: Experiment, steps: int | None, folder: Path) -> Run:
    """The run; one of before that is whole is not made again."""
    if (folder / "weights.safetensors").exists():
        return genae.load(folder)
    epochs = None if steps else experiment.epochs
    return genae.train(experiment.preset, data=experiment.data, out=folder, epochs=epochs, steps=steps)


def measured(run: Run, limit: int | None) -> dict[str, float]:
    """Of the test split, or so many of it; the PSNR of the inputs is that of a few in any case."""
    numbers = dict(run.evaluate(samples=1, limit=limit))
    if measure := run.domain.defaults.metrics.get("psnr"):
        held = choose(run.held_out()[1], FEW, 0)
        numbers["psnr of the input"] = measure(run.domain.prepare(held.x, "show"), run.reconstruct(held)[0])
    return numbers


def row(experiment: Experiment, run: Run, numbers: Numbers) -> str:
    """Of the table."""
    epochs = run.step * run.recipe.batch / len(run.training())
    long = f"{epochs:.3g} epochs"
    command = f"genae train {experiment.preset}{f' --data {experiment.data}' if experiment.data else ''}"
    cells = (experiment.what, f"`{command}`", long, experiment.number(numbers), experiment.reported)
    return f"| {' | '.join(cells)} |"


def drawn(experiment: Experiment, run: Run, folder: Path) -> None:
    """Inputs above outputs, and what else is to be seen."""
    name = experiment.preset.removeprefix("lesson-")
    inputs, outputs = run.reconstruct(choose(run.held_out()[1], SHOWN, 1))
    each = [[run.domain.picture(event) for event in events] for events in (inputs, outputs)]
    count = max(1, min(SHOWN, ROW // each[0][0].shape[1]))
    pictures.save(pictures.grid([*each[0][:count], *each[1][:count]], count), folder / f"{name}.png")
    for kind in experiment.plots:
        shrink(plots.draw(run, kind, folder / f"{name}-{kind}.png"))


def shrink(path: Path) -> None:
    """A plot to the width of a page, in 128 colours."""
    with Image.open(path) as image:
        small = image.convert("RGB")
    small.thumbnail((WIDE, WIDE))
    small.quantize(128, Image.Quantize.MAXCOVERAGE).save(path, optimize=True)


# -- beside principal components --------------------------------------------------------------------------------------


def beside_components(experiment: Experiment, run: Run, numbers: Numbers, folder: Path) -> str:
    """A row of the table of mean squares, and for a plane both clouds of points, side by side."""
    held, size = run.held_out()[1], run.vae.space.size
    known, own = (run.domain.prepare(of.x, "show").flatten(1) for of in (choose(run.training(), 10_000, 0), held))
    mean, components, _ = plots.principal(known)
    z = (own - mean) @ components[:size].T
    apart = (own - mean - z @ components[:size]).square().mean().item()
    if size == 2:
        clouds(z, run.encode(held), held.labels, folder / "components.png")
    return f"| {size} | {apart:.4f} | {experiment.what} | {numbers['mse']:.4f} |"


def clouds(components: Tensor, means: Tensor, labels: Tensor | None, path: Path) -> None:
    """Points (N, 2) of both, coloured by their class (N,)."""
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    for axes, z, title in zip(
        figure.subplots(1, 2), (components, means), ("two principal components", "the VAE's z"), strict=True
    ):
        axes.scatter(z[:3000, 0], z[:3000, 1], s=4, c=None if labels is None else labels[:3000], cmap="tab10", linewidths=0)
        axes.set(title=title, xticks=[], yticks=[])
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    main()
