"""The command line's front door."""

from __future__ import annotations

import gc
import sys

import click

from genae import __version__
from genae_cli import (
    common,
    data,
    decode,
    encode,
    evaluate,
    fit,
    interpolate,
    plot,
    plugins,
    presets,
    reconstruct,
    sample,
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


for module in (train, sample, interpolate, reconstruct, encode, decode, fit, evaluate, plot, data, presets, plugins):
    cli.add_command(module.command)


def main() -> None:
    """Entry point. Status 0, 2 for a user's mistake, 130 for Ctrl-C."""
    gc.set_threshold(RARELY)
    try:
        status = cli(standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("genae: stopped", err=True)
        status = 130
    except click.ClickException as error:
        error.show()
        status = 2
    sys.exit(status if isinstance(status, int) else 0)
