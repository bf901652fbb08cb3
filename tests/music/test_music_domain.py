"""The music domain: files to windows, windows to files, what a file's style is, transposition."""

import io
import wave
from pathlib import Path

import numpy as np
import pretty_midi
import pytest
import torch

from genae.data import pool
from genae.data.examples import File, sum_of
from genae.data.local import Local
from genae.data.reading import read_split
from genae.errors import GenaeError, Rejected
from genae.recipe.parts import instantiate
from genae_music import melody, midi
from genae_music.domain import Music
from genae_music.events import in_a_row, transposed

KINDS = {
    "melody": {"kind": "melody"}, "drums": {"kind": "drums"}, "trio": {"kind": "trio", "bars": 4},
    "full kit": {"kind": "drums", "kit": "full"}, "in three": {"kind": "melody", "steps_per_bar": 12},
}  # fmt: skip


def _random(domain, n=8, seed=0):
    """Events that are windows of their own: an onset in the first bar, and in every bar of a trio."""
    generator = torch.Generator().manual_seed(seed)
    steps = domain.event[-1] if domain.kind == "trio" else domain.event[0]

    def line(classes):
        x = torch.randint(0, classes, (n, steps), generator=generator)
        x[torch.rand(n, steps, generator=generator) < 0.7] = 0
        x[:, :: domain.steps_per_bar] = torch.randint(2, classes, x[:, :: domain.steps_per_bar].shape, generator=generator)
        return x.float()

    if domain.kind == "trio":
        return torch.stack([line(90), line(90), line(512)], 1)
    if domain.kit == "full":
        return (torch.rand(n, *domain.event, generator=generator) < 0.1).float()
    return line(90 if domain.kind == "melody" else 512)


@pytest.mark.parametrize("name", KINDS)
def test_events_come_back_from_midi_bytes(tmp_path, name):
    domain = Music(**KINDS[name], audio=False)
    for i, event in enumerate(_random(domain)):
        path = tmp_path / f"{i}.mid"
        domain.write(event, path)
        found = domain.read(File(path)).x
        assert tuple(found.shape[1:]) == domain.event
        assert any(torch.equal(domain.prepare(w, "show"), event) for w in found)


def test_the_style_of_a_file_is_kept(tmp_path):
    tune = pretty_midi.PrettyMIDI(initial_tempo=96)
    player = pretty_midi.Instrument(program=40)
    player.notes = [pretty_midi.Note(55, 60 + i % 5, i * 0.625, (i + 1) * 0.625) for i in range(16)]
    tune.instruments.append(player)
    tune.write(str(tmp_path / "a.mid"))
    style = Music().style(File(tmp_path / "a.mid"))
    assert style == {"tempo": pytest.approx(96, abs=0.01), "program": 40, "velocity": 55}
    again = Music(**style, audio=False)
    again.write(again.read(File(tmp_path / "a.mid")).x[0].float(), tmp_path / "b.mid")
    back = pretty_midi.PrettyMIDI(str(tmp_path / "b.mid"))
    assert back.get_tempo_changes()[1] == pytest.approx([96], abs=0.01)
    assert back.instruments[0].program == 40
    assert {note.velocity for note in back.instruments[0].notes} == {55}
    assert back.instruments[0].notes[1].start == pytest.approx(0.625, abs=0.002)


def test_every_clip_has_its_sound(tmp_path):
    for tail in (0.0, 1.5):
        domain = Music(tempo=90, tail=tail)
        event = _random(domain)[0]
        domain.write(event, tmp_path / "a.mid")
        (path,) = domain.extras(event, tmp_path / "a.mid")
        with wave.open(str(path)) as sound:
            frames, rate = sound.getnframes(), sound.getframerate()
            samples = np.frombuffer(sound.readframes(frames), np.int16)
        assert frames == round((2 * 4 * 60 / 90 + tail) * rate)
        assert 3000 < np.abs(samples).max() < 32767
    assert Music(audio=False).extras(event, tmp_path / "b.mid") == []


