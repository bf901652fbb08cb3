"""Models that distributions bring: found without an import, taken by name, never written to."""

import json

import pytest

from genae.errors import GenaeError
from genae.recipe import models

pytestmark = pytest.mark.usefixtures("no_models")
CARD = """---
license: "cc-by-4.0"
tags: ["genae"]
summary: Dots, by hand
---

# dots

license: "not this one"
"""


@pytest.fixture
def shelf(install, tmp_path, monkeypatch):
    """`shelf("genae-mine", "voices", …)`: an installed distribution with folders that are models, and its package."""

    def make(distribution, *names):
        package = distribution.replace("-", "_")
        site = install(distribution, {"genae.models": f"own = {package}.inside"}, {})
        for name in names:
            folder = site / package / "inside" / name
            folder.mkdir(parents=True)
            (folder / "recipe.json").write_text(json.dumps({"domain": {"name": "dots"}, "data": "points"}))
            (folder / "README.md").write_text(CARD)
        (site / package / "inside" / "notes").mkdir()
        (site / package / "__init__.py").write_text("raise AssertionError('imported')")
        monkeypatch.syspath_prepend(str(site))
        return site / package / "inside"

    return make


def test_each_folder_with_a_recipe_is_a_model(shelf):
    package = shelf("genae-mine", "voices", "birds")
    assert list(models.installed()) == ["birds", "voices"]
    assert models.get("birds") == models.Model("birds", package / "birds", "genae-mine 1.0")
    assert models.folder_of("birds") == package / "birds"


def test_a_path_that_exists_is_no_name(shelf, tmp_path, monkeypatch):
    shelf("genae-mine", "voices")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "voices").mkdir()
    with pytest.raises(GenaeError, match=r"voices is not a run: .* goes before the model 'voices'; rename it, or give "):
        models.folder_of("voices")
    (tmp_path / "voices" / "recipe.json").touch()
    assert models.folder_of("voices").resolve() == tmp_path / "voices"


def test_the_nearest_name_is_told(shelf):
    shelf("genae-mine", "voices", "birds")
    with pytest.raises(GenaeError, match=r"voice is not a run: .* a model's name: birds, voices; did you mean 'voices'\?$"):
        models.folder_of("voice")
    with pytest.raises(GenaeError, match=r"no model 'bird'; known: birds, voices; did you mean 'birds'\?"):
        models.get("bird")


def test_without_any_it_is_told_how_to_get_some():
    assert models.installed() == {}
    with pytest.raises(GenaeError, match=r"melody is not a run: .* pip install genae-models"):
        models.folder_of("melody")
    with pytest.raises(GenaeError, match=r"no model 'melody': none is installed; .* pip install genae-models"):
        models.get("melody")


def test_a_name_that_two_distributions_bring_is_refused(shelf):
    mine = shelf("genae-mine", "voices").parents[1] / "genae_mine"
    shelf("genae-theirs", "voices", "birds")
    with pytest.raises(GenaeError, match=r"model 'voices' is of genae-(mine|theirs) 1.0 and of genae-(mine|theirs) 1.0; "):
        models.folder_of("voices")
    assert models.folder_of("birds").name == "birds"
    assert models.folder_of(mine / "inside" / "voices") == mine / "inside" / "voices"


def test_a_package_that_is_not_there_brings_none(install, monkeypatch):
    monkeypatch.syspath_prepend(str(install("genae-gone", {"genae.models": "own = genae_gone"}, {})))
    assert models.installed() == {}


def test_what_is_installed_is_never_written_to(shelf, tmp_path):
    package = shelf("genae-mine", "voices")
    with pytest.raises(GenaeError, match=r"model 'voices' of genae-mine 1.0 .* fit cannot .* genae models copy voices"):
        models.require_own(package / "voices", "fit")
    models.require_own(tmp_path, "fit")


def test_what_a_model_says_of_itself(shelf):
    folder = shelf("genae-mine", "voices") / "voices"
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert models.facts(models.get("voices")) == {
        "name": "voices", "domain": "dots", "data": "points", "licence": "cc-by-4.0", "summary": "Dots, by hand",
        "bytes": size, "source": "genae-mine 1.0", "folder": str(folder),
    }  # fmt: skip


@pytest.mark.parametrize("text", ["", "[]", "{", '{"domain": 3}'])
def test_a_broken_recipe_is_listed_all_the_same(shelf, text):
    folder = shelf("genae-mine", "voices") / "voices"
    (folder / "recipe.json").write_text(text)
    (folder / "README.md").unlink()
    told = models.facts(models.get("voices"))
    assert (told["domain"], told["licence"], told["bytes"]) == ("", "", len(text))
