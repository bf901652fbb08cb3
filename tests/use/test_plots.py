"""Plots of models whose pictures are known: what is where, and that any domain, latent and device will do."""

from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from genae import train
from genae.data.domain import Domain
from genae.errors import GenaeError
from genae.latent.priors import Flow, StandardNormal
from genae.latent.space import Space
from genae.model.vae import VAE
from genae.use import plots

WHITE = 255


@dataclass(frozen=True)
class Tiles(Domain):
    """An event is one grey in [-3, 3], its picture a tile of it: any two-dimensional array."""

    height: int = 4
    width: int = 4
    suffixes = (".txt",)

    @property
    def event(self):
        return (1,)

    def read(self, file):
        return torch.tensor([float(file.read())])

    def write(self, example, path):
        path.write_text(str(example.item()))

    def picture(self, example):
        grey = (example.clamp(-3, 3).item() + 3) / 6 * 255
        return np.full((self.height, self.width), round(grey), np.uint8)


class Sure:
    """p(x | z) all at one x."""

    def __init__(self, x):
        self.mean = x


class First(nn.Module):
    """Decodes the dimension `which` of z, or the sum of z and the condition."""

    def __init__(self, which=0):
        super().__init__()
        self.which = which

    def forward(self, z, condition=None):
        x = z[:, self.which : self.which + 1]
        return Sure(x if condition is None else x + condition)


def model(latent: int, which: int = 0, prior=None) -> VAE:
    return VAE(nn.Identity(), First(which), prior or StandardNormal(Space((latent,))), (1,))


def shown(figure) -> np.ndarray:
    """The mosaic in a figure."""
    (image,) = figure.axes[0].get_images()
    return np.asarray(image.get_array())


# -- principal components ---------------------------------------------------------------------------------------------


def test_principal_components_of_a_known_cloud():
    torch.manual_seed(0)
    axis, other = torch.tensor([0.6, 0.8, 0]), torch.tensor([0.8, -0.6, 0])
    u = torch.randn(5000, 2)
    u = (u - u.mean(0)) / u.std(0, correction=0)
    z = torch.tensor([1.0, 2.0, 3.0]) + 3 * u[:, :1] * axis + u[:, 1:] * other
    mean, components, share = plots.principal(z)
    assert torch.allclose(mean, torch.tensor([1.0, 2.0, 3.0]), atol=1e-4)
    assert abs(components[0] @ axis) == pytest.approx(1, abs=1e-3)
    assert share[0] == pytest.approx(0.9, abs=0.01)  # 9 of 9 + 1
    assert share.sum() == pytest.approx(1)
    assert torch.allclose(components @ components.T, torch.eye(3), atol=1e-5)


def test_principal_components_of_one_point():
    _, _, share = plots.principal(torch.ones(1, 4))
    assert share.isfinite().all()


# -- latent space -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", [0, 1])
def test_manifold_is_a_grid_of_quantiles(which):
    picture = shown(plots.manifold(model(2, which), Tiles(), torch.zeros(5, 2), columns=4))
    assert picture.shape == (16, 16)
    # quantiles .125, .375, .625, .875 of N(0, 1): -1.150, -0.319, 0.319, 1.150; to the right, and upwards
    greys = [round((u + 3) / 6 * 255) for u in (-1.1503, -0.3186, 0.3186, 1.1503)]
    expected = greys if which == 0 else greys[::-1]
    along = picture[2, 2::4] if which == 0 else picture[2::4, 2]
    assert along.tolist() == expected
    assert (np.diff(picture.astype(int), axis=which) == 0).all()  # the other dimension of z is not decoded


def test_manifold_pushes_quantiles_through_the_prior():
    torch.manual_seed(0)
    prior = Flow(Space((2,)), transforms=1, hidden=8)
    u = torch.special.ndtri((torch.arange(3) + 0.5) / 3)
    with torch.no_grad():
        z = prior.push(torch.stack([u[0], u[2]])[None])  # the corner at the left and on top
    picture = shown(plots.manifold(model(2, prior=prior), Tiles(), torch.zeros(5, 2), columns=3))
    assert picture[0, 0] == Tiles().picture(z[0, :1])[0, 0]


