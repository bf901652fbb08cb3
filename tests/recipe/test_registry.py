"""Plugins by entry points: found without imports; a broken, clashing or foreign one is told and breaks nothing else."""

import json

import pytest

from genae.errors import GenaeError
from genae.recipe import contract, registry

GROUP = "genae.tasks"
LIST = (
    "import json; from genae.recipe import quarantine; "
    "print(json.dumps({p.name: [p.distribution, p.version, p.error] for p in quarantine.listing() if p.kind == 'task'}))"
)


def _torch_after(code):
    return f"import sys, io\nsys.stdout, out = io.StringIO(), sys.stdout\n{code}\nprint('torch' in sys.modules, file=out)"


# -- in this process --------------------------------------------------------------------------------------------------


def test_override_lasts_as_long_as_its_block():
    assert "mine" not in registry.names("task")
    with registry.override("task", "mine", 1):
        assert "mine" in registry.names("task")
        assert registry.get("task", "mine") == 1
        with registry.override("task", "mine", 2):
            assert registry.get("task", "mine") == 2
        assert registry.get("task", "mine") == 1
    assert "mine" not in registry.names("task")


def test_override_ends_with_an_error_too():
    with pytest.raises(ZeroDivisionError), registry.override("prior", "normal", None):
        raise ZeroDivisionError
    from genae.latent.priors import StandardNormal

    assert registry.get("prior", "normal") is StandardNormal


def test_unknown_names_the_known_and_the_nearest():
    with pytest.raises(GenaeError, match=r"no prior 'norml'; known: autoregressive, flow, .*normal.*; did you mean 'normal'\?"):
        registry.get("prior", "norml")
    with pytest.raises(GenaeError, match=r"no prior 'zzz'; known: autoregressive, flow, [^;]*$"):
        registry.get("prior", "zzz")


def test_a_plugin_for_another_contract_is_refused(monkeypatch):
    from genae.latent.priors import Flow

    monkeypatch.setattr(Flow, "contract", contract.CONTRACT + 1, raising=False)
    with pytest.raises(GenaeError, match="built for contract 3, this genae has 2; install a matching version"):
        registry.get("prior", "flow")


def test_every_own_part_of_the_engine_can_be_imported():
    engine = ("posterior", "likelihood", "prior", "objective", "task", "condition", "optimiser", "schedule")
    found = [(kind, name) for kind in engine for name in registry.names(kind)]
    assert len(found) >= 14
    for kind, name in found:
        assert callable(registry.get(kind, name))


# -- in fresh interpreters, with distributions made for the occasion --------------------------------------------------


def test_a_strangers_plugin_is_found(install, python):
    site = install("strange-things", {GROUP: "blur = strange_blur:Blur"}, {"strange_blur": "class Blur: pass"}, "2.5")
    assert json.loads(python(LIST, site))["blur"] == ["strange-things", "2.5", ""]
    assert python("from genae.recipe import registry; print(registry.get('task', 'blur').__name__)", site) == "Blur\n"


BROKEN = {
    "raises": ("raise ValueError('two\\nlines')", "ValueError: two lines"),
    "absent": ("import no_such_module_anywhere", "is not installed: pip install no_such_module_anywhere"),
    "exits": ("import sys; sys.exit(0)", "SystemExit: 0; reinstall or uninstall fragile"),
    "own_error": ("class Own(BaseException):\n    def __str__(self): return 1 / 0\nraise Own", "imported: Own; reinstall"),
    "old": ("import genae.of_another_time", "built for another genae: install a matching version of fragile"),
    "reads": ("import sys; assert sys.stdin.read() == ''; Thing = dict", ""),
    "thread": ("import threading, time; threading.Thread(target=time.sleep, args=(300,)).start(); Thing = dict", ""),
    "number": ("Thing = 3", "must be callable, not int"),
    "dies": ("import os; os._exit(7)", "ended the interpreter with status 7"),
    "syntax": ("def", "SyntaxError"),
    "foreign": ("class Thing: contract = 99", "contract 99, this genae has 2; install a matching version: a newer genae"),
    "backward": ("class Thing: contract = 0", "a newer fragile (pip install --upgrade fragile)"),
    "empty": ("", "has no attribute 'Thing'"),
    "chatty": ("print('hello'); class_ = print('there'); Thing = dict", ""),
}


