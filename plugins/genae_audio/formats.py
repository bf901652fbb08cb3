"""Which files are sound: what libsndfile finds the format of by the content, and needs nothing else for.

Left out are formats without a header (RAW, and what is read as such), those that keep it beside the file (SD2), tables that
hold more than sound (MAT4, MAT5), and samplers' patches (XI, MPC2K).
"""

from __future__ import annotations

from collections.abc import Mapping

FORMATS: Mapping[str, str] = {  # suffix to libsndfile's name for the format
    ".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".mp3": "MP3", ".aif": "AIFF", ".aiff": "AIFF", ".aifc": "AIFF",
    ".caf": "CAF", ".w64": "W64", ".rf64": "RF64", ".bwf": "WAVEX", ".wave": "WAV", ".oga": "OGG", ".opus": "OGG",
    ".mp2": "MP3", ".au": "AU", ".snd": "AU", ".voc": "VOC", ".8svx": "SVX", ".svx": "SVX", ".iff": "SVX", ".sph": "NIST",
    ".nist": "NIST", ".sf": "IRCAM", ".ircam": "IRCAM", ".paf": "PAF", ".pvf": "PVF", ".avr": "AVR", ".htk": "HTK",
    ".sds": "SDS", ".wve": "WVE",
}  # fmt: skip
SUFFIXES = tuple(FORMATS)
