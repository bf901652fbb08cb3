"""The Python face: what Python has is preset, data and network; runs and examples show themselves."""

import re
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

import genae
from genae.data.domain import Defaults
from genae.data.tensors import load_tensors
from genae.errors import GenaeError, Remark
from genae.learn.checkpoint import TRAINING
from genae.recipe import registry
from genae.recipe.recipe import compose
from genae.use.progress import text
from genae.use.run import samplers

N = 40


@pytest.fixture
def points():
    return torch.arange(2.0 * N).reshape(N, 2) / N


@pytest.fixture
def quick(dots, forgotten, tmp_path, points):
    """`quick(data=…)`: three steps of the preset dots, on points unless other data are given."""

    def train(preset="dots", **options):
        return genae.train(preset, **{"data": points, "steps": 3, "out": tmp_path / "run"} | options)

    return train


def pair():
    return nn.Linear(2, 4), nn.Linear(2, 2)


# -- what Python has --------------------------------------------------------------------------------------------------


def test_every_form_of_the_same_data_trains_to_the_same_weights(quick, points, tmp_path):
    labels = torch.arange(N) % 2
    forms = [points, points.numpy(), genae.Examples(points), TensorDataset(points), TensorDataset(points, labels)]
    weights = [load_tensors(quick(data=x, out=tmp_path / str(i)).folder / TRAINING)[0] for i, x in enumerate(forms)]
    for other in weights[1:]:
        assert other.keys() == weights[0].keys()
        assert all(torch.equal(other[key], weights[0][key]) for key in other)


def test_data_of_python_are_the_runs_own_while_it_is_there(quick, points):
    run = quick()
    assert run.recipe.data == ""
    numbers = run.evaluate(samples=2)
    assert numbers["data"] == "given"
    assert 0 < numbers["examples"] < N // 2  # a tenth, by place
    loaded = genae.load(run.folder)
    with pytest.raises(GenaeError, match=r"was trained on examples that Python had, and keeps none; give them again as data="):
        loaded.evaluate()
    assert loaded.evaluate(points, samples=2) == numbers
    assert loaded.fit("gaussian", points).exists()


def test_a_run_on_data_of_python_is_resumed_with_them(quick, points, tmp_path):
    whole = quick(steps=6)
    training = genae.Training("dots", data=points, steps=6, out=tmp_path / "cut")
    for progress in training:
        if progress.step == 2:
            break
    with pytest.raises(
        GenaeError, match=r"cut was trained on examples that Python had, and keeps none: give them again as data="
    ):
        genae.train(resume=tmp_path / "cut")
    resumed = genae.train(resume=tmp_path / "cut", data=points)
    a, b = (load_tensors(run.folder / TRAINING)[0] for run in (whole, resumed))
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_settings_as_a_dictionary_are_those_of_the_command_line(dots):
    wanted = compose("dots", ["objective.beta=4", "latent=3", "prior=flow", "prior.hidden=16"])
    assert compose("dots", {"objective": {"beta": 4}, "latent": 3, "prior": "flow", "prior.hidden": 16}) == wanted
    assert compose("dots", {"objective.beta": 4, "latent": 3, "prior": {"name": "flow", "hidden": 16}}) == wanted
    assert compose({"parent": "dots", "objective": {"beta": 4}, "latent": 3, "prior": {"name": "flow", "hidden": 16}}) == wanted
    assert wanted.preset == "dots"


@pytest.mark.parametrize(
    "settings, error",
    [
        ({"latnet": 3}, "no recipe key 'latnet'; known: .*did you mean 'latent'"),
        ({"objective": {"bta": 4}}, "objective.bta"),
        ({"latent.size": 3}, "recipe key 'latent' has no options"),
        ({"objective": 4}, "objective is a name or a factory, not int"),
        ({"network": nn.Linear(2, 2)}, r"network is a name, a factory or \(encoder, decoder\), not Linear"),
    ],
)
def test_settings_that_cannot_be(quick, settings, error):
    with pytest.raises(GenaeError, match=error):
        quick(settings=settings)


def test_a_preset_says_what_it_is_a_difference_from(quick):
    with pytest.raises(GenaeError, match="a preset names its parent or its domain"):
        quick({"latent": 8})


