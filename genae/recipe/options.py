"""Options: the keyword arguments of a part's factory, by their annotations.

    def flow(…, hidden: Annotated[int, Ge(1), doc("width of every layer")] = 128)

An annotation says the kind (int, float, str, bool, Literal, Sequence, X | None), the bounds and what the option means, in the
words of `annotated_types` (Ge, Gt, Le, Lt, MultipleOf, MinLen, MaxLen, Unit, doc); what a list's items must be stands inside:
Sequence[Annotated[int, Ge(1)]]. Values are checked here, once, before anything is built; constructors check only what relates
two options, or an option and an event. `Before("black")` on an option that a part has not always had is its value in recipes
that were written without it.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
import operator
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeVar

from annotated_types import DocInfo, Ge, GroupedMetadata, Gt, Le, Lt, MaxLen, MinLen, MultipleOf, Unit

from genae.errors import GenaeError, unknown

GIVEN = {  # what the engine passes, which is no option
    "network": ("event", "space", "posterior", "likelihood", "condition", "form"),
    "prior": ("space", "condition"),
    "sampler": ("space", "condition"),
    "optimiser": ("parameters",),
    "schedule": ("step", "steps"),
}

Spec = dict[str, object]  # {"name": …, option: value}
Factory = Callable[..., object]
T = TypeVar("T")
NOUNS: Mapping[object, str] = {int: "whole number", float: "number", str: "text", bool: "true or false", type(None): "null"}

LONGEST = 10_000  # items of a list
FREE = (object, Any)  # of these whatever JSON can hold
LIST = "a list of "
BOUNDS: Mapping[type, tuple[Callable[..., bool], str]] = {  # mark to whether (value, limit) keep it, and its words
    Ge: (operator.ge, "at least {}"),
    Gt: (operator.gt, "above {}"),
    Le: (operator.le, "at most {}"),
    Lt: (operator.lt, "below {}"),
    MultipleOf: (lambda value, unit: value % unit == 0, "a multiple of {}"),
    MinLen: (lambda value, least: len(value) >= least, LIST + "{} or more"),
    MaxLen: (lambda value, most: len(value) <= most, LIST + "{} or less"),
}


@dataclass(frozen=True)
class Before:
    """The mark of an option that came later, in its annotation: what there was before it."""

    value: object


@dataclass(frozen=True)
class Option:
    """One option of a part. `default` is `inspect.Parameter.empty` where the part cannot do without."""

    name: str
    hint: object
    default: object

    @property
    def required(self) -> bool:
        return self.default is inspect.Parameter.empty

    @property
    def kind(self) -> str:
        """`number`, `list of whole numbers`, `maf, nsf or coupling`."""
        return described(self.hint)

    @property
    def bounds(self) -> str:
        """`at least 0 and below 1`, or ""; of a list, those of its items."""
        kind, marks = apart(self.hint)
        inner = bounds(apart(item)[1]) if (item := _item(kind)) is not None else ""
        return ", ".join(filter(None, [bounds(marks).removeprefix(LIST), inner and f"each {inner}"]))

    @property
    def meaning(self) -> str:
        """What its annotation says of it, or ""."""
        return next((mark.documentation for mark in apart(self.hint)[1] if isinstance(mark, DocInfo)), "")

    @property
    def before(self) -> object:
        """What it was before there was such an option: its default, unless it is marked."""
        return next((mark.value for mark in apart(self.hint)[1] if isinstance(mark, Before)), self.default)


def offered(section: str, factory: Factory) -> list[Option]:
    """The options of a part's factory, in its order."""
    hints = _hints(factory)
    return [
        Option(name, hints.get(name, object), _default(factory, parameter))
        for name, parameter in inspect.signature(factory).parameters.items()
        if name not in GIVEN.get(section, ()) and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    ]


def taken(factory: Factory, more: Mapping[str, object]) -> Spec:
    """Of what may be given to a factory what it has an argument for."""
    names = inspect.signature(factory).parameters
    return {name: value for name, value in more.items() if name in names}


