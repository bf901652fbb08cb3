"""Three models that the engine does not know, each a file of a third party: they train, generate, are measured and resumed."""

from __future__ import annotations

import itertools
import json
import math
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

import genae
from genae.data.tensors import load_tensors
from genae.latent.samplers import Fitted
from genae.latent.space import Space
from genae.learn.checkpoint import TRAINING, WEIGHTS
from genae.learn.metrics import read_metrics
from genae.model.objectives import Batch, Moment
from genae.recipe import registry
from genae.recipe.parts import instantiate
from genae.use.run import Run
from genae_datasets.tunes import tunes
from genae_music.baselines import Ngrams
from genae_music.melody import CLASSES

OUTSIDE = Path(__file__).parent / "outside"
CAUSAL = json.dumps([{"sampler": {"name": "causal", "width": 32, "steps": 200, "lr": 0.01}}])


class Proof(NamedTuple):
    """A plugin's file and preset, and how it is made small; `falls` to what share of its first value the loss does."""

    file: Path
    preset: str
    data: str
    steps: int
    settings: tuple[str, ...]
    falls: float

    def training(self, out: Path, songs: Path, steps: int = 0) -> genae.Training:
        return genae.Training(self.preset, out=out, **self.options(songs, steps), device="cpu")

    def options(self, songs: Path, steps: int = 0) -> dict:
        data = str(songs) if self.data == "tunes" else self.data
        return {"data": data, "steps": steps or self.steps, "settings": ("precision=32", *self.settings)}


PROOFS = {
    "ladder": Proof(OUTSIDE / "genae_ladder.py", "mnist-ladder", "glyphs", 200,
                    ("limit=2000", "network.width=64", "latent=16", "objective.warmup=100"), 0.5),
    "fsq": Proof(OUTSIDE / "genae_fsq.py", "melody-fsq", "tunes", 250,
                 ("network.encoder_width=32", "network.width=48", "network.layers=1", "network.dropout=0", "latent=8",
                  "schedule.warmup=10", "ema=0.9", "domain.transpose=0", f"stages={CAUSAL}"), 0.6),
    "gan": Proof(OUTSIDE / "genae_gan.py", "mnist-gan", "glyphs", 200,
                 ("limit=2000", "network.hidden=[64]", "latent=16", "objective.width=32"), 0.5),
}  # fmt: skip


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of MIDI files, a few of each split."""
    folder = tmp_path_factory.mktemp("songs")
    for split, n in {"train": 24, "test": 4}.items():
        (folder / split).mkdir()
        for file in tunes.split(split).files[:n]:
            (folder / split / Path(file.name).name).write_bytes(file.read())
    return folder


@pytest.fixture(scope="module", autouse=True)
def _plugins() -> Iterator[None]:
    """Registered while these tests run."""
    before = dict(registry._registered)
    for proof in PROOFS.values():
        genae.plugin(proof.file)
    yield
    registry._registered.clear()
    registry._registered.update(before)


@pytest.fixture(scope="module", params=PROOFS)
def proof(request: pytest.FixtureRequest) -> Proof:
    return PROOFS[request.param]


@pytest.fixture(scope="module")
def trained(songs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """The runs, by preset, of those that were asked for."""
    return {}


@pytest.fixture
def run(proof: Proof, songs: Path, trained: dict[str, Run], tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made(proof, songs, trained, tmp_path_factory)


def made(proof: Proof, songs: Path, trained: dict[str, Run], places: pytest.TempPathFactory) -> Run:
    if proof.preset not in trained:
        training = proof.training(places.mktemp("run") / proof.preset, songs)
        for _ in training:
            pass
        trained[proof.preset] = training.run()
    return trained[proof.preset]


@pytest.fixture
def ladder(songs: Path, trained: dict[str, Run], tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made(PROOFS["ladder"], songs, trained, tmp_path_factory)


@pytest.fixture
def fsq(songs: Path, trained: dict[str, Run], tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made(PROOFS["fsq"], songs, trained, tmp_path_factory)


def two(run: Run) -> genae.Examples:
    return run.held_out()[1].take(torch.tensor([0, 50]))


# -- all three --------------------------------------------------------------------------------------------------------


def test_it_learns(run: Run, proof: Proof) -> None:
    lines = [line for line in read_metrics(run.folder) if line["split"] == "train"]
    first, last = (line.get("surrogate", line["distortion"]) for line in (lines[0], lines[-1]))
    assert last < (proof.falls * first if first > 0 else first)
    assert run.step == proof.steps


def test_it_samples(run: Run) -> None:
    events = run.sample(5, seed=3)
    assert events.shape == (5, *run.domain.event)
    assert events.isfinite().all()
    assert torch.equal(events, run.sample(5, seed=3))
    assert not torch.equal(events, run.sample(5, seed=4))


def test_its_interpolation_ends_in_reconstructions(run: Run) -> None:
    between = run.interpolate(two(run), steps=5, temperature=1.0)
    assert between.shape == (5, *run.domain.event)
    for end, at in ((0, 0), (1, -1)):
        _, back = run.reconstruct(two(run).take(torch.tensor([end])), temperature=1.0)
        torch.testing.assert_close(between[at], back[0], rtol=0, atol=1e-5)
    assert not torch.equal(between[0], between[-1])


def test_its_numbers_agree(run: Run) -> None:
    numbers = run.evaluate(samples=8, limit=20)
    assert numbers["elbo"] == pytest.approx(-numbers["rate"] - numbers["distortion"])
    assert numbers["rate"] > 0
    assert numbers["nll"] <= -numbers["elbo"] + 1e-4 * abs(numbers["elbo"])  # of codes they are one


def test_the_file_is_where_its_parts_come_from(run: Run, proof: Proof) -> None:
    assert set(run.recipe.plugins.values()) == {proof.file.name}
    assert len(run.recipe.plugins) == (2 if proof.preset == "melody-fsq" else 1)


CHILD = """
import json, sys, time, genae
plugin, preset, out, options = sys.argv[1:]
genae.plugin(plugin)
for progress in genae.Training(preset, out=out, **json.loads(options), save_seconds=0.0, device="cpu"):
    print(progress.step, flush=True)
    time.sleep(0.05)