def test_broken_plugins_are_told_and_break_nothing_else(install, python):
    entries = "\n".join(f"{name} = broken_{name}:Thing" for name in BROKEN)
    site = install("fragile", {GROUP: entries}, {f"broken_{name}": source for name, (source, _) in BROKEN.items()})
    found = json.loads(python(LIST, site))
    for name, (_, told) in BROKEN.items():
        distribution, version, error = found[name]
        assert (distribution, version) == ("fragile", "1.0")
        assert told in error if told else error == ""
        assert "\n" not in error
    assert found["denoise"][2] == found["reconstruct"][2] == ""
    healthy = (
        "from genae.recipe import registry; from genae.errors import GenaeError\n"
        "assert registry.get('task', 'denoise').__name__ == 'Denoise'\n"
        "try: registry.get('task', 'raises')\n"
        "except GenaeError as error: print(error)"
    )
    assert "task 'raises' of fragile cannot be imported: ValueError" in python(healthy, site)
    # a plugin that was mended is looked at again
    (site / "broken_raises.py").write_text("class Thing: pass  # now longer, and later")
    import os

    os.utime(site / "broken_raises.py", (2e9, 2e9))
    assert json.loads(python(LIST, site))["raises"][2] == ""


def test_a_cache_that_cannot_be_written_does_not_stop_the_listing(install, python, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    site = install("strange", {GROUP: "blur = strange_blur:Blur"}, {"strange_blur": "class Blur: pass"})
    assert json.loads(python(LIST, site))["blur"][2] == ""


def test_a_name_taken_twice_names_both(install, python):
    site = install("one-thing", {GROUP: "same = one:Thing"}, {"one": "class Thing: pass"})
    install("other-thing", {GROUP: "same = other:Thing"}, {"other": "class Thing: pass"})
    code = (
        "from genae.recipe import registry; from genae.errors import GenaeError\n"
        "try: registry.get('task', 'same')\n"
        "except GenaeError as error: print(error)\n"
        "from genae.recipe import quarantine; print([p.error for p in quarantine.listing() if p.name == 'same'])\n"
        "print(registry.get('task', 'denoise').__name__)"
    )
    error, listed, healthy = python(code, site).splitlines()
    assert "task 'same' is taken twice" in error
    assert "one-thing (one:Thing)" in error
    assert "other-thing (other:Thing)" in error
    assert listed.count("is taken twice: by one-thing (one:Thing) and other-thing (other:Thing); uninstall one") == 2
    assert healthy == "Denoise"


def test_a_folder_twice_on_the_path_is_no_clash(install, python):
    site = install("one-thing", {GROUP: "same = one:Thing"}, {"one": "class Thing: pass"})
    assert python("from genae.recipe import registry; print(registry.get('task', 'same').__name__)", site, site) == "Thing\n"


def test_a_name_of_genaes_own_stays_its_own(install, python):
    site = install("thief", {GROUP: "denoise = thief:Thing"}, {"thief": "class Thing: pass"})
    code = (
        "from genae.recipe import quarantine, registry; print(registry.get('task', 'denoise').__module__)\n"
        "print([(p.distribution, p.error) for p in quarantine.listing() if p.name == 'denoise'])"
    )
    module, listed = python(code, site).splitlines()
    assert module == "genae.model.tasks"
    assert "('genae', '')" in listed
    assert "that of thief is not used; uninstall thief" in listed


def test_the_package_that_is_missing_is_the_one_that_is_required(install, python):
    site = install("seeing", {GROUP: "see = seeing:Thing"}, {"seeing": "import module_of_eyes\nclass Thing: pass"})
    metadata = next(site.glob("seeing*.dist-info")) / "METADATA"
    metadata.write_text(metadata.read_text() + "Requires-Dist: torch>=2\nRequires-Dist: eyes-for-all (>=1.0)\n")
    assert "pip install eyes-for-all" in json.loads(python(LIST, site))["see"][2]
    # and when it comes, the plugin is looked at again
    install("eyes-for-all", {}, {"module_of_eyes": ""})
    assert json.loads(python(LIST, site))["see"][2] == ""


SLOW = {
    "sleeps": "import time; time.sleep(300)",
    "leaves": "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'])\nThing = dict",
}


def test_a_slow_plugin_is_waited_for_once(install, python, monkeypatch):
    monkeypatch.setenv("GENAE_CHECK_SECONDS", "4")
    entries = "\n".join(f"{name} = slow_{name}:Thing" for name in SLOW)
    site = install("slow-things", {GROUP: entries}, {f"slow_{name}": source for name, source in SLOW.items()})
    timed = f"import time; began = time.monotonic()\n{LIST}\nprint(time.monotonic() - began)"
    first, again = (python(timed, site).splitlines() for _ in range(2))
    for told, _ in (first, again):
        found = json.loads(told)
        assert found["sleeps"][2].startswith("import takes longer than 4 s; ")
        assert "uninstall slow-things" in found["sleeps"][2]
        assert found["leaves"][2] == ""  # what it left running is not waited for
    assert float(first[1]) >= 4 > 4 * float(again[1])


def test_what_an_import_prints_and_where_it_goes_is_undone(install, python, tmp_path):
    source = "import os; print('hello'); os.chdir('/')\nclass Thing: pass"
    site = install("mover", {GROUP: "move = mover:Thing"}, {"mover": source})
    code = "import os; from genae.recipe import registry; registry.get('task', 'move'); print(os.getcwd())"
    assert python(code, site) == f"{tmp_path}\n"


def test_a_target_that_cannot_be_one_is_told(install, python):
    site = install("odd-things", {GROUP: "odd = not a module!"}, {})
    assert "cannot be imported" in json.loads(python(LIST, site))["odd"][2]


def test_presets_that_are_none(install, python):
    source = "words = 'latent'\norphan = {'parent': 'of-nobody'}\nodd = {'parent': ['mnist']}"
    site = install("odd-presets", {"genae.presets": "words=odd:words\norphan=odd:orphan\nodd=odd:odd"}, {"odd": source})
    code = (
        "from genae.recipe import recipe; from genae.errors import GenaeError\n"
        "for name in ('words', 'orphan', 'odd'):\n"
        "    try: recipe.compose(name)\n"
        "    except GenaeError as error: print(error)"
    )
    words, orphan, odd = python(code, site).splitlines()
    assert "must be a mapping of settings, not str; reinstall or uninstall odd-presets" in words
    assert "preset 'orphan' of odd-presets cannot be used: no preset 'of-nobody', its parent; known: " in orphan
    assert "cannot be used: no preset '['mnist']', its parent" in odd


@pytest.mark.parametrize(
    "code",
    [
        "import genae, genae.recipe.registry",
        "from genae.recipe import quarantine; assert quarantine.listing()",
        "from genae.recipe import registry; assert registry.names('domain') and registry.names('schedule')",
        "from genae_cli.main import cli; cli(['--help'], standalone_mode=False)",
        "from genae_cli.main import cli; cli(['plugins', 'list'], standalone_mode=False)",
        "from genae_cli.main import cli; cli(['train', '--help'], standalone_mode=False)",
    ],
)
def test_looking_imports_no_torch(python, code):
    assert python(_torch_after(code)) == "False\n"


# -- what is not installed --------------------------------------------------------------------------------------------


class Half:
    """A task of the tests' own."""

    def __call__(self, target):
        return target / 2


@pytest.mark.usefixtures("forgotten")
def test_what_is_registered_is_there_at_once_and_named_in_the_recipe(dots):
    import genae
    from genae.recipe.recipe import compose

    genae.register("task", "half", Half)
    assert registry.get("task", "half") is Half
    made = compose("dots", ["task=half"])
    assert made.plugins == {"task half": "genae.register"}
    assert compose("dots").plugins == {}
    genae.register("task", "half", Half)  # a cell that runs again
    with pytest.raises(GenaeError, match=r"task 'half' is taken already, by genae\.register; choose another name"):
        genae.register("task", "half", dict)


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize(
    ("kind", "name", "plugin", "told"),
    [
        ("prior", "normal", dict, "prior 'normal' is taken already, by genae; choose another name"),
        ("priors", "mine", dict, r"no kind of plugin 'priors'; known: .*did you mean 'prior'\?"),
        ("prior", "mine", 3, "prior 'mine' of genae.register must be callable, not int"),
        ("preset", "mine", {"parent": "mnits"}, "no preset 'mnits', its parent; known: .*did you mean 'mnist'"),
        ("preset", "mine", [], "must be a mapping of settings, not list"),
    ],
)
def test_what_cannot_be_registered(kind, name, plugin, told):
    with pytest.raises(GenaeError, match=told):
        registry.register(kind, name, plugin)
    assert registry.registered() == {}


@pytest.mark.usefixtures("forgotten")
def test_a_file_that_registers_takes_its_own_place_when_it_is_read_again(tmp_path):
    file = tmp_path / "my_parts.py"
    file.write_text("import genae\ndef mine(): return 1\ngenae.register('task', 'mine', mine)")
    registry.plugin(file)
    assert registry.get("task", "mine")() == 1
    assert registry.origin("task", "mine") == "my_parts.py"
    file.write_text("import genae\ndef other(): return 22\ngenae.register('task', 'mine', other)")
    registry.plugin(file)
    assert registry.get("task", "mine")() == 22
    file.write_text("raise ValueError('no')")
    with pytest.raises(GenaeError, match=r"my_parts\.py, line 1: cannot be imported: ValueError: no$"):
        registry.plugin(file)
    assert registry.get("task", "mine")() == 22  # the last that could be read


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a_file.py", "x = 1\n\nraise SystemExit(3)", r"a_file\.py, line 3: cannot be imported: SystemExit: 3$"),
        ("a_file.py", "x = 1\ndef", r"a_file\.py, line 2: cannot be imported: SyntaxError: invalid syntax"),
        ("a_file.py", "from genae import register\nregister('task', 'denoise', 1)", "line 2: task 'denoise' is taken"),
        ("a_file.py", "import genae", r"line 1: registers nothing; it needs a line such as genae\.register\("),
        ("json.py", "", "a module called 'json' is imported already; give the file another name"),
        ("a_file.txt", "", r"a_file\.txt: no Python file \(\.py\)"),
        ("a_folder/none.py", None, "no such file"),
    ],
)  # fmt: skip
def test_files_that_are_no_plugins(tmp_path, name, text, told):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(GenaeError, match=told):
        registry.plugin(tmp_path / name)
    assert registry.registered() == {}