def test_manifold_of_many_dimensions_is_their_principal_plane():
    z = torch.randn(500, 6) * torch.tensor([0.1, 2.0, 0.1, 0.1, 1.0, 0.1])
    figure = plots.manifold(model(6, which=1), Tiles(), z, columns=5)
    share = float(plots.principal(z)[2][:2].sum())
    assert f"{share:.0%}" in figure.axes[0].get_title()
    assert "principal components" in figure.axes[0].get_title()
    columns = shown(figure)[2::4, 2::4].astype(int)
    assert np.ptp(columns[2]) > 150  # the widest dimension is across
    assert np.ptp(columns[:, 2]) < 30


def test_manifold_of_one_dimension_is_a_row():
    assert shown(plots.manifold(model(1), Tiles(), torch.zeros(5, 1), columns=6)).shape == (4, 24)


def test_manifold_of_wide_pictures_stays_near_a_square():
    height, width = shown(plots.manifold(model(2), Tiles(8, 64), torch.zeros(5, 2), columns=8)).shape
    assert 0.4 < height / width < 2.5


def test_condition_reaches_the_decoder():
    picture = shown(plots.manifold(model(1), Tiles(), torch.zeros(5, 1), columns=3, condition=torch.ones(1, 1)))
    assert picture[0, 5] == round(4 / 6 * 255)  # 0 in the middle, and 1 by the condition


def test_styles_have_one_z_a_row_and_one_condition_a_column():
    """Tiles whose grey is z + c: differences between columns are those of their conditions, and the same in every row."""
    torch.manual_seed(0)
    figure = plots.styles(model(1), Tiles(), torch.tensor([[0.0], [0.5], [-0.5]]), ("none", "more", "less"))
    greys = shown(figure)[::4, ::4].astype(int)  # (rows, columns)
    within = (greys > 25).all(1) & (greys < 230).all(1)  # not cut off at the ends
    assert within.sum() > 3
    assert abs(greys[within] - greys[within][:, :1] - [0, 21, -21]).max() <= 1  # 255 / 6 · 0.5 = 21.25
    assert len(set(greys[:, 0])) > 5, "rows differ"
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["none", "more", "less"]


def test_traversal_has_the_most_active_dimension_first():
    z = torch.randn(1000, 3) * torch.tensor([0.1, 1.0, 0.5])
    z = (z - z.mean(0)) / z.std(0, correction=0) * torch.tensor([0.1, 1.0, 0.5])
    figure = plots.traversal(model(3, which=1), Tiles(), z, rows=2, steps=3)
    picture = shown(figure)[2::4, 2::4]
    assert picture[0].tolist() == pytest.approx([0, 127.5, 255], abs=1)  # -3, 0 and 3 spreads of 1
    assert picture[1].tolist() == pytest.approx([127.5] * 3, abs=1)  # another dimension moves
    labels = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    assert [t.split(",")[0] for t in labels] == ["z[1]", "z[2]"]


def test_directions_are_components_and_not_dimensions():
    u = torch.randn(1000, 1, generator=torch.Generator().manual_seed(0))
    u = (u - u.mean()) / u.std(correction=0)
    figure = plots.directions(model(3, which=1), Tiles(), u * torch.tensor([0.6, 0.8, 0.0]), rows=1, steps=3)
    picture = shown(figure)[2::4, 2::4]
    ends = sorted(picture[0].tolist())
    assert ends == pytest.approx([127.5 * 0.2, 127.5, 127.5 * 1.8], abs=1)  # -3, 0 and 3 spreads of 1, 0.8 of them in z[1]
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["1, 100.0%"]


# -- clusters ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("latent", [1, 2, 5])
@pytest.mark.parametrize("count", [1, 10, 62])
def test_clusters_have_a_legend_of_every_class(tmp_path, latent, count):
    z, labels = torch.randn(200, latent), torch.randint(0, count, (200,))
    figure = plots.clusters(z, labels, [f"c{i}" for i in range(count)])
    assert len(figure.legends[0].get_texts()) == count
    assert ("principal" in figure.axes[0].get_title()) == (latent > 2)
    assert ("%" in figure.axes[0].get_title()) == (latent > 2)
    points = figure.axes[0].collections[0].get_offsets()
    assert points.shape == (200, 2)
    if latent == 2:
        assert np.allclose(points, z)


def test_clusters_without_labels(tmp_path):
    figure = plots.clusters(torch.randn(50, 4), None, ())
    assert not figure.legends
    plots.save(figure, tmp_path / "clusters.png")


