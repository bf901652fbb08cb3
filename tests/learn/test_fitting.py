"""Samplers of a run: fitted at its end or afterwards, used where they are named, refused where they are not its own."""

import json
import shutil

import pytest
import torch

import genae
from genae.data.tensors import digest, load_tensors, save_tensors
from genae.errors import GenaeError
from genae.latent.fitted import Gaussian
from genae.learn import fitting
from genae.learn.checkpoint import WEIGHTS

pytestmark = pytest.mark.usefixtures("dots")
LAST = 'stages=[{"sampler": {"name": "gaussian", "jitter": 1e-5}}]'
AUTOENCODER = ("posterior=point", "objective=autoencoder")


@pytest.fixture
def trained(tmp_path):
    """`trained("name", *settings)`: a run of 8 steps on points around (3, −3)."""
    generator = torch.Generator().manual_seed(0)
    for split, n in (("train", 64), ("test", 8)):
        (tmp_path / "points" / split).mkdir(parents=True)
        for i in range(n):
            a, b = torch.randn(2, generator=generator).tolist()
            (tmp_path / "points" / split / f"{i:02}.txt").write_text(f"{3 + a:.4f} {b - 3:.4f}")

    def train(name, *settings, **options):
        options = {"data": str(tmp_path / "points"), "out": tmp_path / name, "device": "cpu", "steps": 8, **options}
        return genae.train("dots", settings=settings, **options)

    return train


def test_the_last_stage_fits_a_sampler_that_is_used_unless_another_is_named(trained):
    run = trained("run", LAST)
    assert fitting.names(run.folder) == ["gaussian"]
    sampler = run.sampler()
    assert isinstance(sampler, Gaussian)
    assert sampler.jitter == 1e-5
    assert run.sampler("prior") is run.vae.prior
    default, named, prior = (run.sample(50, seed=0, sampler=name) for name in (None, "gaussian", "prior"))
    assert torch.equal(default, named)
    assert not torch.equal(default, prior)
    again = genae.load(run.folder, "cpu")
    assert torch.equal(again.sample(50, seed=0), default)


def test_a_sampler_keeps_the_options_that_it_was_fitted_with(trained):
    """Named or not: another default of a later genae would build another one."""
    run = trained("run")
    _, facts = load_tensors(run.fit("gaussian"))
    assert json.loads(facts["spec"]) == {"name": "gaussian", "jitter": 1e-6}


def test_it_is_fitted_on_the_latents_of_the_training_examples(trained):
    """Of an autoencoder the codes themselves: their mean and covariance are the Gaussian's."""
    run = trained("run", *AUTOENCODER, LAST, "precision=32")
    z = run.encode(run.training().x)
    sampler = run.sampler()
    assert torch.allclose(sampler.linear[0], z.mean(0), atol=1e-5)
    assert torch.allclose(sampler.root @ sampler.root.mT, torch.cov(z.mT), rtol=1e-3, atol=1e-6)


def test_a_fit_in_bf16_learns_as_one_in_float32_does(trained):
    """At every step: a cast of the weights that outlives its step would leave all but the last layer as they began."""
    run = trained("run", *AUTOENCODER, "precision=bf16")
    z = run.encode(run.training().x)
    run.fit({"name": "flow-matching", "steps": 300, "width": 32, "blocks": 1, "lr": 5e-3})
    sampler = run.sampler()
    assert all(block.given.weight.abs().max() > 0 for block in sampler.drift.blocks)
    made = run.vae.space.flat(torch.as_tensor(sampler.sample(500)))
    assert torch.allclose(made.mean(0), z.mean(0), atol=0.3 * z.std(0).max().item())
    assert torch.allclose(made.std(0), z.std(0), rtol=0.3)


def test_a_plain_autoencoder_is_sampled_once_it_has_one(trained):
    run = trained("run", *AUTOENCODER)
    with pytest.raises(
        GenaeError, match=r"no prior to sample from; use a sampler fitted on its latents: genae fit .* gaussian"
    ):
        run.sample(2)
    assert not (run.folder / fitting.FOLDER).exists()
    path = run.fit({"name": "gaussian"})
    assert path == fitting.path_of(run.folder, "gaussian")
    assert run.sample(2, seed=0).equal(run.sample(2, seed=0, sampler="gaussian"))  # the only one there is
    run.fit({"name": "mixture", "components": 2})
    with pytest.raises(GenaeError, match="use --sampler gaussian or mixture"):
        run.sample(2)
    drawn = run.sample(500, seed=0, sampler="gaussian")
    seen = run.decode(run.encode(run.training().x))
    assert drawn.mean(0).tolist() == pytest.approx(seen.mean(0).tolist(), abs=0.15)


def test_fitting_is_the_same_every_time_and_changes_nothing_else(trained):
    run = trained("run")
    weights = (run.folder / WEIGHTS).read_bytes()
    torch.manual_seed(5)
    spec = {"name": "flow", "steps": 5}
    first = load_tensors(run.fit(spec))[0]
    torch.manual_seed(6)
    state = torch.random.get_rng_state()
    second = load_tensors(run.fit(spec))[0]
    assert torch.equal(torch.random.get_rng_state(), state)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert (run.folder / WEIGHTS).read_bytes() == weights


