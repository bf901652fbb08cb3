"""Who may import whom: cli → (plugins, datasets) → genae, floor by floor; and what a verb does not need stays light."""

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
LISTED = [
    "genae/__init__.py",
    "genae/errors.py",
    "genae/files.py",
    "genae/names.py",
    "genae/temporary.py",
    "genae/recipe/contract.py",
    "genae/recipe/entries.py",
    "genae/recipe/registry.py",
    "genae/recipe/quarantine.py",
]  # what `genae plugins list` imports

# a domain's words, whole, in code and in prose: the engine and its command line know none ("tune" is also a verb)
WORDS = re.compile(
    "(?<![a-z])(music|musical|midi|tempo|bars|program|melody|melodies|drum|drumming|note|pitch|chord|velocity|instrument|song|tunes|"
    "piano|flute|audio|sound|waveform|spectrogram|speech|pixel|image|photo)s?(?![a-z])",
    re.IGNORECASE,
)
NEEDED = {  # pictures of any kind of thing are drawn of these; names of libraries
    "genae/data/curve.py": {"image", "pixel"},  # Pillow's class
    "genae/data/media.py": {"image"},
    "genae/use/pictures.py": {"image", "pixel"},
    "genae/use/plots.py": {"pixel"},
    "genae/recipe/hub.py": {"bars"},  # of progress, in the hub's library
}

# each may import those before it, and itself
FLOORS = ["errors", "names", "temporary", "files", "latent", "recipe", "data", "model", "learn", "use", "testing", "explore"]

# where a name is looked for on an object, with the reason; what a thing can do is else its class, a Protocol or a default
ASKED = {
    "genae/learn/device.py": {"get_capabilities"},  # torch 2.11 may lack it
    "genae/recipe/contract.py": {"contract"},  # a plugin may be a mapping or a function
    "genae/testing/describing.py": {"shape"},  # what a plugin gives may be anything
    "genae/testing/trips.py": {"shape"},
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


# -- the floors of the engine -----------------------------------------------------------------------------------------


def _named(path):
    """genae/data/items.py to genae.data.items."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _every_import(tree, modules):
    """The modules that are imported anywhere, for type checkers alone too; of `from a import b` a.b where that is one."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in modules else node.module for name in whole}
    return found & modules.keys()


def _graph(paths):
    """Module to the modules of the same package that it imports."""
    trees = {_named(path): ast.parse(path.read_text("utf-8")) for path in paths}
    return {module: _every_import(tree, trees) - {module} for module, tree in trees.items()}


def _floor(module):
    """Of genae.data.items that of data; the root's own names lie above all."""
    _, _, rest = module.partition(".")
    return FLOORS.index(rest.partition(".")[0]) if rest else len(FLOORS)


def _cycle(graph):
    """Modules that import each other in a ring, [] for none."""
    done, path = set(), []

    def ring(module):
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        path.append(module)
        found = next(filter(None, map(ring, sorted(graph[module]))), [])
        path.pop()
        done.add(module)
        return found

    return next(filter(None, map(ring, sorted(graph))), [])


ABOVE = {name: imported for name, imported in _graph(ENGINE).items() if name != "genae"}


def test_reading_every_import():
    tree = ast.parse("from a import b, C\nif TYPE_CHECKING:\n    import d\ndef f():\n    from e.g import h")
    assert _every_import(tree, dict.fromkeys(["a", "a.b", "d", "e.g", "other"])) == {"a", "a.b", "d", "e.g"}


def test_finding_a_ring():
    assert _cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert _cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
    assert [_floor(name) for name in ("genae.errors", "genae.latent.space", "genae.testing", "genae")] == [0, 4, 10, 12]


def test_every_package_of_the_engine_has_its_floor():
    assert {path.relative_to(ROOT / "genae").with_suffix("").parts[0] for path in ENGINE} == {*FLOORS, "__init__"}


@pytest.mark.parametrize("module", ABOVE)
def test_imports_go_downwards(module):
    """Those in functions and for type checkers too; of the root the version alone."""
    assert {name for name in ABOVE[module] - {"genae"} if _floor(name) > _floor(module)} == set()


@each([path for path in ENGINE if path.parent != ROOT / "genae"])
def test_of_the_root_the_version_alone_is_imported(path):
    nodes = [n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.ImportFrom) and n.module == "genae"]
    assert {alias.name for node in nodes for alias in node.names} - {*FLOORS} <= {"__version__"}


@pytest.mark.parametrize("paths", [ENGINE, *PLUGINS.values(), DATASETS, CLI], ids=["genae", *PLUGINS, "datasets", "cli"])
def test_no_modules_import_each_other(paths):
    """Not for type checkers either; the root, which names the homes of the public names, aside."""
    graph = _graph(paths)
    assert _cycle({module: imported - {"genae"} for module, imported in graph.items() if module != "genae"}) == []


def _asked(tree):
    """The names that `hasattr` and `getattr` look for, where they are written out."""
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and len(n.args) > 1]
    named = [call.args[1] for call in calls if call.func.id in ("getattr", "hasattr")]
    return {name.value for name in named if isinstance(name, ast.Constant)}


def test_reading_what_is_asked():
    assert _asked(ast.parse("getattr(a, 'b', 1), hasattr(c(), 'd'), getattr(a, key), other(a, 'e')")) == {"b", "d"}


@each([*ENGINE, *(path for paths in PLUGINS.values() for path in paths)])
def test_nobody_asks_what_an_object_can_do(path):
    asked = _asked(ast.parse(path.read_text("utf-8")))
    assert asked == ASKED.get(path.relative_to(ROOT).as_posix(), set()), "mend it, or say in ASKED why it must be asked"


# -- what is light ----------------------------------------------------------------------------------------------------


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