def test_joined_events_play_one_after_the_other(tmp_path):
    for name in ("melody", "trio", "full kit"):
        domain = Music(**KINDS[name], audio=False)
        events = _random(domain, 3)
        whole = domain.join(events)
        assert whole.ndim == events.ndim - 1
        domain.write(whole, tmp_path / "whole.mid")
        seconds = midi.read((tmp_path / "whole.mid").read_bytes()).length / 480 * 0.5
        assert seconds == 3 * domain.bars * 2
        assert domain.picture(whole).shape[1] > domain.picture(events[0]).shape[1]


def test_a_note_ends_at_the_border_of_its_window():
    """https://github.com/magenta/note-seq, melodies_lib.py: 0 is no event, 1 a note-off."""
    c, e, off = 41.0, 45.0, 1.0
    held, silent, ended, begun = torch.zeros(4, 8)
    held[4] = c
    ended[2], ended[5] = c, off
    begun[0] = e
    rest = torch.zeros(8)
    rest[0] = off
    assert torch.equal(in_a_row(torch.stack([held, silent, silent])), torch.cat([held, rest, silent]))
    assert torch.equal(in_a_row(torch.stack([ended, silent, begun])), torch.cat([ended, silent, begun]))
    assert torch.equal(in_a_row(torch.stack([held, begun, rest])), torch.cat([held, begun, rest]))
    band = torch.stack([torch.stack([held, ended, held]), torch.stack([silent, silent, silent])])
    joined = Music(kind="trio", bars=4).join(band)
    assert torch.equal(joined, torch.stack([torch.cat([held, rest]), torch.cat([ended, silent]), torch.cat([held, silent])]))


def test_joined_windows_have_the_notes_of_each():
    domain = Music()
    events = _random(domain, 64)
    whole = [row.tolist() for row in melody.notes(domain.join(events).numpy())]
    apart = [[], [], []]
    for i, event in enumerate(events.numpy()):
        for column, part, shift in zip(apart, melody.notes(event), (32 * i, 32 * i, 0), strict=True):
            column += (part + shift).tolist()
    assert whole == apart


def test_pictures_have_one_size():
    for options in KINDS.values():
        domain = Music(**options)
        assert len({domain.picture(e).shape for e in [*_random(domain), torch.zeros(domain.event)]}) == 1


def test_transposition_moves_all_notes_alike_and_stays_on_the_piano():
    torch.manual_seed(0)
    x = torch.tensor([[0, 50, 1, 52, 0, 2], [3, 0, 89, 1, 1, 0], [0, 0, 1, 0, 0, 0]]).float().repeat(200, 1)
    moved, _ = transposed(x, 5)
    notes = x >= melody.FIRST
    assert torch.equal(moved[~notes], x[~notes])
    shift = (moved - x)[notes].view(-1)
    first = (moved - x)[0::3][:, 1]
    assert torch.equal((moved - x)[0::3][:, 3], first)
    assert set(first.tolist()) == {0, 1, 2, 3, 4, 5}  # its lowest note is the piano's lowest
    assert set((moved - x)[1::3][:, 0].tolist()) == {-1, 0}  # its highest is the piano's highest
    assert shift.min() >= -5
    assert moved[notes].min() >= 2
    assert moved[notes].max() <= 89


def test_only_training_transposes():
    domain = Music(transpose=5)
    stored = domain.read(_tune()).x
    assert torch.equal(domain.prepare(stored, "score"), stored.float())
    assert not torch.equal(domain.prepare(stored, "train"), stored.float())


def test_a_trio_is_transposed_together_and_its_drums_not_at_all():
    domain = Music(kind="trio", bars=4, transpose=3)
    x = _random(domain, 64)
    x[:, :2][x[:, :2] >= 2] = x[:, :2][x[:, :2] >= 2].clamp(20, 60)
    moved = domain.prepare(x, "train") - x
    assert moved[:, 2].abs().max() == 0
    for one, notes in zip(moved[:, :2], x[:, :2] >= 2, strict=True):
        assert len(one[notes].unique()) == 1
    assert moved.abs().max() == 3


