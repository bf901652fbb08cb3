"""Stages and players: who learns from when on, what stays frozen, resumed across the border; and what is refused at once."""

import pytest
import torch
from torch import nn

import genae
from genae.data.tensors import load_tensors
from genae.errors import GenaeError
from genae.latent.priors import StandardNormal
from genae.latent.space import Space
from genae.learn.build import build
from genae.learn.checkpoint import TRAINING, WEIGHTS
from genae.learn.metrics import read_metrics
from genae.learn.stages import Stage, enter, planned, stage_at
from genae.learn.state import Game
from genae.model.networks import Networks, mlp
from genae.model.objectives import ELBO, VAE, Loss, of_the_vae
from genae.recipe import registry
from genae.recipe.recipe import compose
from genae.recipe.stages import StageSpec

FREEZING = 'stages=[{}, {"start": 6, "freeze": ["encoder"]}]'


class Adversarial(ELBO):
    """An ELBO, and a critic that tells what is shown from what is."""

    players = {VAE: of_the_vae, "critic": lambda loss: loss.get_submodule("objective.critic").parameters()}  # noqa: RUF012

    def __init__(self):
        super().__init__()
        self.critic = nn.Linear(2, 1)

    def losses(self, vae, batch, at):
        bound = self.bound(vae, batch, at)
        fake = vae.decode(vae.encode(batch.input)).mean
        yield Loss(VAE, bound.value - 0.1 * self.critic(fake).mean(), bound.terms)
        apart = (self.critic(fake.detach()) - self.critic(batch.target)).mean()
        yield Loss("critic", apart, {"apart": apart})


@pytest.fixture
def points(dots, tmp_path):
    """A folder of 64 training and 8 test points, and the objective `adversarial`."""
    generator = torch.Generator().manual_seed(0)
    for split, n in (("train", 64), ("test", 8)):
        (tmp_path / "points" / split).mkdir(parents=True)
        for i in range(n):
            a, b = torch.randn(2, generator=generator).tolist()
            (tmp_path / "points" / split / f"{i:02}.txt").write_text(f"{a:.4f} {a + 0.3 * b:.4f}")
    with registry.override("objective", "adversarial", Adversarial):
        yield tmp_path / "points"


@pytest.fixture
def training(points, tmp_path):
    """`training("name", *settings)` of 12 steps, not begun."""

    def make(name, *settings, **options):
        options = {"steps": 12, "device": "cpu", "data": str(points), "out": tmp_path / name, **options}
        return genae.Training("dots", settings=settings, **options)

    return make


def _weights(training, at):
    """The model's and the objective's weights after step `at` and at the end."""
    for progress in training:
        if progress.step == at:
            then = {k: v.clone() for k, v in Game(training.built.vae, training.built.objective).state_dict().items()}
    return then, Game(training.built.vae, training.built.objective).state_dict()


def _changed(then, now):
    """The first parts of the names of what changed: encoder, decoder, critic."""
    return {name.split(".")[1] for name in then if not torch.equal(then[name], now[name])}


# -- who learns -------------------------------------------------------------------------------------------------------


def test_what_is_frozen_does_not_change_and_the_rest_does(training):
    then, now = _weights(training("run", FREEZING, "optimiser.weight_decay=0.1"), 6)
    assert _changed(then, now) == {"decoder"}
    then, now = _weights(training("none"), 6)
    assert _changed(then, now) == {"encoder", "decoder"}


def test_before_the_stage_all_learn_as_ever(training):
    plain, _ = _weights(training("plain"), 6)
    staged, _ = _weights(training("staged", FREEZING), 6)
    assert all(torch.equal(plain[name], staged[name]) for name in plain)


@pytest.mark.parametrize(
    ("second", "changed"),
    [
        ('{"start": 0.5, "players": ["critic"]}', {"critic"}),
        ('{"start": 0.5, "players": ["vae"]}', {"encoder", "decoder"}),
        ('{"start": 0.5, "freeze": ["encoder"]}', {"decoder", "critic"}),
        ('{"start": 0.5, "players": ["vae"], "freeze": ["decoder.layers.0", "encoder"]}', {"decoder"}),
    ],
)
def test_players_and_frozen_modules(training, second, changed):
    then, now = _weights(training("run", "objective=adversarial", f"stages=[{{}}, {second}]"), 6)
    assert _changed(then, now) == changed
    if "decoder.layers.0" in second:
        assert torch.equal(then["vae.decoder.layers.0.weight"], now["vae.decoder.layers.0.weight"])
        assert not torch.equal(then["vae.decoder.layers.2.weight"], now["vae.decoder.layers.2.weight"])