def test_two_modules_are_a_network(quick, tmp_path):
    encoder, decoder = pair()
    before = encoder.weight.clone()
    run = quick({"parent": "dots", "network": (encoder, decoder)})
    assert run.recipe.network == {"name": "pair"}
    assert run.recipe.plugins == {"network pair": "genae.register"}
    assert torch.equal(encoder.weight, before)  # the run has copies
    inside = run.vae.encoder.module.weight
    assert not torch.equal(inside, before)
    x = torch.tensor([[0.3, 0.4]])
    assert torch.allclose(run.encode(x), (x @ inside.mT + run.vae.encoder.module.bias)[:, :2], atol=1e-6)
    assert torch.equal(genae.load(run.folder).encode(x), run.encode(x))
    other = quick({"parent": "dots", "network": pair()}, out=tmp_path / "other")
    assert other.recipe.network == {"name": "pair-2"}
    assert torch.equal(genae.load(run.folder).encode(x), run.encode(x))  # the first one's name stays its own


def test_modules_of_the_wrong_size_say_what_is_needed(quick):
    with pytest.raises(GenaeError, match=re.escape("Linear gives 3 numbers for one of (2,); GaussianPosterior needs 4, (4,)")):
        quick({"parent": "dots", "network": (nn.Linear(2, 3), nn.Linear(2, 2))})


def test_a_factory_is_loaded_again_once_it_is_registered(quick, tmp_path, monkeypatch):
    from genae.model.networks import mlp

    def narrow(event, space, posterior, likelihood, condition=0, width: int = 3):
        return mlp(event, space, posterior, likelihood, condition, hidden=(width,))

    run = quick({"parent": "dots", "network": {"name": narrow, "width": 5}})
    assert run.recipe.network == {"name": "narrow", "width": 5}
    x = torch.ones(1, 2)
    monkeypatch.setattr(registry, "_registered", {})  # as in another process
    with pytest.raises(GenaeError, match=r"network 'narrow' is not here: .*genae.register"):
        genae.load(run.folder)
    genae.register("network", "narrow", narrow)
    assert torch.equal(genae.load(run.folder).encode(x), run.encode(x))


# -- the loop ---------------------------------------------------------------------------------------------------------


def test_what_leaves_the_loop_saves_and_the_run_is_as_it_is_now(quick, dots, points, tmp_path):
    for name, leaves in {"break": nullcontext(), "error": pytest.raises(ValueError, match="mine")}.items():
        training = genae.Training("dots", data=points, steps=9, out=tmp_path / name)
        with leaves:
            for progress in training:
                if progress.step == 2:
                    assert training.run().step == 2
                if progress.step == 4 and name == "break":
                    break
                if progress.step == 4:
                    raise ValueError("mine")
        assert genae.load(tmp_path / name).step == 4


def test_progress_is_shown_where_it_is_seen(quick, capsys, monkeypatch):
    run = quick()
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    quick(out=run.folder.parent / "shown")
    assert "3/3" in capsys.readouterr().err
    quick(out=run.folder.parent / "quiet", progress=False)
    assert capsys.readouterr().err == ""


def test_every_number_is_shown_whatever_its_name():
    assert text({"loss": 3.0, "rate": 1.0, "distortion": 2.0, "elbo": -3.0, "perplexity": 7.125}) == (
        "ELBO -3.00  rate 1.00  distortion 2.00  perplexity 7.12"
    )
    assert text({"loss": 3.0}) == "loss 3.00"


# -- what goes in -----------------------------------------------------------------------------------------------------


def test_a_tensor_holds_events_of_whatever_type_and_examples_are_stored(quick, dots, monkeypatch):
    run = quick()
    monkeypatch.setattr(dots, "prepare", lambda self, stored, stage: stored.float() / 10)
    whole = torch.tensor([[1, 2], [3, 4]])
    wanted = run.encode(whole.float())
    for x in (
        whole,
        whole.double(),
        whole.half(),
        whole.numpy(),
        whole.numpy().astype(np.float64),
        [whole[0], whole[1].numpy()],
    ):
        assert torch.equal(run.encode(x), wanted)
        assert run.reconstruct(x)[0].dtype is torch.float32
    assert torch.equal(run.encode(genae.Examples(whole)), run.encode(whole / 10))
    assert torch.equal(run.interpolate(whole[0], whole[1].double(), steps=3), run.interpolate(*whole.float(), steps=3))


def test_steps_are_a_keyword(quick):
    run, a, b = quick(), torch.zeros(2), torch.ones(2)
    for number in (5, np.int64(5)):
        with pytest.raises(GenaeError, match=r"steps by its name: interpolate\(a, b, steps=5\)"):
            run.interpolate(a, b, number)
    assert torch.equal(run.interpolate(a, b, steps=np.int64(5)), run.interpolate(a, b, steps=5))
    for wrong in (None, 3, [1.0, 2.0], []):
        with pytest.raises(GenaeError, match=r"an example is a tensor or array of shape \(2,\)"):
            run.encode(wrong)


