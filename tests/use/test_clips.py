"""What a domain of clips adds to a run: companions, longer examples, a file's own style, options of what is written."""

from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch

import genae
from genae.data.domain import Defaults, Domain
from genae.data.tensors import load_tensors
from genae.errors import GenaeError
from genae.model.tasks import Denoise
from genae.recipe import registry
from genae.use import best, output


@dataclass(frozen=True)
class Beats(Domain):
    """Four levels from 0 to 1 in a text file, shown as samples; `loud` and `note` are options of what is written."""

    loud: float = 1.0
    note: bool = True

    suffixes: ClassVar[tuple[str, ...]] = (".beat",)
    defaults: ClassVar[Defaults] = Defaults(shows="sample", temperature=0.25, samples=3, judged=7)

    @property
    def event(self):
        return (4,)

    def read(self, file):
        return torch.tensor([float(word) for word in file.read().split()[:4]])

    def write(self, example, path):
        path.write_text(" ".join(f"{self.loud * n:.3f}" for n in example.tolist()))

    def extras(self, example, path):
        if not self.note:
            return []
        beside = path.with_suffix(".note")
        beside.write_text(f"{len(example)} beats")
        return [beside]

    def join(self, examples):
        return examples.flatten()

    def style(self, file):
        return {"loud": float(file.read().split()[4])}

    def assess(self, vae, held, train, condition):
        return {"held_and_train": float(len(held) + len(train())), "nothing": None}

    def scorer(self, train):
        return {"far": train.x.mean(0) + 10}

    def score(self, events, scorer):
        return -(events - scorer["far"].repeat(events.shape[1] // 4)).abs().sum(1)

    def judge(self, samples, held, train):
        each = {"samples": samples, "held-out": held.x, "training": train().x}
        return {
            "first": {whose: x[:, 0].mean().item() for whose, x in each.items()},
            "many": {whose: float(len(x)) for whose, x in each.items()},
            "empty": dict.fromkeys(each, float("nan")),
        }


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "beats"
    generator = torch.Generator().manual_seed(0)
    for split, n in (("train", 24), ("test", 6)):
        (folder / split).mkdir(parents=True)
        for i in range(n):
            numbers = torch.rand(4, generator=generator).tolist()
            (folder / split / f"{i}.beat").write_text(" ".join(f"{v:.3f}" for v in [*numbers, 0.5]))
    preset = {"domain": {"name": "beats"}, "network": {"name": "mlp", "hidden": [8]}, "latent": 2, "steps": 20, "epochs": 0.0,
              "likelihood": {"name": "gaussian", "sigma": 0.1}, "data": str(folder), "batch": 8}  # fmt: skip
    with registry.override("domain", "beats", Beats), registry.override("preset", "beats", preset):
        yield genae.train("beats", out=tmp_path / "run", device="cpu")


def test_sampling_uses_the_domains_temperature_and_leaves_the_prior_alone(run):
    assert torch.equal(run.sample(5, seed=1), run.sample(5, temperature=0.25, seed=1))
    cold = run.sample(400, temperature=0.0, seed=1)
    assert cold.std(0).min() > 0  # z still varies
    with pytest.raises(GenaeError, match="must not be negative, not -1"):
        run.sample(1, temperature=-1.0)


def test_longer_samples_are_a_walk(run):
    made = run.sample(300, temperature=0.0, seed=2, length=3)
    assert made.shape == (300, 12)
    windows = made.view(300, 3, 4)
    near = (windows[:, 0] - windows[:, 1]).square().mean()
    assert 0 < near < (windows[:, 0] - windows[:150, 1].repeat(2, 1).flip(0)).square().mean()


def test_every_step_of_a_path_is_drawn_alike(run):
    a, b = run.held_out()[1].x[:2]
    path = run.interpolate(a, b, steps=3)
    z = run.encode(torch.stack([a, b]))
    assert torch.equal(path[0], run.decode(z[:1])[0])
    assert torch.equal(path[2], run.decode(z[1:])[0])
    same = run.interpolate(a, a + 1e-6, steps=3)
    assert torch.allclose(same[0], same[2], atol=1e-4)  # one noise for all
    assert run.interpolate(a, b, steps=3, length=2).shape == (3, 8)


def test_what_is_written(run, tmp_path):
    files = output.write_samples(run.domain, run.sample(2), tmp_path / "samples")
    assert [f.name for f in files] == [
        "grid.png", "sample-1.beat", "sample-1.png", "sample-1.note", "sample-2.beat", "sample-2.png", "sample-2.note",
    ]  # fmt: skip
    assert all(f.exists() for f in files)
    files = output.write_path(run.styled(note=False), run.sample(3), tmp_path / "path", loop=False)
    assert [f.name for f in files][-2:] == ["morph.beat", "morph.png"]
    assert len((tmp_path / "path" / "morph.beat").read_text().split()) == 12


def test_a_files_style_and_the_users_wishes(run, tmp_path):
    path = tmp_path / "mine.beat"
    path.write_text("0.1 0.2 0.3 0.4 0.5")
    assert run.style(path) == {"loud": 0.5}
    assert run.style("beats:test:1") == {}
    run.styled(**run.style(path)).write(torch.ones(4), tmp_path / "half.beat")
    assert (tmp_path / "half.beat").read_text() == "0.500 0.500 0.500 0.500"
    with pytest.raises(
        GenaeError, match="domain 'beats' has no option 'tempo', so it cannot be set here; its options: loud, note"
    ):
        run.styled(tempo=90)
    with pytest.raises(GenaeError, match=r"domain\.loud must be a number, not 'very'"):
        run.styled(loud="very")


def test_the_domains_own_assessment_is_part_of_an_evaluation(run):
    numbers = run.evaluate()
    assert numbers["held_and_train"] == 30
    assert numbers["nothing"] is None
    assert numbers["samples"] == 3


def test_new_examples_are_judged_as_they_are_sampled(run):
    found = run.evaluate(samples=1, limit=2, seed=3)["judged"]
    assert {key: found[key] for key in ("sampler", "temperature", "drawn")} == {
        "sampler": "prior", "temperature": 0.25, "drawn": 7,
    }  # fmt: skip
    figures = found["figures"]
    assert figures["many"] == {"samples": 7, "held-out": 6, "training": 24}
    assert figures["first"]["samples"] == run.sample(7, seed=3)[:, 0].mean().item()
    assert figures["empty"] == {"samples": None, "held-out": None, "training": None}
    warm = run.evaluate(samples=1, limit=2, seed=3, temperature=2.0)["judged"]
    assert warm["temperature"] == 2
    assert warm["figures"]["first"]["samples"] == run.sample(7, 2.0, seed=3)[:, 0].mean().item()


def test_the_best_of_several_is_that_with_the_highest_score(run):
    """Scores rise towards a place that no example reaches, so that the best is that with the largest sum."""
    every = run.sample(12, seed=1, best_of=1).view(3, 4, 4)
    found = run.sample(3, seed=1, best_of=4)
    assert torch.equal(found.sum(1), every.sum(2).amax(1))
    assert run.sample(2, seed=1, length=3, best_of=2).shape == (2, 12)
    with pytest.raises(GenaeError, match="--best-of must be at least 1, not 0"):
        run.sample(2, best_of=0)


def test_of_several_answers_the_one_that_they_agree_on(run, monkeypatch):
    """Two answers are alike and one is not; of a run's, the one nearest the mean, of numbers of random draws of its own."""
    answers = torch.tensor([[[0.0, 0.0], [5.0, 5.0]], [[1.0, 1.0], [0.5, 0.0]], [[1.0, 0.5], [0.0, 0.0]]])
    assert torch.equal(best.agreed(answers), torch.tensor([[1.0, 0.5], [0.5, 0.0]]))
    x = torch.rand(6, 4)
    drawn = [run.reconstruct(x, seed=3 * 5 + k, best_of=1)[1] for k in range(5)]
    found = run.reconstruct(x, seed=3, best_of=5)[1]
    assert torch.equal(found, best.agreed(torch.stack(drawn)))
    assert not torch.equal(found, run.reconstruct(x, seed=4, best_of=5)[1])
    assert torch.equal(run.reconstruct(x, seed=3, temperature=0, best_of=5)[1], run.reconstruct(x, temperature=0)[1])
    with pytest.raises(GenaeError, match="--best-of must be at least 1, not 0"):
        run.reconstruct(x, best_of=0)
    monkeypatch.setattr(Beats, "defaults", replace(Beats.defaults, answers=5))
    assert torch.equal(run.reconstruct(x, seed=3)[1], run.reconstruct(x, seed=3, best_of=1)[1]), "an input that is its target"
    monkeypatch.setattr(run, "built", run.built._replace(task=Denoise(sigma=0.1)))
    noisy = [run.reconstruct(x, seed=3, best_of=of)[1] for of in (None, 5, 1)]
    assert torch.equal(noisy[0], noisy[1])
    assert not torch.equal(noisy[0], noisy[2])


def test_what_scores_need_is_kept_in_the_run(run, monkeypatch):
    kept = load_tensors(run.folder / "scorer.safetensors")[0]
    assert torch.equal(kept["far"], run.training().x.mean(0) + 10)
    before = run.sample(3, seed=1, best_of=2)
    (run.folder / "scorer.safetensors").unlink()  # of a run of before
    assert torch.equal(run.sample(3, seed=1, best_of=2), before)
    monkeypatch.setattr(Beats, "scorer", Domain.scorer)
    with pytest.raises(GenaeError, match=r"--best-of: the domain of .* does not score examples; leave it out"):
        run.sample(3, best_of=2)


def test_training_files_are_read_in_full_precision(run):
    from genae.use.evaluate import evaluate

    seen = []

    def train():
        seen.append(torch.is_autocast_enabled("cpu"))
        return run.training()

    numbers = evaluate(run.built, run.held_out()[1], samples=1, precision="bf16", train=train)
    assert numbers["held_and_train"] == 30
    assert seen == [False]


def test_reconstructions_may_be_longer_than_their_inputs(run, tmp_path):
    x = run.held_out()[1].x[:2]
    inputs, outputs = run.reconstruct(x, length=2)
    assert (inputs.shape, outputs.shape) == ((2, 4), (2, 8))
    files = output.write_pairs([run.domain] * 2, inputs, outputs, tmp_path / "pairs")
    assert files[0].name == "reconstructions.png"


def test_a_domain_that_cannot_join_says_so(run, monkeypatch):
    monkeypatch.setattr(Beats, "join", Domain.join)
    with pytest.raises(GenaeError, match="domain 'beats' cannot join examples to longer ones"):
        run.sample(2, length=2)


@pytest.mark.parametrize("how", [{}, {"length": 3}, {"best_of": 2}, {"length": 3, "form": "ABA", "best_of": 2}])
def test_a_part_of_a_sampling_is_that_part(run, how):
    assert torch.equal(run.sample(3, seed=5, first=2, **how), run.sample(5, seed=5, **how)[2:])