def test_a_players_loss_moves_its_own_parameters_alone(training):
    """The VAE's loss goes through the critic, and has a gradient of −.1 for its bias; the critic's own has one of 1 − 1."""
    run = training("run", "objective=adversarial")
    before = {name: value.clone() for name, value in run.built.objective.state_dict().items()}
    for _ in run:
        pass
    after = run.built.objective.state_dict()
    assert torch.equal(after["critic.bias"], before["critic.bias"])
    assert not torch.equal(after["critic.weight"], before["critic.weight"])


def test_a_player_has_the_optimiser_that_the_recipe_gives_it(training):
    run = training("run", "objective=adversarial", 'optimisers={"critic": {"lr": 0.5}}')
    next(iter(run))
    rates = {name: player.optimisers[0].param_groups[0]["lr"] for name, player in run._state.players.items()}
    assert rates == {"vae": 1e-3, "critic": 0.5}


def test_all_that_is_named_is_logged(training):
    run = training("run", "objective=adversarial")
    for _ in run:
        pass
    last = [line for line in read_metrics(run.folder) if line["split"] == "train"][-1]
    assert {"loss", "loss_critic", "distortion", "rate", "elbo", "apart"} <= {*last}
    assert last["loss_critic"] == pytest.approx(last["apart"])


# -- resuming ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [5, 6, 7])
def test_resumed_across_the_border_is_the_same_to_the_bit(training, at):
    settings = ("objective=adversarial", FREEZING, "ema=0.9", "prior=flow", "prior.hidden=8")
    for _ in training("whole", *settings):
        pass
    part = training("part", *settings)
    for progress in part:
        if progress.step == at:
            break
    assert int(load_tensors(part.folder / TRAINING)[1]["step"]) == at
    for _ in genae.Training(resume=part.folder, device="cpu"):
        pass
    for name in (TRAINING, WEIGHTS):
        whole, resumed = (load_tensors(folder / name)[0] for folder in (part.folder.parent / "whole", part.folder))
        assert whole.keys() == resumed.keys()
        assert all(torch.equal(whole[key], resumed[key]) for key in whole), name


# -- plans ------------------------------------------------------------------------------------------------------------


def test_a_plan_and_its_stages():
    vae = nn.ModuleDict({"encoder": nn.Linear(1, 1), "decoder": nn.Linear(1, 1)})
    specs = [StageSpec(), StageSpec(start=0.25, freeze=("encoder",)), StageSpec(start=30, players=("critic",))]
    both = frozenset({"vae", "critic"})
    plan = planned(specs, 40, ["vae", "critic"], vae)
    assert plan == [Stage(0, both, ()), Stage(10, both, ("encoder",)), Stage(30, frozenset({"critic"}), ())]
    assert [plan.index(stage_at(plan, step)) for step in (0, 9, 10, 29, 30, 39)] == [0, 0, 1, 1, 2, 2]
    assert planned([], 40, ["vae"], vae) == [Stage(0, frozenset({"vae"}), ())]


def test_entering_a_stage_thaws_what_it_does_not_freeze_and_trains_nothing_that_is_fixed():
    vae = nn.ModuleDict({"encoder": nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1)), "decoder": nn.Linear(1, 1)})
    vae.decoder.bias.requires_grad_(False)
    trainable = {name for name, p in vae.named_parameters() if p.requires_grad}
    enter(Stage(0, frozenset({"vae"}), ("encoder",)), vae, trainable)
    assert {name for name, p in vae.named_parameters() if p.requires_grad} == {"decoder.weight"}
    assert not vae.encoder[1].training  # nor do its statistics change
    assert vae.decoder.training
    enter(Stage(0, frozenset({"vae"}), ()), vae, trainable)
    assert {name for name, p in vae.named_parameters() if p.requires_grad} == trainable
    assert vae.encoder[1].training