def test_a_folder_is_all_its_files_in_order(quick, tmp_path):
    run, folder = quick(), tmp_path / "folder"
    (folder / "b").mkdir(parents=True)
    for name, content in {"c.txt": "5 6", "a.txt": "1 2\n9 9", "b/d.txt": "3 4", "x.txt": "not numbers"}.items():
        (folder / name).write_text(content)
    with pytest.warns(Remark, match=r"a\.txt: the first of its 2 examples is taken; --window K takes another"):
        seen = run.seen(folder)
    assert seen.events.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert seen.names == tuple(str(folder / name) for name in ("a.txt", "b/d.txt", "c.txt"))
    assert [line.partition(": not numbers")[0] for line in seen.unused] == [str(folder / "x.txt")]
    (folder / "a.txt").write_text("1 2")
    assert run.seen([folder, torch.zeros(2)]).names == (*seen.names, "")
    assert len(run.interpolate(folder, steps=3)) == 5
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "x.txt").write_text("?")
    with pytest.raises(GenaeError, match=r"none of its 1 files gives an example .*not numbers"):
        run.seen(tmp_path / "none")


def test_z_is_worked_out_in_float32_whatever_the_training_was(quick):
    run = quick(settings={"precision": "bf16"})
    x = torch.tensor([[1 / 3, 0.7]])
    with torch.no_grad():
        wanted = run.vae.infer(x.expand(16, -1))
    z, sigma = run.latents(x)
    assert torch.equal(z, wanted.mean[:1])
    assert torch.equal(sigma, wanted.q.log_sigma.exp()[:1])


def test_a_plain_code_has_no_standard_deviation(quick):
    run = quick(settings=["posterior=point", "objective=autoencoder"])
    assert run.latents(torch.zeros(1, 2)).sigma is None


# -- what is shown ----------------------------------------------------------------------------------------------------


def test_a_run_says_what_it_is_and_shows_its_previews(quick):
    run = quick()
    weights = (2 * 8 + 8 + 8 * 4 + 4) + (2 * 8 + 8 + 8 * 2 + 2) + 1  # encoder, decoder, σ
    assert repr(run) == f"<Run {run.folder}: dots, step 3, data none, z 2, {weights} weights, cpu>"
    html = run._repr_mimebundle_()["text/html"]
    assert re.findall(r'alt="(.*?)" src="data:image/png;base64,iVBOR', html) == ["reconstructions.png", "samples.png"]


def test_examples_show_and_play_themselves(quick, dots, monkeypatch):
    run = quick()
    shown = run.show(run.sample(3))
    assert repr(shown) == "<3 examples of shape (2,)>"
    assert shown._repr_mimebundle_()["text/html"].count("<img") == 1

    def extras(self, example, path):
        path.with_suffix(".wav").write_bytes(b"RIFF")
        return [path.with_suffix(".wav")]

    monkeypatch.setattr(dots, "extras", extras)
    html = run.show(run.sample(3))._repr_mimebundle_()["text/html"]
    assert len(re.findall(r'<audio controls src="data:audio/(x-)?wav;base64,UklGRg=="></audio>', html)) == 3
    assert html.count("<img") == 1


def test_a_notebooks_formatter_takes_them(quick):
    formatters = pytest.importorskip("IPython.core.formatters")
    run = quick()
    for shown in (run, run.show(run.sample(2))):
        bundle, _ = formatters.DisplayFormatter().format(shown)
        assert "<img" in bundle["text/html"]
        assert bundle["text/plain"] == repr(shown)


# -- samplers and cards -----------------------------------------------------------------------------------------------


def test_a_plain_autoencoder_is_sampled_with_a_fitted_sampler(quick):
    run = quick(settings={"posterior": "point", "objective": "autoencoder"})
    assert samplers(run.folder) == []
    assert run.next() == f"genae fit {run.folder} gaussian"
    with pytest.raises(
        GenaeError, match=r"no prior to sample from; use a sampler fitted on its latents: genae fit .* gaussian"
    ):
        run.sample(2)
    run.fit({"name": "gaussian", "jitter": 0.1})
    assert genae.load(run.folder).sample(2, sampler="gaussian").shape == (2, 2)
    assert samplers(run.folder) == ["gaussian"]


def test_a_recipes_last_stage_fits_shows_how_far_it_is_and_is_the_default(quick, points, tmp_path):
    reports = []
    training = genae.Training(
        "dots", data=points, steps=2, out=tmp_path / "staged", fit_report=lambda *at: reports.append(at),
        settings={"posterior": "point", "objective": "autoencoder",
                  "stages": [{"sampler": {"name": "mixture", "components": 2, "turns": 3}}]},
    )  # fmt: skip
    list(training)
    assert reports == [(1, 3), (2, 3), (3, 3)]
    run = training.run()
    assert run.default_sampler == "mixture"
    assert run.sample(3).shape == (3, 2)
    assert run.next() == f"genae sample {run.folder} -n 64 --out samples"
    assert "| sampler | mixture (components 2, turns 3" in (run.folder / "README.md").read_text("utf-8")


