"""Types of publication: what is published where, and how far it has come."""

import re
from enum import StrEnum

import attrs

from ooni_core.errors import Invalid
from ooni_core.measurement import MeasurementUid, SpoolBucket

POSTCAN = ".tar.gz"
JSONL = ".jsonl.gz"
SEEKABLE = ".jsonl.zst"
SIDECAR = ".index.ndjson.gz"  # must not end in .jsonl.gz: readers take every such key for measurements

_STEM = re.compile(r"(\d{10}_[A-Z]{2}_[a-z0-9]{2,29})\.([A-Za-z0-9]{1,33})\.(\d{1,9})")
_IDENTITY = re.compile(r"[A-Za-z0-9]{1,33}")
_WRITTEN_AGAIN = re.compile(r"w[1-9][0-9]{0,4}\Z")


@attrs.frozen
class IndexEntry:
    """Where one published body is.

    Attributes:
        s3path: key of the ``.jsonl.gz`` object, without bucket.
        linenum: zero-based line in the decompressed file.
        member_offset: first byte, in the object, of the gzip member that holds the line; None for files written
            before members were recorded.
        member_length: length of that member in bytes.
        line_in_member: zero-based line within that member.
        date: day folder of a legacy can, ``YYYY-MM-DD``; empty for live data.
        source: key of a legacy can; empty for live data.
    """

    report_id: str
    input: str
    measurement_uid: str
    s3path: str
    linenum: int
    member_offset: int | None = None
    member_length: int | None = None
    line_in_member: int | None = None
    date: str = ""
    source: str = ""


@attrs.frozen(order=True)
class BatchName:
    """What a batch is called, for ever: no two batches of any host share a name.

    Attributes:
        identity: the host that published it, ``n`` and its collector id.
        number: 0, 1, 2… within the bucket and identity.
    """

    bucket: SpoolBucket
    identity: str
    number: int

    def __attrs_post_init__(self) -> None:
        if not _IDENTITY.fullmatch(self.identity) or self.number < 0:
            raise Invalid(f"{self.stem!r} cannot name a batch: the identity is made of letters and digits")

    @classmethod
    def parse(cls, key: str) -> tuple["BatchName", str]:
        """Read the key of a published file; return the batch and the file's suffix.

        Raises:
            Invalid: no batch has a file of that name.
        """
        folder, _, base = key.rpartition("/")
        match = _STEM.match(base)
        if match is None:
            raise Invalid(f"{key!r} is not the key of a published file")
        name = cls(SpoolBucket.parse(match[1]), match[2], int(match[3]))
        if folder != name.folder:
            raise Invalid(f"{key!r} is not in the folder of its hour, {name.folder}")
        return name, base[match.end() :]

    @property
    def original(self) -> "BatchName":
        """The name under which the batch was first published: withdrawing a body writes ``n0`` again as ``n0w1``."""
        return BatchName(self.bucket, _WRITTEN_AGAIN.sub("", self.identity) or self.identity, self.number)

    @property
    def stem(self) -> str:
        """File name without suffix, ``YYYYMMDDHH_CC_testname.identity.number``."""
        return f"{self.bucket.name}.{self.identity}.{self.number}"

    @property
    def folder(self) -> str:
        """Folder of its files, without the final slash."""
        return folder_of(self.bucket)

    def key(self, suffix: str) -> str:
        """Return the key of its file with that suffix, such as ``.jsonl.gz``."""
        return f"{self.folder}/{self.stem}{suffix}"


def folder_of(bucket: SpoolBucket) -> str:
    """Return the folder that holds the published files of *bucket*, without the final slash."""
    return f"raw/{bucket.hour[:8]}/{bucket.hour[8:]}/{bucket.probe_cc}/{bucket.test_name}"