# -- what cannot be ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stages", "told"),
    [
        ('[{}, {"start": 12}]', "a stage starts at step 12, and the run ends at step 12; start it earlier, or train longer"),
        ('[{"start": 3}]', "the first stage starts at step 3; it must start at 0"),
        ('[{}, {"start": 5}, {"start": 5}]', "stages must start one after the other, not at steps 5 and 5"),
        ('[{"players": ["critc"]}]', "no player 'critc' of this objective; known: critic, vae; did you mean 'critic'"),
        ('[{"freeze": ["encodr"]}]', r"no module 'encodr' of this model to freeze; known: .*did you mean 'encoder'"),
        ("[3]", "stages must be an object, not 3"),
        ('[{"strat": 3}]', r"no option 'stages\.strat'.*did you mean 'stages\.start'"),
        ('[{"start": -1}]', "stages.start must be at least 0, not -1"),
        ('[{"sampler": {"name": "flow"}}, {}]', "a stage that fits a sampler is the last one"),
        ('[{"start": 3, "sampler": {"name": "flow"}}]', "a stage that fits a sampler is the last one"),
        ('[{"sampler": {"name": "flwo"}}]', r"no sampler 'flwo'; known: autoregressive, flow, .*did you mean 'flow'"),
        ('[{"sampler": {"name": "flow", "stps": 3}}]', r"no option 'sampler\.stps'.*did you mean 'sampler\.steps'"),
        ('[{"sampler": {"name": "flow", "steps": 0}}]', r"sampler\.steps must be at least 1, not 0"),
        ('[{"sampler": {}}]', "recipe section 'sampler' lacks its 'name'"),
    ],
)
def test_stages_that_cannot_be_are_refused_before_anything_is_written(training, tmp_path, stages, told):
    with pytest.raises(GenaeError, match=told):
        training("run", "objective=adversarial", f"stages={stages}")
    assert not (tmp_path / "run").exists()


def test_a_sampler_that_does_not_suit_the_model_is_refused_before_the_training(training, tmp_path):
    with pytest.raises(GenaeError, match="kind=coupling splits the latent in two"):
        training("run", "latent=1", 'stages=[{"sampler": {"name": "flow", "kind": "coupling"}}]')
    assert not (tmp_path / "run").exists()


class Idle(Adversarial):
    players = {VAE: of_the_vae, "idle": lambda loss: []}  # noqa: RUF012


class Forgetful(Adversarial):
    players = {VAE: of_the_vae}  # noqa: RUF012


class Headless(Adversarial):
    players = {"critic": lambda loss: loss.parameters()}  # noqa: RUF012


@pytest.mark.parametrize(
    ("objective", "settings", "told"),
    [
        (Idle, (), "player 'idle' of this objective has no parameters that can be trained"),
        (Forgetful, (), r"nobody trains objective\.critic\.weight: a player of the objective must name it \(players: vae\)"),
        (Headless, (), "an objective has a player 'vae'; this one has critic"),
        (Adversarial, ('optimisers={"critc": {"lr": 1}}',), "no player 'critc' of this objective; known: critic, vae"),
        (Adversarial, ('optimisers={"critic": {"lr": -1}}',), r"optimiser\.lr must be above 0, not -1"),
    ],
)
def test_players_that_cannot_be_are_refused_before_anything_is_written(training, tmp_path, objective, settings, told):
    with registry.override("objective", "adversarial", objective), pytest.raises(GenaeError, match=told):
        training("run", "objective=adversarial", *settings)
    assert not (tmp_path / "run").exists()


def _framed(event, space, posterior, likelihood, condition=0):
    """A network that makes frames of whatever it is given."""
    return mlp(event, Space((3, 2), time=True), posterior, likelihood, condition, hidden=(8,))


class Narrow(StandardNormal):
    """A prior over another space than it is asked for."""

    def __init__(self, space, condition=0):
        super().__init__(Space((5,)), condition)


@pytest.mark.usefixtures("dots")
def test_a_network_answers_with_a_space_of_its_own_and_the_prior_has_it_too():
    with registry.override("network", "framed", _framed):
        built = build(compose("dots", ["network=framed"]))
    assert built.vae.space == built.vae.prior.space == Space((3, 2), time=True)
    z = built.vae.prior.sample(4)
    assert z.shape == (4, 3, 2)
    assert built.vae.decode(z).mean.shape == (4, 2)


def test_a_prior_over_another_space_than_the_networks(training, tmp_path):
    told = "prior 'narrow' is over 5, and the network's latent space is 2"
    with registry.override("prior", "narrow", Narrow), pytest.raises(GenaeError, match=told):
        training("run", "prior=narrow")
    assert not (tmp_path / "run").exists()


def test_an_encoder_of_another_space_than_its_factory_says(training, tmp_path):
    def lying(event, space, posterior, likelihood, condition=0):
        encoder, decoder, _ = mlp(event, space, posterior, likelihood, condition, hidden=(8,))
        return Networks(encoder, decoder, Space((7,)))

    with (
        registry.override("network", "lying", lying),
        pytest.raises(GenaeError, match=r"the encoder of network 'lying' gives z \(2,\), and its latent space is 7"),
    ):
        training("run", "network=lying")
    assert not (tmp_path / "run").exists()
