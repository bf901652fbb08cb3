"""What is checked: the plugins of a distribution, of a project's folder or of a module, whether installed or not."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.metadata import EntryPoint, distribution, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genae.errors import GenaeError, unknown
from genae.recipe import contract, registry
from genae.recipe.entries import KINDS, OWN

if TYPE_CHECKING:
    from genae.testing.subject import Subject

Key = tuple[str, str]  # kind and name


class Target:
    """Plugins to check, found as `title`. Those that are not installed are registered while a check runs."""

    def __init__(self, title: str, loaded: Mapping[Key, object], broken: Mapping[Key, str], installed: bool) -> None:
        self.title, self.installed = title, installed  # title: of a project its name
        self.offers = list(loaded)
        self.broken = [(kind, name, error) for (kind, name), error in broken.items()]
        self._loaded = dict(loaded)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Within the block its plugins are known by their names."""
        with ExitStack() as stack:
            for (kind, name), plugin in self._loaded.items():
                if not self.installed:
                    stack.enter_context(registry.override(kind, name, plugin))
            yield

    def plugin(self, kind: str, name: str) -> Any:
        """What the entry point names."""
        return self._loaded[kind, name]

    def taken(self, kind: str, name: str) -> list[str]:
        """The distributions, other than this one, that offer the same name."""
        others = [e.dist.name for e in entry_points(group=KINDS[kind]) if e.name == name and e.dist]
        own = self.title if not self.installed else others[0] if others else ""
        return sorted({other for other in others if _canonical(other) != _canonical(own)})

    def subjects(self, data: str | None) -> list[Subject]:
        """A domain as each of the presets uses it, and one that no preset uses as it is. Within `active`."""
        from genae.testing.subject import Subject, domain_of

        presets = [name for kind, name in self.offers if kind == "preset"]
        used = {domain_of(self._loaded["preset", name]) for name in presets}
        own = [name for kind, name in self.offers if kind == "domain" and name not in used]
        sets = [name for kind, name in self.offers if kind == "dataset"]
        return [
            *(Subject(f"domain {name}", {"parent": name}, sets, data) for name in own),
            *(Subject(f"preset {name}", {"parent": name}, sets, data) for name in presets),
        ]


def find(target: str) -> Target:
    """A project's folder, a module, a distribution or one plugin. GenaeError if it is none of these."""
    path = Path(target)
    if path.is_dir() and (
        (path / "pyproject.toml").exists() or not _known(target)
    ):  # else a plugin that a folder is named like
        return _folder(path)
    if path.is_file():
        return _module(path)
    return _installed(target)


def _misspelt(groups: Iterable[str]) -> dict[Key, str]:
    """Groups of entry points that are meant for genae, and that it does not have."""
    wrong = [group for group in groups if group.partition(".")[0] == OWN and group not in KINDS.values()]
    return {("entry-point group", group): str(unknown("entry-point group", group, KINDS.values())) for group in wrong}


def _loaded(
    title: str, entries: list[tuple[str, EntryPoint]], installed: bool, broken: Mapping[Key, str] | None = None
) -> Target:
    loaded: dict[Key, Any] = {}
    broken = dict(broken or {})
    for kind, entry in entries:
        try:
            loaded[kind, entry.name] = registry.get(kind, entry.name) if installed else _load(kind, entry)
        except GenaeError as error:
            broken[kind, entry.name] = str(error)
    return Target(title, loaded, broken, installed)


def _load(kind: str, entry: EntryPoint) -> Any:
    try:
        plugin = entry.load()
    except (Exception, SystemExit) as error:
        raise GenaeError(f"{entry.value} cannot be imported: {type(error).__name__}: {error}") from error
    contract.require(kind, plugin, entry.value, "version of it")
    return plugin


def _folder(path: Path) -> Target:
    project = path / "pyproject.toml"
    try:
        table = tomllib.loads(project.read_text("utf-8")).get("project", {})
    except FileNotFoundError as error:
        raise GenaeError(
            f"{path} holds no pyproject.toml; check a plugin's project, a module, or an installed plugin"
        ) from error
    except (OSError, ValueError) as error:
        raise GenaeError(f"{project} cannot be read: {error}") from error
    groups = table.get("entry-points", {})
    kinds = {group: kind for kind, group in KINDS.items()}
    entries = [
        (kinds[group], EntryPoint(name, value, group))
        for group, found in groups.items() if group in kinds for name, value in found.items()
    ]  # fmt: skip
    broken = _misspelt(groups)
    if not entries and not broken:
        raise GenaeError(f'{project} names no plugin; it needs a table such as [project.entry-points."genae.domains"]')
    sys.path[:0] = [str(place.resolve()) for place in (path, path / "src")]
    importlib.invalidate_caches()
    return _loaded(str(table.get("name", path.name)), entries, installed=False, broken=broken)


def _module(path: Path) -> Target:
    """What a module registers, and the domains that it defines, by their classes' names in lower case."""
    from genae.data.domain import Domain

    spec = importlib.util.spec_from_file_location(path.stem, path) if path.suffix == ".py" else None
    if spec is None or spec.loader is None:
        raise GenaeError(f"{path} is no Python module; check a plugin's project folder, a .py file, or an installed plugin")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses and pickle look there
    before = {*registry.registered()}
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise GenaeError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    domains = [c for c in vars(module).values() if inspect.isclass(c) and issubclass(c, Domain) and c.__module__ == path.stem]
    loaded: dict[Key, object] = {("domain", domain.__name__.lower()): domain for domain in domains}
    loaded |= {key: registry.get(*key) for key in registry.registered() if key not in before}
    if not loaded:
        raise GenaeError(f"{path} defines no domain, a class whose base is genae.Domain, nor calls genae.register")
    for domain in domains:
        contract.require("domain", domain, domain.__name__, "version of it")
    return Target(path.name, loaded, {}, installed=False)


def _every() -> list[tuple[str, EntryPoint]]:
    return [(kind, e) for kind, group in KINDS.items() for e in entry_points(group=group)]


def _known(name: str) -> bool:
    return any(name == e.name or (e.dist and _canonical(e.dist.name) == _canonical(name)) for _, e in _every())


def _installed(name: str) -> Target:
    every = _every()
    owners = {e.dist.name for _, e in every if e.dist}
    of_name = [(kind, e) for kind, e in every if e.name == name]
    wanted = _canonical(name)
    found = [(kind, e) for kind, e in every if e.dist and _canonical(e.dist.name) == wanted]
    if not (found or of_name):
        raise unknown("plugin, distribution or path", name, {*owners, *(e.name for _, e in every)})
    groups = {e.group for e in distribution(name).entry_points} if found else set()
    return _loaded(name, _unique(found or of_name), installed=True, broken=_misspelt(groups))


def _unique(entries: list[tuple[str, EntryPoint]]) -> list[tuple[str, EntryPoint]]:
    """An editable install beside a wheel lists the same entry twice."""
    return list({(kind, e.name): (kind, e) for kind, e in entries}.values())


def _canonical(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
