"""Who may import whom: cli → (plugins, datasets) → genae; and what is looked at before a verb runs stays light."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENGINE = sorted((ROOT / "genae").glob("**/*.py"))
PLUGINS = {folder.name: sorted(folder.glob("**/*.py")) for folder in sorted((ROOT / "plugins").glob("genae_*"))}
DATASETS = sorted((ROOT / "datasets").glob("genae_*/**/*.py"))
CLI = sorted((ROOT / "cli").glob("genae_*/**/*.py"))
HEAVY = {"torch", "numpy", "matplotlib", "PIL", "zuko", "safetensors", "lightning_fabric", "tqdm"}
LISTED = [
    "genae/__init__.py",
    "genae/errors.py",
    "genae/files.py",
    "genae/names.py",
    "genae/recipe/contract.py",
    "genae/recipe/entries.py",
    "genae/recipe/registry.py",
    "genae/recipe/quarantine.py",
]  # what `genae plugins list` imports

# a domain's words, whole, in code and in prose: the engine and its command line know none
WORDS = re.compile(
    "(?<![a-z])(music|musical|midi|tempo|bars|program|melody|melodies|drum|drumming|note|pitch|chord|velocity|instrument|song|tune|"
    "piano|flute|audio|sound|waveform|spectrogram|speech|pixel|image|photo)s?(?![a-z])",
    re.IGNORECASE,
)
NEEDED = {  # pictures of any kind of thing are drawn of these
    "genae/data/curve.py": {"image", "pixel"},  # Pillow's class
    "genae/use/pictures.py": {"image", "pixel"},
    "genae/use/plots.py": {"pixel"},
}


def _for_types(node):
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def imports(tree, inside_functions=True):
    """Top-level names imported by a module; what is imported for type checkers alone left out."""
    found = set()
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif _for_types(node):
            todo += node.orelse
        elif inside_functions or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            todo += ast.iter_child_nodes(node)
    return found


def packages(path, inside_functions=True):
    return {name.partition(".")[0] for name in imports(ast.parse(path.read_text("utf-8")), inside_functions)}


def each(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda p: str(p.relative_to(ROOT)))


def test_the_tree_is_where_these_tests_look():
    assert len(ENGINE) > 15
    assert "genae_image" in PLUGINS
    assert DATASETS
    assert len(CLI) > 8


def test_reading_imports():
    tree = ast.parse(
        "import a.b, c as d\nfrom e.f import g\nif TYPE_CHECKING:\n    import t\nelse:\n    import u\n"
        "def h():\n    from i import j\ntry:\n    import k\nexcept ImportError:\n    pass\nclass L:\n    import m"
    )
    assert imports(tree) == {"a.b", "c", "e.f", "e.f.g", "u", "i", "i.j", "k", "m"}
    assert imports(tree, inside_functions=False) == {"a.b", "c", "e.f", "e.f.g", "u", "k", "m"}


@each(ENGINE)
def test_the_engine_knows_no_domain_no_data_set_and_no_command_line(path):
    own = {name for name in packages(path) if name.startswith("genae_")}
    assert own == set()
    assert "click" not in packages(path)


@each([path for paths in PLUGINS.values() for path in paths])
def test_plugins_know_the_engine_alone(path):
    home = path.relative_to(ROOT / "plugins").parts[0]
    assert {name for name in packages(path) if name.startswith("genae")} <= {"genae", home}
    assert "click" not in packages(path)


@each(DATASETS)
def test_data_sets_know_the_engine_alone(path):
    home = path.relative_to(ROOT / "datasets").parts[0]
    assert {name for name in packages(path) if name.startswith("genae")} <= {"genae", home}
    assert "click" not in packages(path)


@each(CLI)
def test_the_command_line_is_light_until_a_verb_runs(path):
    assert packages(path, inside_functions=False) <= sys.stdlib_module_names | {"click", "genae", "genae_cli"}
    ours = {n for n in imports(ast.parse(path.read_text("utf-8")), inside_functions=False) if n.partition(".")[0] == "genae"}
    modules = {n for n in ours if (ROOT / (n.replace(".", "/") + ".py")).exists()}
    assert {n.replace(".", "/") + ".py" for n in modules} <= set(LISTED)


@pytest.mark.parametrize("path", LISTED)
def test_what_is_loaded_before_a_verb_runs_imports_nothing_heavy(path):
    assert packages(ROOT / path, inside_functions=False) <= sys.stdlib_module_names | {"genae"}


@each([*ENGINE, *CLI, *DATASETS, *(path for paths in PLUGINS.values() for path in paths)])
def test_nothing_opens_a_pickle(path):
    assert not packages(path) & {"pickle", "dill", "cloudpickle", "joblib", "shelve"}
    calls = [n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call)]
    named = {ast.unparse(call.func) for call in calls}
    assert not named & {"torch.load", "torch.save", "eval", "exec"}


@pytest.mark.parametrize(
    "text, found",
    [("a_tempo = 1", {"tempo"}), ("# Notes of", {"note"}), ("handlebars, notebook, programme", set()), ("Image", {"image"})],
)
def test_a_domains_words_are_found(text, found):
    assert {word.lower() for word in WORDS.findall(text)} == found


@each([path for path in [*ENGINE, *CLI] if "testing" not in path.parts])
def test_the_engine_and_the_command_line_hold_no_domains_words(path):
    found = {word.lower() for word in WORDS.findall(path.read_text("utf-8"))}
    assert found <= NEEDED.get(path.relative_to(ROOT).as_posix(), set())
