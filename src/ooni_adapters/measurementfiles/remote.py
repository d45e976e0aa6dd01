"""Reads published files from object storage: any store that fsspec knows. Needs the ``service`` or ``s3`` extra."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

import attrs

from ooni_adapters.measurementfiles.published import LAST_DAY_OF_CANS, PublishedFile, Selection, published_file
from ooni_core.errors import Invalid, NotFound, Unavailable

_PIECE = 8 * 2**20
_MD5 = re.compile(r'"?([0-9a-f]{32})"?')
_ATTEMPTS = 3
# Listing an archive of years by day would ask more often than listing it whole.
_FEW_DAYS = 31


class WrongContentError(Exception):
    """What arrived is not what the store announced."""


@attrs.frozen
class PublishedFiles:
    """The public files below a URL such as ``s3://ooni-data-eu-fra`` or ``file:///srv/mirror``.

    Args:
        url: of the bucket or folder that holds ``raw/``, ``jsonl/`` or ``canned/``.
        options: of fsspec's file system, for example ``{"anon": True}``.
    """

    url: str
    options: dict[str, Any] = attrs.field(factory=dict)
    _opened: tuple[Any, str] = attrs.field(init=False, eq=False, repr=False)

    @_opened.default
    def _open(self) -> tuple[Any, str]:
        import fsspec

        try:
            file_system, root = fsspec.core.url_to_fs(self.url, skip_instance_cache=True, **self.options)
        except (ValueError, TypeError) as exc:
            raise Invalid(f"{self.url!r} is not a place to read files from: {exc}") from exc
        return file_system, root.rstrip("/")

    def __getstate__(self) -> tuple[str, dict[str, Any]]:
        # Connections do not travel to worker processes.
        return self.url, self.options

    def __setstate__(self, state: tuple[str, dict[str, Any]]) -> None:
        object.__setattr__(self, "url", state[0])
        object.__setattr__(self, "options", state[1])
        object.__setattr__(self, "_opened", self._open())

    def find(self, selection: Selection) -> Iterator[PublishedFile]:
        """Yield the files that are wanted, by layout, day and key; empty files hold nothing and are left out.

        Raises:
            Unavailable: the store cannot be listed.
        """
        for folder in self._folders(selection):
            yield from sorted(filter(selection.wants, self._listed(folder)), key=lambda file: file.key)

    def _folders(self, selection: Selection) -> Iterator[str]:
        archived = [day for day in selection.days() if day <= LAST_DAY_OF_CANS]
        if archived:
            yield from self._archive_folders(selection, archived)
        for day in archived:
            yield f"canned/{day:%Y-%m-%d}"
        for day in selection.days():
            yield f"raw/{day:%Y%m%d}"

    def _archive_folders(self, selection: Selection, days: list[date]) -> Iterator[str]:
        for test in self._names("jsonl"):
            if selection.tests and test.replace("_", "") not in selection.tests:
                continue
            for cc in self._names(f"jsonl/{test}"):
                if selection.ccs and cc not in selection.ccs:
                    continue
                if len(days) > _FEW_DAYS:
                    yield f"jsonl/{test}/{cc}"
                else:
                    yield from (f"jsonl/{test}/{cc}/{day:%Y%m%d}" for day in days)

    def _names(self, folder: str) -> list[str]:
        file_system, root = self._opened
        try:
            return sorted(
                path.rstrip("/").rpartition("/")[2] for path in file_system.ls(f"{root}/{folder}", detail=False)
            )
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise Unavailable(f"{self.url} cannot be listed: {exc}") from exc

    def _listed(self, folder: str) -> Iterator[PublishedFile]:
        file_system, root = self._opened
        try:
            found = file_system.find(f"{root}/{folder}", detail=True)
        except FileNotFoundError:
            return
        except OSError as exc:
            raise Unavailable(f"{self.url} cannot be listed: {exc}") from exc
        for path, details in found.items():
            key = path[len(root) + 1 :]
            match = _MD5.fullmatch(str(details.get("ETag", "")))
            file = published_file(key, int(details.get("size") or 0), match[1] if match else None)
            if file is not None and file.size > 0:
                yield file

    def manifests(self, selection: Selection) -> Iterator[tuple[str, bytes | Unavailable]]:
        """Yield the manifests of the wanted days: key, and content or why it cannot be read.

        Raises:
            Unavailable: the store cannot be listed.
        """
        file_system, root = self._opened
        for day in selection.days():
            folder = f"{root}/manifests/{day:%Y%m%d}"
            try:
                found = sorted(path for path in file_system.find(folder) if path.endswith(".json"))
            except FileNotFoundError:
                continue
            except OSError as exc:
                raise Unavailable(f"{self.url} cannot be listed: {exc}") from exc
            contents = file_system.cat(found, on_error="return") if found else {}
            for path in found:
                content = contents.get(path, b"")
                if isinstance(content, Exception):
                    content = Unavailable(f"it cannot be read: {content!r}")
                yield path[len(root) + 1 :], content

    def open(self, key: str) -> BinaryIO:
        """Return the object as a stream.

        Raises:
            NotFound: there is no such object.
            Unavailable: the store failed.
        """
        file_system, root = self._opened
        try:
            stream: BinaryIO = file_system.open(f"{root}/{key}", "rb", block_size=_PIECE)
        except FileNotFoundError as exc:
            raise NotFound(f"{self.url} has no {key}") from exc
        except OSError as exc:
            raise Unavailable(f"{key} cannot be read: {exc}") from exc
        return stream

    def download(self, file: PublishedFile, target: Path, arrived: Callable[[int], None] = lambda _: None) -> None:
        """Bring *file* to *target*, byte for byte, going on where an earlier attempt stopped.

        Nothing is ever seen under the name *target* but the complete file.

        Args:
            file: as listed.
            target: name of the copy.
            arrived: is told the length of each piece, and may raise to stop.

        Raises:
            NotFound: the object is gone.
            Unavailable: the store failed, or what arrives is not what was listed.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        # Published files change only when something is withdrawn, and then they get another size.
        partial = target.with_name(f".{target.name}.{file.size}.partial")
        failure: Exception | None = None
        for _ in range(_ATTEMPTS):
            try:
                self._fetch(file, partial, arrived)
            except FileNotFoundError as exc:
                partial.unlink(missing_ok=True)
                raise NotFound(f"{self.url} has no {file.key}") from exc
            except WrongContentError as exc:
                partial.unlink()
                failure = exc
            except OSError as exc:
                failure = exc
            else:
                partial.replace(target)
                return
        raise Unavailable(f"{file.key} cannot be downloaded: {failure}") from failure

    def _fetch(self, file: PublishedFile, partial: Path, arrived: Callable[[int], None]) -> None:
        file_system, root = self._opened
        with partial.open("ab") as out:
            while (have := out.tell()) < file.size:
                piece = file_system.cat_file(f"{root}/{file.key}", start=have, end=min(have + _PIECE, file.size))
                if not piece:
                    raise WrongContentError(f"it ends after {have} of {file.size} bytes")
                out.write(piece)
                arrived(len(piece))
            out.flush()
            os.fsync(out.fileno())
        problem = difference(file, partial)
        if problem:
            raise WrongContentError(problem)


def difference(file: PublishedFile, copy: Path) -> str | None:
    """Say how *copy* is not the published file, or return None when it is, as far as *file* tells."""
    size = copy.stat().st_size
    if size != file.size:
        return f"{size} bytes instead of {file.size}"
    name, expected = ("sha256", file.sha256) if file.sha256 else ("md5", file.md5)
    if not expected:
        return None
    with copy.open("rb") as content:
        found = hashlib.file_digest(content, lambda: hashlib.new(name, usedforsecurity=False)).hexdigest()
    return None if found == expected else f"{name.upper()} {found} instead of {expected}"
