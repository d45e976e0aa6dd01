"""A local copy of published files, complete and verified as far as their manifests tell."""

import threading
from collections.abc import Iterator
from pathlib import Path

import attrs

from ooni_adapters.measurementfiles.published import PublishedFile, Selection, published_file
from ooni_adapters.measurementfiles.remote import PublishedFiles, difference
from ooni_core.errors import Invalid, Unavailable
from ooni_core.publication.manifests import Announced, ManifestDocument, read_manifest


class StoppedError(Exception):
    """Somebody asked to stop; downloads end after the piece they are at."""


@attrs.frozen
class Plan:
    """What it takes to make a copy equal to what is published.

    Attributes:
        missing: files that are not here, or not as they were published.
        replaced: files that are here and no longer published, because a body in them was withdrawn.
        problems: sentences about manifests that cannot be believed.
    """

    missing: tuple[PublishedFile, ...]
    replaced: tuple[Path, ...]
    problems: tuple[str, ...]


@attrs.frozen
class Copy:
    """A local copy of published files.

    Attributes:
        verify: also compare the content of files that are here already, not only their size.
    """

    source: PublishedFiles
    folder: Path
    verify: bool = False
    _stop: threading.Event = attrs.field(factory=threading.Event)

    def plan(self, selection: Selection) -> Plan:
        """Compare what is here with what is published: with the manifests, and for older files with the listing.

        A file that a manifest lists counts as published even where the store does not list it.

        Raises:
            Unavailable: the store cannot be listed.
        """
        documents, problems = self._manifests(selection)
        announced = Announced.of(documents)
        missing = tuple(file for file in self._published(selection, announced) if not self._is_here(file))
        gone = (file for key in sorted(announced.replaced) if (file := published_file(key, 1)) is not None)
        replaced = tuple(path for file in gone if (path := self.folder / file.key).is_file())
        return Plan(missing, replaced, (*problems, *announced.problems))

    def fetch(self, file: PublishedFile) -> None:
        """Bring one file here; see ``PublishedFiles.download``."""
        self.source.download(file, self.folder / file.key, self._arrived)

    def stop(self) -> None:
        """Make running downloads end soon; what arrived is kept for the next run."""
        self._stop.set()

    def _manifests(self, selection: Selection) -> tuple[list[ManifestDocument], list[str]]:
        documents, problems = [], []
        for key, content in self.source.manifests(selection):
            try:
                if isinstance(content, Unavailable):
                    raise content
                documents.append(read_manifest(content))
            except (Invalid, Unavailable) as exc:
                problems.append(f"{key}: {exc}")
        return documents, problems

    def _published(self, selection: Selection, announced: Announced) -> Iterator[PublishedFile]:
        files = {file.key: file for file in self.source.find(selection)}
        for key, listed in announced.files.items():
            file = published_file(key, listed.bytes)
            if file is not None and selection.wants(file):
                files[key] = attrs.evolve(file, sha256=listed.sha256)
        yield from (file for key, file in files.items() if key not in announced.replaced)

    def _is_here(self, file: PublishedFile) -> bool:
        target = self.folder / file.key
        expected = file if self.verify else attrs.evolve(file, md5=None, sha256=None)
        return target.is_file() and not difference(expected, target)

    def _arrived(self, _: int) -> None:
        if self._stop.is_set():
            raise StoppedError
