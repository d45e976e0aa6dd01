"""Finds measurement files."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import attrs

from ooni_adapters.measurementfiles.reader import kind_of_file
from ooni_core.publication.model import SIDECAR

_INDEX = re.compile(rf"(?:^index\.json\.gz|{re.escape(SIDECAR)})$")
_BATCH = re.compile(r"(?P<stem>\d{10}_[A-Z]{2}_[a-z0-9]+\.n[^/.]*\.\d+)\.(?P<form>tar\.gz|jsonl\.gz|jsonl\.zst)$")
# The three forms of one published batch hold the same measurements; the archive has the bytes as they were posted.
_FORMS = ("tar.gz", "jsonl.gz", "jsonl.zst")


@attrs.frozen
class FoundFile:
    """A file to read: its path, as reached from what was asked for, and its size in bytes."""

    path: str
    size: int


def find_files(paths: Iterable[str], passed_over: Callable[[str], None] = lambda _: None) -> Iterator[FoundFile]:
    """Yield the measurement files at and below *paths*, in the order of *paths* and, in a folder, of the names.

    A path that is not a folder is always read, whatever its name (``-`` is standard input). In folders, files with
    other names, partial files and indexes are passed over, and so are further forms of a batch that is there as an
    archive already, since they hold the same measurements.

    Args:
        paths: files and folders.
        passed_over: is told of each file that is not read and is no index.
    """
    for path in paths:
        if Path(path).is_dir():
            yield from _below(path, passed_over)
        else:
            yield FoundFile(path, _size(path))


def _below(folder: str, passed_over: Callable[[str], None]) -> Iterator[FoundFile]:
    with os.scandir(folder) as listing:
        entries = sorted(listing, key=lambda entry: entry.name)
    names = {entry.name for entry in entries}
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _below(entry.path, passed_over)
        elif _INDEX.search(entry.name):
            continue
        elif kind_of_file(entry.name) is None or entry.name.startswith(".") or _has_better_form(entry.name, names):
            passed_over(entry.path)
        elif entry.is_file():
            yield FoundFile(entry.path, entry.stat().st_size)


def _has_better_form(name: str, names: set[str]) -> bool:
    match = _BATCH.search(name)
    if match is None:
        return False
    better = _FORMS[: _FORMS.index(match["form"])]
    return any(f"{match['stem']}.{form}" in names for form in better)


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0
