"""What a page asks of a run: examples on a map, points between them, files in and out, and what cannot be done."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import genae
from genae.errors import GenaeError
from genae.explore.explorer import Explorer, Look
from genae.explore.points import Point, along, between, mixed, point_of
from genae.latent.space import Space

PLANE, CODES = Space((2,)), Space((4,), codes=3)


def _at(*z, c=None):
    return Point(torch.tensor(z), None if c is None else torch.tensor(c))


# -- points -----------------------------------------------------------------------------------------------------------


def test_a_point_goes_to_the_page_and_back():
    space = Space((2, 3), time=True)
    point = Point(torch.randn(2, 3), torch.randn(4))
    back = point_of(point.told(), space, 4)
    assert back.z.equal(point.z)
    assert back.condition.equal(point.condition)
    codes = Point(torch.tensor([0, 2, 1, 1]))
    assert point_of(codes.told(), CODES, 0).z.equal(codes.z)


@pytest.mark.parametrize(
    "told, line",
    [
        ({"z": [1.0]}, "z of a point must be 2 finite numbers"),
        ({"z": "12"}, "z of a point must be 2 finite numbers"),
        ({"z": [1.0, float("nan")]}, "z of a point must be 2 finite numbers"),
        ({"z": [1.0, None]}, "z of a point must be 2 finite numbers"),
        ({"z": [1.0, 2.0], "c": [1.0]}, "c of a point must be 3 finite numbers"),
    ],
)
def test_what_is_no_point_is_refused(told, line):
    with pytest.raises(GenaeError, match=line):
        point_of(told, PLANE, 3)


def test_codes_outside_the_alphabet_are_refused():
    with pytest.raises(GenaeError, match="codes from 0 to 2"):
        point_of({"z": [0, 1, 2, 3]}, CODES, 0)


def test_half_of_a_quarter_circle_and_half_a_condition():
    half = between(PLANE, _at(1.0, 0.0, c=[0.0, 1.0]), _at(0.0, 1.0, c=[1.0, 1.0]), 0.5)
    assert half.z.tolist() == pytest.approx([0.5**0.5, 0.5**0.5])
    assert half.condition.tolist() == [0.5, 1.0]


def test_the_pads_corners_are_the_points_themselves():
    corners = [_at(1.0, 0.0), _at(0.0, 1.0), _at(-1.0, 0.5), _at(0.5, -1.0)]
    for i, corner in enumerate(corners):
        assert mixed(PLANE, corners, i % 2, i // 2).z.equal(corner.z)
    codes = [Point(torch.tensor([i % 3] * 4)) for i in range(4)]
    assert mixed(CODES, codes, 1.0, 0.0).z.tolist() == [1, 1, 1, 1]
    assert sorted(mixed(CODES, codes, 0.5, 0.0).z.tolist()) == [0, 0, 1, 1]


def test_a_way_goes_through_its_points():
    ends = [_at(1.0, 0.0), _at(0.0, 1.0), _at(-1.0, 0.0)]
    way = [point.z.tolist() for point in along(PLANE, ends, 5, False)]
    assert [way[0], way[2], way[4]] == [point.z.tolist() for point in ends]
    assert way[1] == pytest.approx([0.5**0.5, 0.5**0.5])
    loop = along(PLANE, ends, 6, True)
    assert len(loop) == 6
    assert loop[4].z.tolist() == pytest.approx(ends[2].z.tolist(), abs=1e-6)


# -- the map ----------------------------------------------------------------------------------------------------------


def test_the_map_holds_held_out_examples(explorer, run):
    assert explorer.atlas.z.shape == (30, 6)
    assert explorer.plane.shape == (30, 2)
    assert explorer.atlas.classes == ["0", "1"]
    assert {*explorer.atlas.labels} == {0, 1}
    assert explorer.atlas.remark == "30 of 40 examples of test"
    assert explorer.atlas.z[3].equal(run.encode(explorer.atlas.names[3])[0])
    with pytest.raises(GenaeError, match="no example 30; possible: 0 to 29"):
        explorer.example(30)


def test_over_an_example_lies_that_example(explorer):
    for i in (0, 7, 19):
        there = explorer.over(explorer.plane[i].tolist())
        assert torch.allclose(there.z, explorer.atlas.z[i], atol=1e-3)


def test_a_place_of_the_map_lies_there_and_nearby_is_nearly_the_same(explorer):
    for place in ([0.2, -0.3], [5.0, 5.0], [-0.7, 0.1]):
        there = explorer.over(place)
        assert explorer.axes.places(there.z[None])[0, :2].tolist() == pytest.approx(place, abs=1e-3)
        near = explorer.over([x + 1e-4 for x in place])
        assert (there.z - near.z).norm() < 0.05 * there.z.norm()


def test_a_drawn_line_is_walked_at_an_even_pace(explorer):
    corner = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 3.0]])
    places = [explorer.axes.places(p.z[None])[0, :2].tolist() for p in explorer.traced(corner, 5, False)]
    assert np.array(places) == pytest.approx(np.array([[0, 0], [1, 0], [1, 1], [1, 2], [1, 3]]), abs=1e-3)
    square = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    round_ = [explorer.axes.places(p.z[None])[0, :2].tolist() for p in explorer.traced(square, 4, True)]
    assert np.array(round_) == pytest.approx(square.numpy(), abs=1e-3)


# -- what is drawn and decoded ----------------------------------------------------------------------------------------


def test_new_points_and_variations_are_their_seeds(explorer):
    a, b, other = (explorer.drawn(3, 1.0, seed) for seed in (1, 1, 2))
    assert all(x.z.equal(y.z) for x, y in zip(a, b, strict=True))
    assert not a[0].z.equal(other[0].z)
    assert explorer.drawn(2, 0.0, 5)[1].z.equal(torch.zeros(6))
    point = explorer.example(0)
    near = [(p.z - point.z).norm() for p in explorer.near(point, 8, 0.05, 0)]
    far = [(p.z - point.z).norm() for p in explorer.near(point, 8, 0.9, 0)]
    assert max(near) < min(far)
    assert explorer.near(point, 1, 0.0, 0)[0].z.equal(point.z)


def test_what_is_shown_is_what_the_run_decodes(explorer, run):
    point = explorer.example(4)
    (media,) = explorer.media([point], Look())
    assert [*media] == ["image/png"]
    pixels = np.asarray(Image.open(BytesIO(media["image/png"])), np.int16)
    wanted = run.decode(point.z[None])[0]
    assert np.abs(pixels - run.domain.picture(wanted)).max() <= 1
    assert torch.allclose(explorer.decoded([point, explorer.example(1)], Look())[0], wanted, atol=1e-5)
    with pytest.raises(GenaeError, match=r"no option 'tempo' .* possible: none"):
        explorer.media([point], Look(options={"tempo": 90}))


def test_a_file_becomes_points(explorer, run, tmp_path):
    path = tmp_path / "a bar.png"
    run.domain.write(run.decode(explorer.example(0).z[None])[0], path)
    (point,) = explorer.encoded("ä bar.PNG", path.read_bytes())
    assert point.z.equal(run.encode(path)[0])


@pytest.mark.parametrize(
    "name, content, line",
    [
        ("clip.mid", b"MThd", r"clip.mid: this run's files are .png, .*, not .mid"),
        ("nothing", b"", r"nothing: this run's files are .png, .*, not without a suffix"),
        ("torn.png", b"\x89PNG....", r"^torn.png: "),
        ("empty.png", b"", r"^empty.png: "),
    ],
)
def test_a_file_of_another_kind_is_refused(explorer, name, content, line):
    with pytest.raises(GenaeError, match=line):
        explorer.encoded(name, content)


def test_what_is_saved_can_be_decoded_again(explorer, run, tmp_path):
    points = [explorer.example(0), explorer.example(1)]
    files = explorer.save(points, Look(), tmp_path / "out", False)
    assert {path.name for path in files} == {"grid.png", "favourite-1.png", "favourite-2.png", "points.npz"}
    again = explorer.save(points, Look(), tmp_path / "out", True)
    assert {path.parent.name for path in again} == {"2"}
    assert {"strip.png", "morph.gif", "points.npz"} <= {path.name for path in again}
    with np.load(tmp_path / "out" / "1" / "points.npz") as arrays:
        assert torch.from_numpy(arrays["z"]).equal(torch.stack([point.z for point in points]))


def test_a_run_whose_data_are_gone_shows_new_examples(run, monkeypatch):
    def gone(data=None):
        raise GenaeError("no data set 'bars'")

    monkeypatch.setattr(run, "held_out", gone)
    explorer = Explorer(run)
    assert explorer.atlas.remark == "new examples, since the data are not there (no data set 'bars')"
    assert len(explorer.atlas.z) == len(explorer.plane) == 500


def test_a_third_partys_domain_is_explored_as_it_is(tmp_path, forgotten, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "kit" / "outside"))
    from genae_sensor import Sensor, preset

    genae.register("domain", "sensor", Sensor)
    waves = torch.sin(torch.arange(64) * torch.linspace(0.1, 0.5, 40)[:, None])
    run = genae.train(preset, data=waves, steps=2, out=tmp_path / "run", device="cpu", progress=False)
    explorer = Explorer(run)
    (media,) = explorer.media([explorer.over([0.0, 0.0])], Look())
    assert {*media} == {"text/csv", "image/png"}
    assert media["text/csv"].startswith(b"value\n")
    assert len(explorer.encoded("mine.csv", media["text/csv"])) == 1
