"""The command line's front door."""

from __future__ import annotations

import gc
import sys

import click

from genae import __version__
from genae_cli import (
    attributes,
    common,
    data,
    decode,
    encode,
    evaluate,
    explore,
    export,
    fit,
    going,
    interpolate,
    models,
    plot,
    plugins,
    presets,
    reconstruct,
    sample,
    streams,
    train,
)

RARELY = 50_000  # objects between two looks for garbage: torch's import makes so many that looking takes a tenth of the start


@click.group(cls=common.Verbs, context_settings=common.HELP)
@click.version_option(__version__, prog_name="genae")
def cli() -> None:
    """Train VAEs on files of many kinds, then sample, interpolate and measure them.

    \b
    A first run, in a minute and without downloads:
      genae train mnist --data glyphs --steps 300 --out runs/first
      genae sample runs/first -n 64 --out samples
    """


for module in (
    train, sample, interpolate, reconstruct, encode, decode, fit, evaluate, explore, export, plot, data, models, presets,
    plugins, attributes,
):  # fmt: skip
    cli.add_command(module.command)
for command in (going.continued, going.infill, attributes.edit):
    cli.add_command(command)


def main() -> None:
    """Entry point. Status 0, 2 for a user's mistake, 130 for Ctrl-C."""
    gc.set_threshold(RARELY)
    streams.ready()
    try:
        status = _ended()
    except OSError as error:  # not even the line could be printed
        streams.deafen("stdout", "stderr")
        status = streams.GONE if isinstance(error, BrokenPipeError) else 2
    if status:
        streams.deafen("stdout")  # whatever could not be printed is not tried again
    sys.exit(status)


def _ended() -> int:
    try:
        status = cli(standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Abort:
        click.echo("genae: stopped", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    return status if isinstance(status, int) else 0
