"""Runs over measurement files: read, score, encode, write, count."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

import attrs
import zstandard

from ooni_adapters.measurementfiles import FoundFile, find_files
from ooni_core.errors import Invalid
from ooni_core.scoring import FingerprintSet
from ooni_entrypoints.scoring_runs.judging import Judge
from ooni_entrypoints.scoring_runs.output import Format, JsonLines, Sink
from ooni_entrypoints.scoring_runs.portions import Portion
from ooni_entrypoints.scoring_runs.progress import Progress
from ooni_entrypoints.scoring_runs.tally import Tally

Task = TypeVar("Task")
Result = TypeVar("Result")

DNS_FILE = "fingerprints_dns.csv"
HTTP_FILE = "fingerprints_http.csv"
_TAIL_BYTES = 64 * 2**10
_PIECE_ITEMS = 1000


class Executor(Protocol):
    """Spreads work."""

    def map(self, work: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
        """Yield the results of *work* in the order of *tasks*, whatever the order in which they are ready.

        Tasks are taken only a little ahead of the results. An error of *work* is raised in the place of its result. A
        task that was lost with the process that had it is done again.

        Raises:
            Unavailable: a task was lost again and again.
        """

    def close(self) -> None:
        """Release what is held."""


@attrs.frozen
class Encoded:
    """The finished output for one portion.

    Attributes:
        pieces: zstd frames, each with the encoded verdicts of some measurements: results wait for their turn in
            memory, and rows repeat themselves.
        size: stored bytes of input.
    """

    pieces: tuple[bytes, ...]
    tally: Tally
    size: int


@attrs.define(slots=False)
class ScoreAndEncode:
    """The work of ``ooni score``, as it is sent to workers."""

    judge: Judge
    format: Format

    def __call__(self, portion: Portion) -> Encoded:
        """Score *portion* and encode the verdicts."""
        tally = Tally()
        compressor = zstandard.ZstdCompressor(level=1)
        items = self.judge.judged(portion)
        pieces = []
        while some := list(islice(items, _PIECE_ITEMS)):
            for item in some:
                tally.count(item)
            pieces.append(compressor.compress(self.format.encode(some)))
        return Encoded(tuple(pieces), tally, portion.size)


def write_verdicts(
    executor: Executor, work: ScoreAndEncode, tasks: Iterable[Portion], sink: Sink, progress: Progress
) -> Iterator[Tally]:
    """Run *work* over *tasks* and write the results in order, yielding what was counted after each portion."""
    for result in executor.map(work, tasks):
        for piece in result.pieces:
            sink.write(zstandard.decompress(piece))
        progress.advance(result.size, result.tally.total)
        yield result.tally


def read_fingerprints(folder: Path) -> FingerprintSet:
    """Read the fingerprint files of *folder*.

    Raises:
        Invalid: a file is missing, is not UTF-8, or holds an impossible fingerprint; the message says where.
    """
    texts = []
    for name in (DNS_FILE, HTTP_FILE):
        try:
            # Patterns contain line breaks, which must stay as they are.
            texts.append((folder / name).read_bytes().decode("utf-8-sig"))
        except OSError as exc:
            raise Invalid(f"{folder / name} cannot be read: {exc.strerror}") from exc
        except UnicodeDecodeError as exc:
            raise Invalid(f"{folder / name} is not UTF-8: {exc}") from exc
    return FingerprintSet.from_csv(*texts)


def input_files(paths: Iterable[str], output: Path | None, passed_over: Callable[[str], None]) -> list[FoundFile]:
    """List the files of a run; the output of an earlier run in the same folder is not among them."""
    own = output.resolve() if output else None
    return [file for file in find_files(paths, passed_over) if own is None or Path(file.path).resolve() != own]


def cut_to_whole_lines(output: Path, format: Format) -> str | None:
    """Prepare an interrupted output for more: drop a half last line and return the source of the last whole one.

    Returns:
        None when nothing was written yet.

    Raises:
        Invalid: the file is not output of this program in a format that can be continued.
    """
    if not isinstance(format, JsonLines):
        raise Invalid("only JSON lines can be continued; start again without --resume")
    if not output.exists():
        return None
    with output.open("r+b") as file:
        end = _end_of_last_line(file.seek(0, 2), file)
        file.truncate(end)
        if end == 0:
            return None
        start = _end_of_last_line(end - 1, file)
        file.seek(start)
        return format.last_source(file.read(end - start))


def _end_of_last_line(before: int, file: BinaryIO) -> int:
    """Return the position behind the last newline before position *before*, or 0."""
    position = before
    while position:
        start = max(0, position - _TAIL_BYTES)
        file.seek(start)
        at = file.read(position - start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        position = start
    return 0
