"""Types of publication: what is published where."""

import attrs


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