# -- examples and training --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n, bands", [(1, 1), (20, 1), (21, 2)])
def test_reconstructions_are_below_their_inputs(n, bands):
    inputs = torch.linspace(-3, 3, n).view(n, 1)
    figure = plots.reconstructions(inputs, -inputs, Tiles(), [str(i) for i in range(n)])
    assert len(figure.axes) == bands
    picture = shown(figure)
    assert picture[0, 0] == 0
    assert picture[4, 0] == WHITE
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == [str(i) for i in range(min(n, 20))]


def test_curves_draw_both_splits():
    records = [{"step": s, "epoch": s / 10, "split": "train", "elbo": -500 / s, "distortion": 400 / s, "rate": 100 / s}
               for s in range(1, 100)]  # fmt: skip
    records += [{"step": s, "split": "valid", "elbo": -90.0, "distortion": 70.0, "rate": None} for s in (50, 99)]
    figure = plots.curves(records)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["ELBO", "distortion", "rate"]
    train, valid = figure.axes[1].lines
    assert list(train.get_xdata()) == list(range(1, 100))
    assert list(valid.get_ydata()) == [70, 70]
    assert len(figure.axes[2].lines[1].get_xdata()) == 0


def test_curves_of_a_plain_autoencoder_are_of_its_distortion():
    figure = plots.curves([{"step": s, "split": "train", "distortion": 400 / s} for s in range(1, 50)])
    assert [axes.get_title() for axes in figure.axes] == ["distortion"]


@pytest.mark.parametrize("split", ["train", "valid"])
def test_one_record_is_drawn(tmp_path, split):
    figure = plots.curves([{"step": 1, "split": split, "elbo": -5.0, "distortion": 4.0, "rate": 1.0}])
    assert any(line.get_marker() == "." and len(line.get_xdata()) == 1 for line in figure.axes[0].lines)
    plots.save(figure, tmp_path / "curves.png")


def test_no_record_is_an_error():
    with pytest.raises(GenaeError, match="nothing to plot"):
        plots.curves([])


# -- of a run ---------------------------------------------------------------------------------------------------------

SMALL = ["network=mlp", "network.hidden=[8]", "batch=8", "latent=2"]


@pytest.fixture(scope="module", params=["condition=label", "posterior=point"])
def run(request, tmp_path_factory):
    """A run of two steps over pictures of two classes."""
    folder = tmp_path_factory.mktemp("run")
    for i in range(24):
        path = folder / "data" / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((28, 28), 10 * i, np.uint8)).save(path)
    settings = [*SMALL, request.param] + (["objective=autoencoder", "prior=normal"] if "point" in request.param else [])
    return train("mnist-mlp", data=str(folder / "data"), out=folder / "run", steps=2, settings=settings, device="cpu")


@pytest.mark.parametrize("kind", ["manifold", "clusters", "traversal", "directions", "curves", "reconstructions"])
def test_draw_every_kind(run, kind, tmp_path):
    with Image.open(plots.draw(run, kind, tmp_path / "plot.png")) as image:
        assert min(image.size) > 100
    again = plots.draw(run, kind, tmp_path / "again.png")
    assert again.read_bytes() == (tmp_path / "plot.png").read_bytes()


def test_styles_are_of_runs_that_know_classes(run, tmp_path):
    if run.built.condition.choices:
        with Image.open(plots.draw(run, "styles", tmp_path / "plot.png")) as image:
            assert min(image.size) > 100
        return
    with pytest.raises(GenaeError, match="train with --set condition=label"):
        plots.draw(run, "styles", tmp_path / "plot.png")


def test_draw_refuses_before_it_works(run, tmp_path):
    with pytest.raises(GenaeError, match=r"\.png"):
        plots.draw(run, "curves", tmp_path / "plot.xyz")
    with pytest.raises(GenaeError, match="manifold"):
        plots.draw(run, "manifolds", tmp_path / "plot.png")


# -- files ------------------------------------------------------------------------------------------------------------


def test_save_writes_the_format_of_the_suffix(tmp_path):
    figure = plots.clusters(torch.randn(50, 2), None, ())
    with Image.open(plots.save(figure, tmp_path / "a.png")) as image:
        assert image.format == "PNG"
    assert plots.save(figure, tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    assert ElementTree.parse(plots.save(figure, tmp_path / "a.svg")).getroot().tag.endswith("svg")
    with pytest.raises(GenaeError, match=r"\.png, \.pdf, \.svg"):
        plots.save(figure, tmp_path / "a.bmp")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.pdf", "a.png", "a.svg"]


def test_plots_do_not_touch_pyplot():
    import subprocess
    import sys

    code = "import genae.use.plots, sys; print('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"
