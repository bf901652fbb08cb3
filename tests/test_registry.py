"""Plugins by entry points: found without imports; a broken, clashing or foreign one is told and breaks nothing else."""

import json

import pytest

from genae import registry
from genae.errors import GenaeError

GROUP = "genae.tasks"
LIST = (
    "import json; from genae import registry; "
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
    from genae.priors import StandardNormal

    assert registry.get("prior", "normal") is StandardNormal


def test_unknown_names_the_known_and_the_nearest():
    with pytest.raises(GenaeError, match=r"no prior 'norml'; known: flow, normal.*; did you mean 'normal'\?"):
        registry.get("prior", "norml")
    with pytest.raises(GenaeError, match=r"no prior 'zzz'; known: flow, normal[^;]*$"):
        registry.get("prior", "zzz")


def test_a_plugin_for_another_contract_is_refused(monkeypatch):
    from genae.priors import Flow

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
    assert python("from genae import registry; print(registry.get('task', 'blur').__name__)", site) == "Blur\n"


BROKEN = {
    "raises": ("raise ValueError('two\\nlines')", "ValueError: two lines"),
    "absent": ("import no_such_module_anywhere", "No module named 'no_such_module_anywhere'"),
    "exits": ("import sys; sys.exit(0)", "ended the interpreter with status 0"),
    "dies": ("import os; os._exit(7)", "ended the interpreter with status 7"),
    "syntax": ("def", "SyntaxError"),
    "foreign": ("class Thing: contract = 99", "contract 99, this genae has 1"),
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
        "from genae import registry; from genae.errors import GenaeError\n"
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
        "from genae import registry; from genae.errors import GenaeError\n"
        "try: registry.get('task', 'same')\n"
        "except GenaeError as error: print(error)\n"
        "print([p.error for p in registry.listing() if p.name == 'same'])\n"
        "print(registry.get('task', 'denoise').__name__)"
    )
    error, listed, healthy = python(code, site).splitlines()
    assert "task 'same' is taken twice" in error
    assert "one-thing (one:Thing)" in error
    assert "other-thing (other:Thing)" in error
    assert listed == "['name taken twice', 'name taken twice']"
    assert healthy == "Denoise"


def test_a_folder_twice_on_the_path_is_no_clash(install, python):
    site = install("one-thing", {GROUP: "same = one:Thing"}, {"one": "class Thing: pass"})
    assert python("from genae import registry; print(registry.get('task', 'same').__name__)", site, site) == "Thing\n"


@pytest.mark.parametrize(
    "code",
    [
        "import genae, genae.registry",
        "from genae import registry; assert registry.listing()",
        "from genae import registry; assert all(registry.names(kind) for kind in registry.KINDS)",
        "from genae_cli.main import cli; cli(['--help'], standalone_mode=False)",
        "from genae_cli.main import cli; cli(['plugins', 'list'], standalone_mode=False)",
        "from genae_cli.main import cli; cli(['train', '--help'], standalone_mode=False)",
    ],
)
def test_looking_imports_no_torch(python, code):
    assert python(_torch_after(code)) == "False\n"