@attrs.frozen
class Line:
    """One line of a published ``.jsonl.gz``.

    Attributes:
        linenum: zero-based line in the decompressed file.
        member_offset: first byte of the gzip member that holds it.
        member_length: length of that member in bytes.
        line_in_member: zero-based line within that member.
        sha256: SHA-256 (hex) of the line without its newline: of the body as anybody can fetch it.
        length: bytes of the line without its newline.
        problem: why the line is ``{}`` although something was received; empty when it is the measurement.
    """

    measurement_uid: str
    linenum: int
    member_offset: int
    member_length: int
    line_in_member: int
    report_id: str
    input: str
    sha256: str
    length: int
    problem: str = ""

    def entry(self, s3path: str) -> IndexEntry:
        """Return the index entry of this line in the object *s3path*."""
        return IndexEntry(
            report_id=self.report_id,
            input=self.input,
            measurement_uid=self.measurement_uid,
            s3path=s3path,
            linenum=self.linenum,
            member_offset=self.member_offset,
            member_length=self.member_length,
            line_in_member=self.line_in_member,
        )


@attrs.frozen
class FileRecord:
    """A published file: its key, the SHA-256 (hex) of its bytes and their number."""

    key: str
    sha256: str
    length: int


class BatchState(StrEnum):
    """How far a batch has come. Each step may be repeated; none is undone."""

    PLANNED = "planned"  # its name belongs to exactly these measurements
    BUILT = "built"  # its files are kept beside the spool
    UPLOADED = "uploaded"  # its files are in the object store
    INDEXED = "indexed"  # every body can be found
    DONE = "done"  # the spool has forgotten the bodies


@attrs.frozen
class Batch:
    """Measurements that are published together.

    Attributes:
        uids: its measurements, in the order of the published lines.
        files: in the order of upload; empty until built.
        lines: one per uid; empty until built.
    """

    name: BatchName
    state: BatchState
    uids: tuple[MeasurementUid, ...]
    files: tuple[FileRecord, ...] = ()
    lines: tuple[Line, ...] = ()

    @property
    def entries(self) -> list[IndexEntry]:
        """Index entries of the lines that are measurements."""
        s3path = self.name.key(JSONL)
        return [line.entry(s3path) for line in self.lines if not line.problem]


@attrs.frozen
class Manifest:
    """The files of one hour that one publishing run finished. A later run adds another manifest, never changes one.

    Attributes:
        hour: ``YYYYMMDDHH``.
        number: 0, 1, 2… within the hour and identity.
        batches: what it lists; their lines tell the uids.
    """

    hour: str
    identity: str
    number: int
    batches: tuple[Batch, ...]

    @property
    def key(self) -> str:
        """Where it is published."""
        return f"manifests/{self.hour[:8]}/{self.hour[8:]}/{self.hour}.{self.identity}.{self.number}.json"


@attrs.frozen
class Report:
    """What one publishing run did.

    Attributes:
        busy: another run was under way; this one did nothing.
        batches: finished batches, those resumed included.
        resumed: finished batches that an earlier run had begun.
        measurements: bodies published.
        unpublishable: bodies that became the line ``{}``, kept in the postcan.
        body_bytes: bytes received.
        file_bytes: bytes uploaded.
        manifests: manifests written.
        problems: what went wrong, in words for the operator. What it concerns is still in the spool, or resumed next.
    """

    busy: bool = False
    batches: int = 0
    resumed: int = 0
    measurements: int = 0
    unpublishable: int = 0
    body_bytes: int = 0
    file_bytes: int = 0
    manifests: int = 0
    problems: tuple[str, ...] = ()

    def __add__(self, other: "Report") -> "Report":
        """Return what both did."""
        pairs = zip(attrs.astuple(self, recurse=False), attrs.astuple(other, recurse=False), strict=True)
        busy, *rest = (mine + theirs for mine, theirs in pairs)
        return Report(bool(busy), *rest)


@attrs.frozen
class Backlog:
    """What waits in the spool.

    Attributes:
        measurements: bodies waiting, those of the open hour included.
        oldest_hour: ``YYYYMMDDHH`` of the oldest, empty when nothing waits.
        hours_late: whole hours since that hour could have been published; 0 when nothing is late.
        alarm: a sentence for the operator, empty when all is well.
    """

    measurements: int
    oldest_hour: str
    hours_late: int
    alarm: str