def filled(section: str, factory: Factory, spec: Mapping[str, object], written: bool = False) -> Spec:
    """Every option of a part, given or default. GenaeError for an unknown one, or a value of the wrong kind or size.

    Of a recipe that was `written` with every option of its time, others are what was before them.
    """
    known = {option.name: option for option in offered(section, factory)}
    for key in spec:
        if key != "name" and key not in known:
            raise unknown("option", f"{section}.{key}", [f"{section}.{n}" for n in known], f" of {section} '{spec['name']}'")
    complete: Spec = {}
    for name, option in known.items():
        if name in spec:
            complete[name] = check(f"{section}.{name}", spec[name], option.hint)
        elif option.required:
            raise GenaeError(f"recipe section '{section}' lacks '{name}', which {spec['name']} needs")
        else:
            complete[name] = plain(option.before if written else option.default)
    return complete


def named(section: str, spec: Mapping[str, object]) -> str:
    """The part that a section names. GenaeError if it names none."""
    name = spec.get("name")
    if not isinstance(name, str):
        raise GenaeError(f"recipe section '{section}' lacks its 'name'")
    return name


def called(section: str, factory: Callable[..., T], spec: Mapping[str, object]) -> T:
    """What a factory makes of its options, checked and completed."""
    return factory(**filled(section, factory, spec))


def _hints(factory: Factory) -> dict[str, object]:
    """Annotations by name; none where a third party's cannot be resolved, which then are not checked."""
    if not inspect.isclass(factory):
        return _resolved(factory) if inspect.isroutine(factory) else {}
    # a dataclass's own __init__ would look up what it inherits in the wrong module
    return _resolved(factory if dataclasses.is_dataclass(factory) else factory.__init__)


@lru_cache(maxsize=256)  # a recipe is completed several times a command, and text is slow to resolve
def _resolved(annotated: object) -> dict[str, object]:
    try:
        return typing.get_type_hints(annotated, include_extras=True)
    except NameError:
        return {}


def _default(factory: Factory, parameter: inspect.Parameter) -> object:
    """A default as it is called for; a dataclass's signature shows a stand-in for one that is made anew each time."""
    fields = {f.name: f for f in dataclasses.fields(factory)} if dataclasses.is_dataclass(factory) else {}
    field = fields.get(parameter.name)
    if field is None or field.default_factory is dataclasses.MISSING:
        return parameter.default
    return field.default_factory()


# -- one value --------------------------------------------------------------------------------------------------------


def check(key: str, value: object, hint: object) -> object:
    """The value as its annotation wants it, or a GenaeError that says what is possible."""
    kind, marks = apart(hint)
    value = _of_kind(key, value, kind)
    if not all(BOUNDS[type(mark)][0](value, _limit(mark)) for mark in marks if type(mark) in BOUNDS):
        raise GenaeError(f"{key} must be {bounds(marks)}, not {value!r}")
    return value


def apart(hint: object) -> tuple[object, tuple[object, ...]]:
    """An annotation to what it annotates and its marks, groups such as Interval taken apart."""
    if typing.get_origin(hint) is not Annotated:
        return hint, ()
    kind, *marks = typing.get_args(hint)
    return kind, tuple(one for mark in marks for one in (mark if isinstance(mark, GroupedMetadata) else [mark]))


def _of_kind(key: str, value: object, kind: object) -> object:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if kind in FREE:
        return plain(value)
    if origin in (typing.Union, types.UnionType):
        return _any_of(key, value, kind)
    if origin is Literal:
        return _chosen(key, value, args)
    if (item := _item(kind)) is not None:
        if isinstance(value, list | tuple):
            if len(value) > LONGEST:
                raise GenaeError(f"{key} must be {LIST}at most {LONGEST}, not {len(value)}")
            return [check(key, one, item) for one in value]
        raise GenaeError(f"{key} must be {_article(kind)}, not {value!r}")  # text is a sequence too, but never meant as one
    if isinstance(origin, type) and issubclass(origin, Mapping) and isinstance(value, Mapping) and args:
        return {name: check(f"{key}.{name}", one, args[1]) for name, one in value.items()}
    return _plain_kind(key, value, kind)


