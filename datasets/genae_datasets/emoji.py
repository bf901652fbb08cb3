"""Noto emoji, 64 by 64 with transparency, each of a category: as iamcal's emoji-data packs them, without their tones of skin.

    img/google/64/1f600.png    beside emoji.json, which has the name (grinning) and the category (Smileys & Emotion) of each
    smileys-emotion/grinning.png    the same in folders

A set without splits of its own is split by emoji: SHA-256 of its name modulo 10, 0 test, 1 valid, the rest train.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from genae.data.examples import File, Split
from genae.data.local import hash_split
from genae.errors import GenaeError
from genae_datasets.archived import Archived, Inside
from genae_datasets.download import Download

CATEGORIES = (
    "activities", "animals-nature", "component", "flags", "food-drink", "objects", "people-body", "smileys-emotion", "symbols",
    "travel-places",
)  # fmt: skip
TABLE = "emoji.json"
WANTED = re.compile(rf"(^|/)(emoji\.json|img/google/64/[^/]+\.png|({'|'.join(CATEGORIES)})/[^/]+\.png)$")
Named = Mapping[str, tuple[str, str]]  # a picture's file to its emoji's name and category


def by_name(inside: Inside, name: str) -> Split:
    """The pictures whose emoji's names are hashed to a split, labelled by their category."""
    table = next((file for path, file in inside if path.name == TABLE), None)
    named = {} if table is None else _read(table)
    chosen = []
    for path, file in inside:
        of, category = named.get(path.name, ("", "")) if table else (path.stem, path.parent.name)
        if category and hash_split(PurePosixPath(f"{of}.png"), len(inside)) == name:
            chosen.append(replace(file, label=category))
    return Split(files=chosen, classes=CATEGORIES)


def _read(table: File) -> Named:
    """GenaeError for another table than emoji-data's."""
    try:
        return {row["image"]: (row["short_name"], _folder(row["category"])) for row in json.loads(table.read())}
    except (ValueError, TypeError, KeyError) as error:
        raise GenaeError(f"{table.name}: not the table of names and categories that it should be ({error})") from error


def _folder(category: str) -> str:
    """`Smileys & Emotion` to `smileys-emotion`."""
    return re.sub(r"[^a-z]+", "-", category.lower())


emoji = Archived(
    name="emoji",
    about="1903 Noto emoji, 64 by 64 with transparency, ten categories",
    home="https://github.com/iamcal/emoji-data",
    licence="Apache 2.0 (Noto Emoji, Google)",
    downloads=(
        Download(
            "emoji-datasource-google-15.1.2.tgz",
            ("https://registry.npmjs.org/emoji-datasource-google/-/emoji-datasource-google-15.1.2.tgz",),
            # the package's published integrity, in hexadecimal
            "sha512:47304c42d7254e74838237ff41b70d024819980eda9774d29d0c4a26f64dc1d0"
            "e338e9587730529a4bc660ff59cc7a414b81c143c20e403b2e795d58080eb82c",
            73_358_040,
            repack=WANTED,
        ),
    ),
    archives=("emoji-datasource-google*.zip", "emoji-64.zip"),
    wanted=WANTED,
    choose=by_name,
    domain="image",
)