def test_the_card_names_likelihood_prior_sampler_and_third_party_plugins(quick):
    card = (quick({"parent": "dots", "network": pair(), "prior": "flow"}).folder / "README.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| (.+?) \| (.+?) \|$", card, re.MULTILINE))
    assert rows["likelihood"].startswith("gaussian (sigma 0.5")
    assert rows["prior"].startswith('flow (kind "maf"')
    assert rows["sampler"] == "prior"
    assert rows["third-party plugins"] == "network pair: genae.register"
    assert "on examples that Python had." in card


# -- conditions -------------------------------------------------------------------------------------------------------


def test_a_label_that_was_always_known_is_drawn_as_often_as_in_training(quick, points):
    labels = torch.tensor([0] * 30 + [1] * 10)
    run = quick(data=genae.Examples(points, labels, ("a", "b")), settings={"condition": "label"})
    shares = run.recipe.condition["shares"]
    assert sum(shares) == pytest.approx(1)
    assert 0.6 < shares[0] < 0.9
    seen = []
    plain = run.vae.decode
    run.vae.decode = lambda z, c=None: seen.append(c) or plain(z, c)
    run.sample(2000, seed=0)
    drawn = torch.cat(seen)
    assert set(map(tuple, drawn.tolist())) == {(1.0, 0.0), (0.0, 1.0)}  # never zeros, which it never saw
    assert drawn.mean(0)[0].item() == pytest.approx(shares[0], abs=0.04)
    with pytest.raises(GenaeError, match=r"always knew its condition .*say what it is with --condition"):
        run.encode(torch.zeros(1, 2))
    assert run.encode(torch.zeros(1, 2), "a").shape == (1, 2)
    assert run.encode(genae.Examples(torch.zeros(1, 2), torch.tensor([0]), ("a",))).tolist() == (
        run.encode(torch.zeros(1, 2), "a").tolist()
    )


def test_the_label_and_several_attributes_are_one_condition(quick, dots, points, monkeypatch):
    attributes = {"sum": lambda x: x.sum(1), "both": lambda x: x}
    monkeypatch.setattr(dots, "defaults", Defaults(attributes=attributes))
    data = genae.Examples(points, torch.arange(N) % 2, ("even", "odd"))
    run = quick(data=data, settings={"condition": {"name": "fields", "of": ["label", "sum", "both"], "dropout": 0.1}})
    train = run.training().x
    (centre, _), (spread, _) = (run.recipe.condition[key] for key in ("centre", "spread"))
    assert centre[0] == pytest.approx(train.sum(1).mean().item())
    assert spread[0] == pytest.approx(train.sum(1).double().std(unbiased=False).item())
    condition = run.built.condition
    assert condition.size == 2 + 2 + 3
    named = condition.named("label=odd,sum=1.5")
    assert named[0, :4].tolist() == pytest.approx([0, 1, (1.5 - centre[0]) / spread[0], 1])
    assert named[0, 4:].tolist() == [0, 0, 0]  # not said
    x = genae.Examples(torch.tensor([[1.0, 0.5]]), torch.tensor([1]), ("even", "odd"))
    told = run.condition(run.seen(x))
    assert told[0, :4].tolist() == pytest.approx(named[0, :4].tolist())
    assert told[0, -1] == 1
    assert torch.equal(run.encode(x), run.encode(x, told))
    hidden = torch.cat([condition(x.known(), x.x, train=True) for _ in range(400)])
    assert 0.05 < (hidden[:, 3] == 0).float().mean() < 0.35  # 1 − .9² = .19
    assert not torch.equal(hidden[:, 3] == 0, hidden[:, -1] == 0)  # part by part
    assert run.sample(2, condition="both=0.1 0.2").shape == (2, 2)
    loaded = genae.load(run.folder)
    assert torch.equal(loaded.condition(loaded.seen(x)), told)


def test_an_attribute_that_there_is_not_is_named_with_those_there_are(quick, dots, monkeypatch):
    monkeypatch.setattr(dots, "defaults", Defaults(attributes={"sum": lambda x: x.sum(1)}))
    with pytest.raises(GenaeError, match="no field 'sun' of the training examples; known: sum; did you mean 'sum'"):
        quick(settings={"condition": {"name": "fields", "of": ["sun"]}})
