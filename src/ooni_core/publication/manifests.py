"""Manifests: which files one hour has, how long they are, and what they hash to."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import attrs
import msgspec

from ooni_core.errors import Invalid, NotFound
from ooni_core.publication.model import BatchName, FileRecord, Line, Manifest
from ooni_core.publication.ports import ObjectStore

_VERSION = 1


@attrs.frozen
class ListedFile:
    """A file as a manifest lists it.

    Attributes:
        key: where it is.
        bytes: its length.
        sha256: of its content, hex.
        measurements: lines or members in it that are measurements.
    """

    key: str
    bytes: int
    sha256: str
    measurements: int


@attrs.frozen
class ManifestDocument:
    """The published form of a manifest.

    Attributes:
        replaces: keys of files that are gone, because a body in them was withdrawn; *files* take their place.
    """

    version: int
    hour: str
    identity: str
    number: int
    measurements: int
    unpublishable: int
    files: tuple[ListedFile, ...]
    replaces: tuple[str, ...] = ()


def write_manifest(manifest: Manifest) -> bytes:
    """Return the JSON text of *manifest*; the same manifest always gives the same bytes."""
    lines = [line for batch in manifest.batches for line in batch.lines]
    bad = sum(bool(line.problem) for line in lines)
    document = ManifestDocument(
        version=_VERSION,
        hour=manifest.hour,
        identity=manifest.identity,
        number=manifest.number,
        measurements=len(lines) - bad,
        unpublishable=bad,
        files=tuple(
            ListedFile(file.key, file.length, file.sha256, sum(not line.problem for line in batch.lines))
            for batch in manifest.batches
            for file in batch.files
        ),
    )
    return _text(document)


def write_withdrawal(
    name: BatchName, files: Sequence[FileRecord], lines: Sequence[Line], replaces: Sequence[str]
) -> bytes:
    """Return the JSON text of the manifest of a batch that was written again without withdrawn bodies.

    Args:
        name: of the new files.
        files: the new files.
        lines: the lines of the new files.
        replaces: keys of the files that are gone.
    """
    bad = sum(bool(line.problem) for line in lines)
    good = len(lines) - bad
    document = ManifestDocument(
        version=_VERSION,
        hour=name.bucket.hour,
        identity=name.identity,
        number=name.number,
        measurements=good,
        unpublishable=bad,
        files=tuple(ListedFile(file.key, file.length, file.sha256, good) for file in files),
        replaces=tuple(replaces),
    )
    return _text(document)


def _text(document: ManifestDocument) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"


def read_manifest(content: bytes) -> ManifestDocument:
    """Read what write_manifest wrote.

    Raises:
        Invalid: it is something else, or of a version this program does not know.
    """
    try:
        document = msgspec.json.decode(content, type=ManifestDocument)
    except msgspec.DecodeError as exc:
        raise Invalid(f"not a manifest: {exc}") from exc
    if document.version != _VERSION:
        raise Invalid(f"manifest version {document.version} is not known, only {_VERSION}")
    return document


@attrs.frozen
class Announced:
    """What manifests say together.

    Attributes:
        files: what there is, by key.
        replaced: keys of files that are gone, because a body in them was withdrawn.
        problems: sentences about manifests that contradict each other.
    """

    files: Mapping[str, ListedFile]
    replaced: frozenset[str]
    problems: tuple[str, ...] = ()

    @classmethod
    def of(cls, documents: Iterable[ManifestDocument]) -> "Announced":
        """Put manifests together; a file may be in several, as after the loss of a journal."""
        known = list(documents)
        listed = [file for document in known for file in document.files]
        replaced = frozenset(key for document in known for key in document.replaces)
        files = {file.key: file for file in listed if file.key not in replaced}
        odd = {file.key for file in listed if files.get(file.key, file) != file}
        return cls(files, replaced, tuple(f"{key} is listed twice, with different content" for key in sorted(odd)))


def verify_files(
    documents: Iterable[ManifestDocument], objects: ObjectStore, sha256: Callable[[bytes], str]
) -> Iterator[str]:
    """Compare what is listed with what is there; yield one sentence for each difference.

    Args:
        documents: what to check.
        objects: where the files are.
        sha256: from bytes to hex digest.
    """
    announced = Announced.of(documents)
    yield from announced.problems
    for key in sorted(announced.replaced):
        if objects.size(key) is not None:
            yield f"{key} was replaced after a withdrawal, and is still there"
    for key, file in announced.files.items():
        try:
            content = objects.get(key)
        except NotFound:
            yield f"{key} is missing"
            continue
        if len(content) != file.bytes or sha256(content) != file.sha256:
            yield f"{key} is not the file that was published"
