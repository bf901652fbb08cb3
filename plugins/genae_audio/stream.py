"""Sound files read from their beginning to their end: none is asked to go back, since not every one can."""

from __future__ import annotations

from soundfile import SoundFile


class Stream(SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A file that is read in a row. soundfile seeks after each reading, where FLAC of unknown length cannot."""

    def seekable(self) -> bool:
        """No, whether it could or not."""
        return False
