"""Cuts the input of a run into portions that workers read and score by themselves."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Protocol

import attrs

from ooni_adapters.measurementfiles import (
    Entry,
    FoundFile,
    MeasurementFile,
    Record,
    decompressed,
    index_name,
    is_compressed,
    line_entries,
    read_file,
)
from ooni_core.errors import Invalid

# A portion's results are held in memory until their turn, so portions are kept small enough.
_LARGEST_SHARE = 16 * 2**20
_SMALLEST_SHARE = 2**20
_FILES_PER_SHARE = 500
_SHARES_PER_JOB = 4
_BATCH_ENTRIES = 256
_BATCH_BYTES = 4 * 2**20
_SCAN_BYTES = 2**18  # stays in the cache of the processor
_PLAIN_LINES = re.compile(r"\.jsonl$")


class Portion(Protocol):
    """A piece of the input of a run; it travels to the worker that reads and scores it."""

    @property
    def size(self) -> int:
        """Stored bytes of input, for telling how far the run is."""

    def entries(self) -> Iterator[Entry]:
        """Yield what it holds."""


@attrs.frozen
class WholeFiles:
    """Files that the worker reads one after the other. ``size`` is theirs as stored, in bytes."""

    paths: tuple[str, ...]
    size: int

    def entries(self) -> Iterator[Entry]:
        """Yield what the files hold."""
        return chain.from_iterable(map(read_file, self.paths))


@attrs.frozen
class LineRange:
    """Whole lines of an uncompressed file, from byte *start*, whose first line is number *first*."""

    path: str
    start: int
    size: int
    first: int

    def entries(self) -> Iterator[Entry]:
        """Yield the measurements of these lines."""
        with Path(self.path).open("rb") as raw:
            raw.seek(self.start)
            yield from line_entries(decompressed(_Limited(raw, self.size)), self.path, first=self.first)  # type: ignore[arg-type]


@attrs.frozen
class Batch:
    """Entries that were read already, because their file can only be read from its beginning."""

    read: tuple[Entry, ...]
    size: int

    def entries(self) -> Iterator[Entry]:
        """Yield them."""
        return iter(self.read)


def portions(files: Sequence[FoundFile], jobs: int, after: str | None = None) -> Iterator[Portion]:
    """Cut *files* into portions for *jobs* workers, in order.

    Args:
        files: what to read.
        jobs: 1 reads everything here, in small batches; more lets the workers read where that is possible.
        after: ``source`` of the last entry that needs no scoring any more: go on behind it.

    Raises:
        Invalid: *after* is in none of the files.
    """
    if after is not None:
        path = _path_of(after, files)
        at = next(place for place, file in enumerate(files) if file.path == path)
        yield from _batches(files[at], _behind(after))
        files = files[at + 1 :]
    if jobs == 1:
        for file in files:
            yield from _batches(file)
        return
    yield from _shared_out(files, jobs)


def _path_of(source: str, files: Sequence[FoundFile]) -> str:
    """Return the file that *source* stands in; names may contain ``#`` themselves."""
    candidates = [file.path for file in files if source == file.path or source.startswith(file.path + "#")]
    if not candidates:
        raise Invalid(f"the output ends with {source!r}, which is not in the input: it was made from other files")
    return max(candidates, key=len)


def _shared_out(files: Sequence[FoundFile], jobs: int) -> Iterator[Portion]:
    total = sum(file.size for file in files)
    share = min(max(total // (jobs * _SHARES_PER_JOB), _SMALLEST_SHARE), _LARGEST_SHARE)
    group: list[FoundFile] = []
    for file in files:
        cut = _cut(file, share, alone=len(files) < jobs)
        if group and (cut or sum(f.size for f in group) + file.size > share or len(group) == _FILES_PER_SHARE):
            yield _together(group)
            group = []
        if cut:
            yield from cut
        else:
            group.append(file)
    if group:
        yield _together(group)


def _together(group: Iterable[FoundFile]) -> WholeFiles:
    files = tuple(group)
    return WholeFiles(tuple(file.path for file in files), sum(file.size for file in files))


def _cut(file: FoundFile, share: int, *, alone: bool) -> Iterator[Portion] | None:
    """Return the pieces of a file that is too large for one portion; None for other files."""
    if file.path == "-":
        return _batches(file)
    if file.size > share and _can_be_ranged(file.path):
        return _line_ranges(file, share)
    return _batches(file) if file.size > _LARGEST_SHARE or (alone and file.size > share) else None


def _can_be_ranged(path: str) -> bool:
    if not _PLAIN_LINES.search(path) or Path(index_name(path) or path).is_file():
        return False
    with Path(path).open("rb") as raw:
        return not is_compressed(raw.read(4))


def _line_ranges(file: FoundFile, share: int) -> Iterator[LineRange]:
    start, first, lines, position = 0, 1, 0, 0
    block = bytearray(_SCAN_BYTES)
    with Path(file.path).open("rb", buffering=0) as raw:
        while size := raw.readinto(block):
            last = block.rfind(b"\n", 0, size) + 1
            if position + last - start >= share and last:
                lines += _newlines(block, 0, last)
                yield LineRange(file.path, start, position + last - start, first)
                start, first, lines = position + last, first + lines, _newlines(block, last, size)
            else:
                lines += _newlines(block, 0, size)
            position += size
    if position > start:
        yield LineRange(file.path, start, position - start, first)


def _newlines(block: bytearray, start: int, end: int) -> int:
    """Count line ends. Measurements are long lines: to search for each is many times faster than ``count``."""
    count, at = 0, block.find(b"\n", start, end)
    while at >= 0:
        count += 1
        at = block.find(b"\n", at + 1, end)
    return count


def _batches(file: FoundFile, wanted: Callable[[Entry], bool] = lambda _: True) -> Iterator[Batch]:
    reading = MeasurementFile(file.path)
    batch: list[Entry] = []
    weight = before = 0
    for entry in reading.entries():
        if not wanted(entry):
            continue
        batch.append(entry)
        weight += len(entry.body) if isinstance(entry, Record) else 0
        if len(batch) == _BATCH_ENTRIES or weight >= _BATCH_BYTES:
            yield Batch(tuple(batch), reading.position - before)
            batch, weight, before = [], 0, reading.position
    yield Batch(tuple(batch), reading.position - before)


def _behind(after: str) -> Callable[[Entry], bool]:
    seen = False

    def wanted(entry: Entry) -> bool:
        nonlocal seen
        was_seen, seen = seen, seen or entry.source == after
        return was_seen

    return wanted


@attrs.define
class _Limited:
    """Reads no further than *left* bytes."""

    raw: BinaryIO
    left: int

    def read(self, count: int) -> bytes:
        piece = self.raw.read(min(count, self.left))
        self.left -= len(piece)
        return piece
