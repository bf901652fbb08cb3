"""Plugins by entry points: found without imports; a broken, clashing or foreign one is told and breaks nothing else."""

import json

import pytest

from genae.errors import GenaeError
from genae.recipe import registry

GROUP = "genae.tasks"
LIST = (
    "import json; from genae.recipe import registry; "
    "print(json.dumps({p.name: [p.distribution, p.version, p.error] for p in registry.listing() if p.kind == 'task'}))"
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
    with pytest.raises(GenaeError, match=r"no prior 'norml'; known: flow, normal.*; did you mean 'normal'\?"):
        registry.get("prior", "norml")
    with pytest.raises(GenaeError, match=r"no prior 'zzz'; known: flow, normal[^;]*$"):
        registry.get("prior", "zzz")


def test_a_plugin_for_another_contract_is_refused(monkeypatch):
    from genae.latent.priors import Flow

    monkeypatch.setattr(Flow, "contract", registry.CONTRACT + 1, raising=False)
    with pytest.raises(GenaeError, match="built for contract 2, this genae has 1; install a matching version"):
        registry.get("prior", "flow")


def test_every_own_part_of_the_engine_can_be_imported():
    engine = ("posterior", "likelihood", "prior", "objective", "task", "condition")
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
    "foreign": ("class Thing: contract = 99", "contract 99, this genae has 1; install a matching version: a newer genae"),
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
        "print([p.error for p in registry.listing() if p.name == 'same'])\n"
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
        "from genae.recipe import registry; print(registry.get('task', 'denoise').__module__)\n"
        "print([(p.distribution, p.error) for p in registry.listing() if p.name == 'denoise'])"
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
        "from genae.recipe import registry; assert registry.listing()",
        "from genae.recipe import registry; assert all(registry.names(kind) for kind in registry.KINDS)",
        "from genae_cli.main import cli; cli(['--help'], standalone_mode=False)",
        "from genae_cli.main import cli; cli(['plugins', 'list'], standalone_mode=False)",
        "from genae_cli.main import cli; cli(['train', '--help'], standalone_mode=False)",
    ],
)
def test_looking_imports_no_torch(python, code):
    assert python(_torch_after(code)) == "False\n"