"""


def test_it_resumes_to_the_bit(proof: Proof, songs: Path, tmp_path: Path) -> None:
    """Killed before the middle, where the critic's stage begins, left after it, and resumed."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for _ in proof.training(whole, songs, 16):
        pass
    given = [proof.file, proof.preset, parts, json.dumps(proof.options(songs, 16))]
    with subprocess.Popen([sys.executable, "-c", CHILD, *map(str, given)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        killed = next(int(line) for line in child.stdout if int(line) == 5)
        child.kill()
    resumed = []
    for progress in genae.Training(resume=parts, device="cpu"):
        resumed.append(progress.step)
        if progress.step == 12:
            break
    resumed += [progress.step for progress in genae.Training(resume=parts, device="cpu")]
    assert resumed == list(range(resumed[0], 17))
    assert killed <= resumed[0] <= 8
    kept = [TRAINING, WEIGHTS, *(path.relative_to(whole).as_posix() for path in whole.glob("samplers/*"))]
    assert len(kept) == (3 if proof.preset == "melody-fsq" else 2)
    for name in kept:
        one, other = load_tensors(whole / name)[0], load_tensors(parts / name)[0]
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one), name


# -- the ladder -------------------------------------------------------------------------------------------------------


def test_a_ladder_has_levels(ladder: Run) -> None:
    assert ladder.vae.space == Space.ladder([Space((4,)), Space((8,)), Space((16,))])
    z = ladder.encode(two(ladder))
    assert z.shape == (2, 28)
    assert torch.equal(ladder.decode(z), ladder.reconstruct(two(ladder))[1])


def test_each_level_of_a_ladder_has_an_exact_rate(ladder: Run) -> None:
    """The mean of log q − log p over samples tends to it, and the levels' are named and add up."""
    torch.manual_seed(0)
    with torch.no_grad():
        inference = ladder.vae.infer(ladder.seen(two(ladder)).events)
        drawn = inference.sample(4000)
        assert drawn.z.shape == (4000, 2, 28)
        estimate = drawn.log_ratio()
        error = estimate.std(0) / math.sqrt(4000)
        assert ((estimate.mean(0) - drawn.rate).abs() < 4 * error).all()
        assert (drawn.rates() > 0).all()
        torch.testing.assert_close(drawn.rates().sum(1), drawn.rate)
        assert list(drawn.terms) == ["rate_1", "rate_2", "rate_3"]
    assert {"rate_1", "rate_2", "rate_3"} <= {*read_metrics(ladder.folder)[0]}


def test_a_product_of_gaussians_by_hand() -> None:
    """N(0, 1) · N(3, ½): precisions 1 + 2 = 3, mean (0·1 + 3·2) / 3 = 2."""
    plugin = sys.modules["genae_ladder"]
    gaussian = plugin.DiagonalGaussian
    one, other = (
        gaussian(torch.zeros(1, 1), torch.zeros(1, 1)),
        gaussian(torch.full((1, 1), 3.0), torch.full((1, 1), -0.5 * math.log(2))),
    )
    product = plugin.product(one, other)
    assert product.mean.item() == pytest.approx(2)
    assert product.log_sigma.exp().item() == pytest.approx(math.sqrt(1 / 3))


def test_noise_goes_down_a_ladder(ladder: Run) -> None:
    """The topmost level is the noise itself, and what is above does not hear what is below."""
    torch.manual_seed(0)
    u = torch.randn(3, 28)
    lower = torch.cat([u[:, :12], torch.randn(3, 16)], 1)
    with torch.no_grad():
        z, other = ladder.vae.push(u), ladder.vae.push(lower)
    assert torch.equal(z[:, :4], u[:, :4])
    assert torch.equal(z[:, :12], other[:, :12])
    assert not torch.equal(z[:, 12:], other[:, 12:])
    torch.manual_seed(1)
    noise = torch.randn(3, 28)
    torch.manual_seed(1)
    with torch.no_grad():
        torch.testing.assert_close(ladder.vae.prior.sample(3, 0.5), ladder.vae.push(0.5 * noise))


# -- codes ------------------------------------------------------------------------------------------------------------


def quantised(h: np.ndarray, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The paper's own listing (appendix A.1), in numpy: numbers (…, d) to bounded and rounded ones."""
    half = (levels - 1) * (1 - 1e-3) / 2
    offset = np.where(levels % 2 == 1, 0.0, 0.5)
    bounded = np.tanh(h + np.tan(offset / half)) * half - offset
    return bounded, np.round(bounded)


@pytest.mark.parametrize("levels", [(2,), (3,), (4, 7), (8, 5, 5), (8, 6, 5)])
def test_quantising_is_the_papers(levels: tuple[int, ...]) -> None:
    family, count = instantiate("posterior", {"name": "own-fsq", "levels": levels}), np.array(levels)
    h = np.random.default_rng(0).normal(0, 2, (20_000, len(levels)))
    bounded, rounded = quantised(h, count)
    torch.testing.assert_close(family.bound(torch.tensor(h)), torch.tensor(bounded))
    q = family(torch.tensor(h))
    basis = np.concatenate([[1], np.cumprod(count[:-1])])
    assert torch.equal(q.mean, torch.tensor(((rounded + count // 2) * basis).sum(-1)).long())
    assert {*q.mean.tolist()} == {*range(math.prod(levels))}  # every code, and no other


@pytest.mark.parametrize("levels", [(2,), (8, 5, 5), (7, 3)])
def test_codes_and_vectors_are_one(levels: tuple[int, ...]) -> None:
    family = instantiate("posterior", {"name": "own-fsq", "levels": levels})
    z = torch.arange(math.prod(levels))
    v = family.embed(z)
    assert torch.equal(family.index(v), z)
    assert len(v.unique(dim=0)) == len(z)
    assert v.min() == -1
    assert v.max() <= 1


def test_the_gradient_goes_straight_through() -> None:
    family = instantiate("posterior", {"name": "own-fsq", "levels": [5, 4]})
    h = torch.randn(6, 3, 2, requires_grad=True)
    q = family(h)
    v = q.rsample()
    assert torch.equal(v.detach(), family.embed(q.mean))
    (through,) = torch.autograd.grad(v.sum(), h)
    (smooth,) = torch.autograd.grad((family.bound(h) / torch.tensor([2, 2])).sum(), h)
    assert torch.equal(through, smooth)


def test_the_rate_of_codes_and_how_many_are_in_use() -> None:
    """Against a uniform prior 3 ln 20 nats; 4 codes used alike have perplexity 4."""
    family = instantiate("posterior", {"name": "own-fsq", "levels": [5, 4]})
    space = family.space(Space((3,)))
    assert space == Space((3,), codes=20)
    prior = instantiate("prior", {"name": "uniform"}, space=space)
    q = family(torch.tensor([[9.0, 9.0], [9.0, -9.0], [-9.0, 9.0], [-9.0, -9.0]])[:, None].expand(4, 3, 2))
    torch.testing.assert_close(q.rate(prior(), q.rsample()), torch.full((4,), 3 * math.log(20)))
    assert q.log_ratio(prior(), q.rsample(7)).shape == (7, 4)
    assert q.terms()["perplexity"].item() == pytest.approx(4)


def causal(space: Space, condition: int = 0, **options: float) -> Fitted:
    torch.manual_seed(0)
    return instantiate("sampler", {"name": "causal", "width": 16, **options}, space=space, condition=condition)


@pytest.mark.parametrize("condition", [0, 2])
def test_the_sequence_model_is_a_density(condition: int) -> None:
    """Its probabilities of all 4³ sequences add up to one, whatever the condition."""
    sampler = causal(Space((3,), codes=4), condition)
    z = torch.tensor(list(itertools.product(range(4), repeat=3)))
    given = torch.randn(1, condition).expand(64, -1) if condition else None
    with torch.no_grad():
        alone = sampler(given).log_prob(z)
        assert alone.logsumexp(0).item() == pytest.approx(0, abs=1e-5)
        torch.testing.assert_close(sampler(given).log_prob(torch.stack([z, z])), torch.stack([alone, alone]))


def test_the_sequence_model_learns_and_temperature_acts() -> None:
    """Codes that repeat the first: it samples such, whose cost is log 4 and not 3 log 4; at 0 all are one."""
    sampler = causal(Space((3,), codes=4), steps=200, lr=0.02)
    z = torch.randint(4, (500, 1)).expand(500, 3)
    losses = [at.loss.item() for at in sampler.fit(z, None)]
    assert losses[-1] == pytest.approx(math.log(4), abs=0.1)
    with torch.no_grad():
        drawn = sampler.sample(200)
        assert (drawn == drawn[:, :1]).all(1).float().mean() > 0.9
        assert drawn[:, 0].unique().tolist() == [0, 1, 2, 3]
        assert len(sampler.sample(50, 0.0).unique(dim=0)) == 1
        assert (sampler.sample(200, 100.0) != drawn[:, :1]).any(1).float().mean() > 0.8


def test_the_codes_are_in_use(fsq: Run) -> None:
    assert len(fsq.encode(fsq.held_out()[1]).unique(dim=0)) > 20
    assert [line["perplexity"] for line in read_metrics(fsq.folder) if "perplexity" in line][-1] > 5


def test_melodies_of_a_fitted_sampler_are_likelier(fsq: Run, tmp_path: Path) -> None:
    """Under trigrams of the training melodies, than melodies of codes drawn alike."""
    assert torch.equal(fsq.sample(4, seed=1), fsq.sample(4, seed=1, sampler="causal"))  # the preset's last stage fitted it
    shutil.copytree(fsq.folder, tmp_path / "run", ignore=shutil.ignore_patterns("samplers"))
    run = genae.load(tmp_path / "run", "cpu")
    with pytest.raises(genae.GenaeError, match="'causal' was never fitted"):
        run.sample(4, sampler="causal")
    run.fit({"name": "causal", "width": 32, "steps": 200, "lr": 0.01})
    trigrams = Ngrams(run.training().x, 16, CLASSES)
    bits = {s: trigrams.cost(run.sample(200, 1.0, seed=1, sampler=s)).mean() for s in ("causal", "prior")}
    assert bits["causal"] < 0.85 * bits["prior"]
    assert torch.equal(genae.load(run.folder, "cpu").sample(4, seed=1), run.sample(4, seed=1))


@pytest.mark.parametrize("settings, error", [
    (["latent={\"shape\": [8], \"codes\": 64}"], "make 200 codes, and latent says 64"),
    (["prior=normal"], "StandardNormal is for continuous z"),
    ([f"stages={CAUSAL.replace('causal', 'casual')}"], "no sampler 'casual'"),
    ([f"stages={CAUSAL.replace('width', 'widht')}"], "sampler.widht"),
])  # fmt: skip
def test_what_does_not_go_with_codes(settings: list[str], error: str, songs: Path, tmp_path: Path) -> None:
    with pytest.raises(genae.GenaeError, match=error):
        genae.Training("melody-fsq", data=str(songs), out=tmp_path / "run", steps=2, settings=settings)
    assert not (tmp_path / "run").exists()


# -- the critic -------------------------------------------------------------------------------------------------------


def test_the_critic_learns_in_the_second_stage_and_the_encoder_no_more(songs: Path, tmp_path: Path) -> None:
    training = PROOFS["gan"].training(tmp_path / "run", songs, 20)
    game = {"encoder": training.built.vae.encoder, "decoder": training.built.vae.decoder, "critic": training.built.objective}
    before = {name: torch.cat([p.detach().flatten() for p in module.parameters()]) for name, module in game.items()}
    changed = []
    for _ in training:
        after = {name: torch.cat([p.detach().flatten() for p in module.parameters()]) for name, module in game.items()}
        changed.append({name for name in game if not torch.equal(before[name], after[name])})
        before = after
    assert changed == [{"encoder", "decoder"}] * 10 + [{"decoder", "critic"}] * 10
    first, *_, last, _ = read_metrics(training.folder)
    assert "loss_critic" not in first
    assert {"loss_critic", "feature_matching", "fooled", "real", "made", "distortion", "rate"} <= {*last}


def test_the_critics_losses_by_hand(songs: Path, tmp_path: Path) -> None:
    """Of a critic that says ½ of everything: −log ½ − ½ log ½ − ½ log ½ = 2 ln 2, and log 2 for whom it is to fool."""
    built = PROOFS["gan"].training(tmp_path / "run", songs, 20).built
    torch.nn.init.zeros_(built.objective.critic.last.weight)
    torch.nn.init.zeros_(built.objective.critic.last.bias)
    x = torch.rand(3, 1, 28, 28)
    batch = Batch(x, x)
    bound, critic = built.objective.losses(built.vae, batch, Moment(0, 1, frozenset({"vae", "critic"})))
    assert critic.value.item() == pytest.approx(2 * math.log(2))
    assert bound.terms["fooled"].mean().item() == pytest.approx(math.log(2))
    rest = (bound.terms["distortion"] + bound.terms["rate"] + bound.terms["feature_matching"]).mean() + math.log(2)
    torch.testing.assert_close(bound.value, rest)
    assert [loss.player for loss in built.objective.losses(built.vae, batch, Moment(0, 1))] == ["vae"]


def test_each_player_has_its_optimiser(songs: Path, tmp_path: Path) -> None:
    settings = PROOFS["gan"].settings
    for given, error in (
        ({"critic": {"lr": -1}}, "optimiser.lr must be above 0"),
        ({"critic": {"name": "muon", "beta1": 0.5, "clipp": 1}}, "optimiser.clipp"),
        ({"critc": {}}, "no player 'critc'"),
    ):
        with pytest.raises(genae.GenaeError, match=error):
            genae.train(
                "mnist-gan",
                data="glyphs",
                out=tmp_path / "run",
                steps=2,
                settings=[*settings, f"optimisers={json.dumps(given)}"],
            )
        assert not (tmp_path / "run").exists()
    training = PROOFS["gan"].training(tmp_path / "run", songs, 20)
    assert training.recipe.optimisers["critic"] == {**training.recipe.optimiser, "lr": 2e-4, "beta1": 0.5}