def _tune(program=0, name="tune.mid"):
    tune = pretty_midi.PrettyMIDI()
    player = pretty_midi.Instrument(program=program)
    player.notes = [pretty_midi.Note(80, 60 + i * 5 % 12, i * 0.5, i * 0.5 + 0.4) for i in range(64)]
    tune.instruments.append(player)
    buffer = io.BytesIO()
    tune.write(buffer)
    return File(Path(name), content=buffer.getvalue())


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"", "files "),
        (b"this is no music", "files that are not MIDI"),
        (b"MThd\x00\x00\x00\x06\x00\x02\x00\x01\x01\xe0", "files of a MIDI type"),
        (b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\xe7\x28", "files timed in SMPTE"),
        (b"MThd\x00\x00", "files cut short"),
    ],
)
def test_an_unusable_file_is_named_with_its_reason(content, reason):
    with pytest.raises(Rejected, match=r"^müsik\.mid: ") as caught:
        Music().read(File(Path("müsik.mid"), content=content))
    assert caught.value.reason.startswith(reason)


def test_drums_want_drums_and_melodies_a_melody(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "tune.mid").write_bytes(_tune().content)
    found = read_split(Local(tmp_path), "train", Music(kind="drums"))
    assert sum_of(found)[0] == "0 examples from 0 of 1 files"
    assert found.lost == {"notes of drums where a melody is wanted, or the reverse": 64, "files that give no example": 1}
    assert found.skipped[0].endswith("tune.mid: gives no example (64 notes of drums where a melody is wanted, or the reverse)")
    assert len(read_split(Local(tmp_path), "train", Music())) > 0


def test_magentas_two_bar_models_know_few_programs():
    assert len(Music(grid="magenta").read(_tune(program=31)).x)
    assert not len(Music(grid="magenta").read(_tune(program=32)).x)
    assert len(Music().read(_tune(program=32)).x)
    assert not len(Music(programs=[33, 40]).read(_tune(program=32)).x)
    assert len(Music(grid="magenta", programs=[32, 32]).read(_tune(program=32)).x)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"kind": "opera"}, "domain.kind must be one of melody, drums, trio, not 'opera'"),
        ({"kit": "full"}, "domain.kit=full is for domain.kind=drums, not melody"),
        ({"kind": "drums", "transpose": 2}, "0 for drums; not 2"),
        ({"kind": "trio", "tracks": "melody"}, "domain.tracks is for domain.kind=melody, not trio"),
        ({"transpose": -1}, "domain.transpose must be at least 0, not -1"),
        ({"bars": 0}, "domain.bars must be 1 to 1024, not 0"),
        ({"grid": "magenta", "steps_per_bar": 12}, "domain.steps_per_bar must be 16 with domain.grid=magenta, not 12"),
        ({"programs": [5]}, r"a first and a last one, 0 to 127, not \[5\]"),
        ({"tempo": 0.0}, "domain.tempo must be 4 to 60000 quarters per minute, not 0.0"),
        ({"program": 128}, "domain.program must be 0 to 127, not 128"),
        ({"velocity": 0}, "domain.velocity must be 1 to 127, not 0"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(GenaeError, match=message):
        instantiate("domain", {"name": "music", **options})


@pytest.mark.slow
def test_many_files_are_read_in_processes_to_the_same(tmp_path, monkeypatch):
    folder = tmp_path / "tunes"
    folder.mkdir()
    for i in range(20):
        (folder / f"{i:02}.mid").write_bytes(_tune(program=i).content)
    (folder / "bad.mid").write_bytes(b"no")
    expected = read_split(Local(folder), "train", Music())
    monkeypatch.setattr(pool, "MANY", 1)
    monkeypatch.setenv("GENAE_CACHE", str(tmp_path / "another cache"))
    monkeypatch.setattr(pool, "BrokenProcessPool", KeyError)  # no falling back
    found = read_split(Local(folder), "train", Music())
    assert torch.equal(found.x, expected.x)
    assert found.skipped == expected.skipped
    assert found.lost == expected.lost
