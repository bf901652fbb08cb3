"""genae sample --shard: the same examples in numbered folders, gone on with where it was broken off."""

import json
import shutil


def _pictures(folder):
    return [path.read_bytes() for path in sorted(folder.glob("**/sample-*.png"))]


def test_shards_hold_what_one_call_makes(answer, refused, trained, tmp_path):
    answer("sample", trained, "-n", 10, "--out", tmp_path / "whole")
    words = ("sample", trained, "-n", 10, "--shard", 4, "--out", tmp_path / "many")
    made = answer(*words)
    assert made["shards"] == [str(tmp_path / "many" / name) for name in ("00000", "00001", "00002")]
    assert made["kept"] == 0
    assert [len(list((tmp_path / "many" / name).glob("sample-*.png"))) for name in ("00000", "00001", "00002")] == [4, 4, 2]
    assert _pictures(tmp_path / "many") == _pictures(tmp_path / "whole")

    shutil.rmtree(tmp_path / "many" / "00001")  # as where it was broken off
    before = (tmp_path / "many" / "00002" / "grid.png").stat().st_mtime_ns
    assert answer(*words)["kept"] == 2
    assert (tmp_path / "many" / "00002" / "grid.png").stat().st_mtime_ns == before
    assert _pictures(tmp_path / "many") == _pictures(tmp_path / "whole")
    assert json.loads((tmp_path / "many" / "shards.json").read_text())["size"] == 4

    line = refused(*words, "--seed", 1)
    assert line == f"genae: {tmp_path / 'many'} holds shards of another call (seed: 0, now 1); choose a new folder"


def test_a_folder_of_other_things_is_not_touched(refused, trained, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    assert "is not empty (it holds mine.txt)" in refused("sample", trained, "-n", 4, "--shard", 2, "--out", tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == ["mine.txt"]
