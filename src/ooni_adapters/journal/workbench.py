"""Files of batches that are being published, kept until they are safe in the object store."""

import contextlib
import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

import attrs


@attrs.frozen
class Workbench:
    """Durable files by batch number and name, in ``<folder>/<batch>/<name>``."""

    folder: Path

    def keep(self, batch: int, files: Mapping[str, bytes]) -> None:
        """Store *files* in place of whatever the batch had; on return they survive a power cut."""
        self.clear(batch)
        place = self.folder / str(batch)
        place.mkdir(parents=True)
        for name, content in files.items():
            with (place / f"{name}.part").open("wb") as partial:
                partial.write(content)
                partial.flush()
                os.fsync(partial.fileno())
            (place / f"{name}.part").replace(place / name)
        for folder in (place, self.folder):
            _sync(folder)

    def fetch(self, batch: int, name: str) -> bytes | None:
        """Return a file, or None when it is not here."""
        try:
            return self.place(batch, name).read_bytes()
        except FileNotFoundError:
            return None

    def place(self, batch: int, name: str) -> Path:
        """Return where a file is."""
        return self.folder / str(batch) / name

    def clear(self, batch: int) -> None:
        """Remove the files of *batch*."""
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.folder / str(batch))

    def clear_all_but(self, batches: Collection[int]) -> None:
        """Remove what a run that was cut left behind."""
        if self.folder.is_dir():
            for entry in self.folder.iterdir():
                if entry.name not in {str(batch) for batch in batches}:
                    shutil.rmtree(entry)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