def test_a_stage_that_was_killed_before_it_fitted_is_done_when_resumed(trained):
    run = trained("run", LAST)
    path = fitting.path_of(run.folder, "gaussian")
    whole = load_tensors(path)[0]
    path.unlink()
    for _ in genae.Training(resume=run.folder, device="cpu"):
        pass
    assert all(torch.equal(value, whole[name]) for name, value in load_tensors(path)[0].items())


def test_a_condition_goes_in(trained, tmp_path):
    """Two classes far apart: z of an autoencoder says which it is, and so does the sampler of z given the class."""
    for split in ("train", "test"):
        for name, at in (("low", -4), ("high", 4)):
            (tmp_path / "classes" / split / name).mkdir(parents=True)
            for i in range(20):
                (tmp_path / "classes" / split / name / f"{i}.txt").write_text(f"{at + 0.1 * i} {at - 0.1 * i}")
    run = trained("run", *AUTOENCODER, LAST, "condition=label", data=str(tmp_path / "classes"))
    examples = run.training()
    z = run.encode(examples)
    for i, name in enumerate(examples.classes):
        drawn = run.sampler().sample(2000, 1.0, run.built.condition.named(name).expand(2000, -1))
        assert torch.allclose(drawn.mean(0), z[examples.labels == i].mean(0), atol=0.1)


def test_variants_are_varied_and_told_as_in_training(trained, tmp_path):
    """The examples as they are come first; of the others every second one, or so, is told nothing."""
    for split in ("train", "test"):
        for name in ("low", "high"):
            (tmp_path / "two" / split / name).mkdir(parents=True)
            for i in range(40):
                (tmp_path / "two" / split / name / f"{i}.txt").write_text(f"{i} {-i}")
    run = trained("run", *AUTOENCODER, "condition=label", "condition.dropout=0.5", data=str(tmp_path / "two"))
    examples = run.training()
    plain, (z, c) = (fitting.latents(run.built, examples, run.device, variants) for variants in (0, 2))
    assert z.shape == (240, *run.vae.space.shape)
    assert torch.equal(z[:80], plain[0])
    assert torch.equal(c[:80], plain[1])
    assert c[:80].sum(1).eq(1).all()
    assert 0.3 < c[80:].sum(1).eq(0).float().mean() < 0.7


# -- what cannot be ---------------------------------------------------------------------------------------------------


def test_a_sampler_of_another_runs_latents_is_refused(trained):
    one, other = trained("one", LAST), trained("other", seed=1)
    (other.folder / fitting.FOLDER).mkdir()
    shutil.copy(fitting.path_of(one.folder, "gaussian"), fitting.path_of(other.folder, "gaussian"))
    told = r"was fitted on the latents of other weights than .* has; fit it again: genae fit .*other gaussian$"
    with pytest.raises(GenaeError, match=told):
        other.sample(2, sampler="gaussian")


def test_one_that_was_never_fitted_says_which_there_are_and_how(trained):
    run = trained("run", LAST)
    told = r"sampler 'mixture' was never fitted in .*run, which has prior, gaussian; fit it with: genae fit .*run mixture$"
    with pytest.raises(GenaeError, match=told):
        run.sample(2, sampler="mixture")
    with pytest.raises(GenaeError, match=r"no sampler 'gausian'; known: .*prior.*; did you mean 'gaussian'\?"):
        run.sample(2, sampler="gausian")


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"name": "mixture", "components": 65}, r"sampler\.components must be at most the 64 examples, not 65"),
        ({"name": "mixture", "components": 0}, r"sampler\.components must be 1 to 100000, not 0"),
        ({"name": "mixture", "component": 3}, r"no option 'sampler\.component'.*did you mean 'sampler\.components'"),
        ({"name": "flwo"}, r"no sampler 'flwo'.*did you mean 'flow'"),
    ],
)
def test_a_fit_that_cannot_be_leaves_nothing(trained, spec, told):
    run = trained("run")
    with pytest.raises(GenaeError, match=told):
        run.fit(spec)
    assert fitting.names(run.folder) == []


@pytest.mark.parametrize("bad", [b"", b"not tensors", None])
def test_a_damaged_sampler_is_one_line(trained, bad):
    run = trained("run", LAST)
    path = fitting.path_of(run.folder, "gaussian")
    path.write_bytes(path.read_bytes()[:-4] if bad is None else bad)
    with pytest.raises(GenaeError, match=r"gaussian\.safetensors") as caught:
        genae.load(run.folder, "cpu").sample(2)
    assert "\n" not in str(caught.value)


def test_a_sampler_whose_file_says_nothing_of_itself_is_one_line(trained):
    from safetensors.torch import save_file

    run = trained("run", LAST)
    path = fitting.path_of(run.folder, "gaussian")
    own = {"weights": digest(run.vae.state_dict())}
    for metadata in (own, own | {"spec": "[3]"}, own | {"spec": "{"}, None):
        save_file({"mean": torch.zeros(2)}, path, metadata)
        with pytest.raises(GenaeError, match=r"gaussian\.safetensors") as caught:
            genae.load(run.folder, "cpu").sample(2)
        assert "\n" not in str(caught.value)


def test_a_sampler_of_another_shape_is_to_be_fitted_again(trained):
    """As one is that an earlier genae fitted, whose parts were others."""
    run = trained("run")
    path = run.fit("gaussian")
    tensors, facts = load_tensors(path)
    save_tensors(path, {"linear": tensors["linear"]}, **facts)
    with pytest.raises(GenaeError, match=r"lacks 'root'; fit it again: genae fit .* gaussian"):
        genae.load(run.folder, "cpu").sampler("gaussian")
