"""Verbs whose options are not all known before their arguments are: any other long option is a setting, checked later.

--KEY VALUE, --KEY=VALUE   →   --with KEY=VALUE
--no-KEY                   →   --with KEY=false
--KEY, and no value        →   --with KEY=true
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import click


class Open(click.Command):
    """A command that passes the long options it does not have to `into`, with `prefix` before their names."""

    into, prefix = "--with", ""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; a required option that is missing was perhaps misspelt."""
        words = self.settled(ctx, args)
        try:
            return super().parse_args(ctx, words)
        except click.MissingParameter as error:
            given = [word.partition("=")[0] for word in args if word.startswith("--")]
            wanted = error.param.opts[-1] if error.param else ""
            for word in difflib.get_close_matches(wanted, given, n=1):
                raise click.NoSuchOption(word, possibilities=[wanted], ctx=ctx) from error
            raise

    def settled(self, ctx: click.Context, args: Sequence[str]) -> list[str]:
        """The words with those for options that this command lacks made settings."""
        takes = valued(self, ctx)
        words, rest = list[str](), list(args)
        while rest:
            word = rest.pop(0)
            if word == "--":
                return [*words, word, *rest]
            if word.startswith("--") and word.partition("=")[0] not in takes:
                words += [self.into, self.prefix + _setting(word[2:], rest)]
            else:
                words += [word, *rest[: takes.get(word, 0)]]
                del rest[: takes.get(word, 0)]
        return words


def valued(command: click.Command, ctx: click.Context) -> dict[str, int]:
    """A command's options, each with how many words come after it."""
    options = [p for p in command.get_params(ctx) if isinstance(p, click.Option)]
    return {
        name: 0 if option.is_flag or option.count else option.nargs
        for option in options
        for name in (*option.opts, *option.secondary_opts)
    }


def _setting(word: str, rest: list[str]) -> str:
    """`KEY=VALUE` of an option without its hyphens; its value is taken from the `rest` of the words where one is there."""
    key, equals, value = word.partition("=")
    key = key.replace("-", "_")
    if equals:
        return f"{key}={value}"
    if key.startswith("no_"):
        return f"{key.removeprefix('no_')}=false"
    return f"{key}={rest.pop(0) if rest and _is_value(rest[0]) else 'true'}"


def _is_value(word: str) -> bool:
    """Whether a word is no option: a negative number is none."""
    return not word.startswith("-") or word[1:2].isdigit()