def _plain_kind(key: str, value: object, kind: object) -> object:
    """A number, text, true or false, or null; a whole number will do for a number."""
    if isinstance(value, float) and not math.isfinite(value):  # JSON as Python reads it has NaN and Infinity
        raise GenaeError(f"{key} must be finite, not {value}")
    if kind is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 1000:
        return float(value)
    wanted = typing.get_origin(kind) or kind
    if isinstance(wanted, type) and isinstance(value, wanted) and not (isinstance(value, bool) and wanted is not bool):
        return plain(value)
    raise GenaeError(f"{key} must be {_article(kind)}, not {value!r}")


def _any_of(key: str, value: object, kind: object) -> object:
    several = isinstance(value, list | tuple | Mapping)
    near = [choice for choice in typing.get_args(kind) if _holds_several(choice) == several]  # those it can be meant as
    if len(near) == 1:
        return check(key, value, near[0])
    for choice in near:
        try:
            return check(key, value, choice)
        except GenaeError:
            continue
    raise GenaeError(f"{key} must be {_article(kind)}, not {value!r}")


def _holds_several(hint: object) -> bool:
    """Whether it is of lists or objects."""
    kind, _ = apart(hint)
    origin = typing.get_origin(kind) or kind
    return isinstance(origin, type) and issubclass(origin, Sequence | Mapping) and origin is not str


def _chosen(key: str, value: object, choices: Iterable[object]) -> object:
    choices = list(choices)
    for choice in choices:
        if type(choice) is type(value) and choice == value:
            return choice
    if isinstance(value, int | float) and str(value) in choices:  # --set precision=32: JSON took the text for a number
        return str(value)
    raise GenaeError(f"{key} must be one of {', '.join(map(str, choices))}, not {value!r}")


# -- in words ---------------------------------------------------------------------------------------------------------


def bounds(marks: Iterable[object]) -> str:
    """`at least 0 and below 1`, `1000 to 768000 Hz`, `a list of 1 or more`; "" for none."""
    marks = list(marks)
    limits = {type(mark): _limit(mark) for mark in marks if type(mark) in BOUNDS}
    words = [f"{limits.pop(Ge)} to {limits.pop(Le)}"] if {Ge, Le} <= {*limits} else []
    words += [BOUNDS[kind][1].format(limit) for kind, limit in limits.items()]
    unit = next((f" {mark.unit}" for mark in marks if isinstance(mark, Unit)), "")
    return " and ".join(words) + unit if words else ""


def described(hint: object) -> str:
    """A kind in words: `number`, `list of whole numbers`, `maf, nsf or coupling`, `whole number (at least 1) or null`."""
    kind, _ = apart(hint)
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(described(choice) + _in_brackets(choice) for choice in args)
    if origin is Literal:
        *first, last = map(str, args)
        return f"{', '.join(first)} or {last}" if first else last
    if (item := _item(kind)) is not None:
        return "list" if item in FREE else f"list of {_plural(described(item))}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "object"
    return NOUNS.get(kind, "anything" if kind in FREE else str(kind))


def _in_brackets(hint: object) -> str:
    text = bounds(apart(hint)[1])
    return f" ({text})" if text else ""


def _plural(noun: str) -> str:
    first, of, rest = noun.partition(" of ")
    return f"{first}s{of}{rest}" if noun in NOUNS.values() or first in ("list", "object") else noun


def _article(hint: object) -> str:
    """`a list of whole numbers`, but `text`."""
    kind, _ = apart(hint)
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return " or ".join(_article(choice) + _in_brackets(choice) for choice in typing.get_args(kind))
    noun = described(kind)
    article = "an " if noun == "object" else "a " if kind in (int, float) or noun.startswith("list") else ""
    return article + noun


def _item(kind: object) -> object:
    """The annotation of a list's items, None for what is no list."""
    origin = typing.get_origin(kind)
    if not (isinstance(origin, type) and issubclass(origin, Sequence)):
        return None
    return next(iter(typing.get_args(kind)), object)


def _limit(mark: object) -> object:
    """The one number of a bound, None of any other mark."""
    match mark:
        case Ge(limit) | Gt(limit) | Le(limit) | Lt(limit) | MultipleOf(limit) | MinLen(limit) | MaxLen(limit):
            return limit
    return None


def plain(value: object) -> object:
    """As JSON would give it back, so that a recipe read from disk equals the one written."""
    return json.loads(json.dumps(value))