@pytest.mark.usefixtures("forgotten")
def test_a_run_says_which_part_is_missing_and_how_to_give_it(dots, tmp_path):
    from genae.recipe.recipe import adjust, compose, dump, read

    registry.register("task", "half", Half)
    made = compose("dots", ["task=half"])
    (tmp_path / "recipe.json").write_text(dump(made))
    assert read(tmp_path / "recipe.json") == made
    registry._registered.clear()
    with pytest.raises(GenaeError, match=r"task 'half' is not here: .* genae\.register; give it with --plugin FILE\.py"):
        read(tmp_path / "recipe.json")
    assert adjust(made, ["task=denoise"]).plugins == {}
    other = dump(made).replace('"genae.register"', '"halves 1.2"')
    (tmp_path / "recipe.json").write_text(other)
    with pytest.raises(GenaeError, match=r"made with that of halves 1\.2; pip install halves"):
        read(tmp_path / "recipe.json")


def test_a_third_partys_version_stays_in_the_recipe(install, python):
    site = install("strange-things", {GROUP: "blur = strange_blur:Blur"}, {"strange_blur": "class Blur: pass"}, "2.5")
    code = (
        "from genae.recipe.recipe import compose, adjust\nimport dataclasses\n"
        "made = compose('mnist', ['task=blur']); print(made.plugins)\n"
        "old = dataclasses.replace(made, plugins={'task blur': 'strange-things 1.0'}); print(adjust(old, ['latent=3']).plugins)"
    )
    assert python(code, site).splitlines() == ["{'task blur': 'strange-things 2.5'}", "{'task blur': 'strange-things 1.0'}"]


# -- contracts --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("forgotten")
def test_a_domain_of_contract_1_is_sent_to_the_page(dots):
    from dataclasses import dataclass

    first = type("First", (dots,), {"network": "mlp", "shows": "sample"})
    with pytest.raises(GenaeError, match=r"sets network, shows\), this genae has 2; docs/writing-a-plugin\.md#from-contract-1"):
        registry.register("domain", "first", first)
    with pytest.raises(GenaeError, match=r"domain 'first' .* was built for contract 1, this genae has 2; docs/writing"):
        registry.register("domain", "first", type("First", (dots,), {"contract": 1}))

    def network(event, latent, posterior, likelihood, condition=0):
        """Of contract 1."""

    with pytest.raises(GenaeError, match=r"contract 1 \(it takes latent, not space\), this genae has 2; docs/"):
        registry.register("network", "first", network)
    with pytest.raises(GenaeError, match=r"contract 1 \(it has no losses\), this genae has 2; docs/"):
        registry.register("objective", "first", type("First", (), {"__call__": network}))

    @dataclass(frozen=True)
    class Second(dots):
        samples: int = 3  # an option may be called so, and a method

        def metrics(self):
            """Its own."""

    registry.register("domain", "second", Second)
    assert "second" in registry.names("domain")
