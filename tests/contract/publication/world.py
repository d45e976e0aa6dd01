"""One host with its spool, journal, object store and index, for the tests of publication."""

import gzip
import io
import json
import tarfile
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import attrs

from ooni_adapters.executors.beside import beside
from ooni_adapters.journal import SqliteJournal
from ooni_adapters.memory.bodies import MemoryBodyIndex
from ooni_adapters.objectstore.folder import FolderObjects
from ooni_adapters.spool import FolderSpool
from ooni_core.archive import Archive
from ooni_core.measurement import MeasurementUid
from ooni_core.publication.ports import BodyIndex, ObjectStore
from ooni_core.publication.service import PublicationLimits, PublicationService

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@attrs.define
class SetClock:
    """A Clock that stands still until it is set."""

    instant: datetime = NOON + timedelta(hours=3)

    def now(self) -> datetime:
        return self.instant


def posted(number: int, *, pad: int = 0, **more: object) -> bytes:
    """A body as a probe posts it; its number spells its input, 1.0 must stay 1.0."""
    content = {"report_id": f"report{number % 3}", "input": f"https://{number}.example/", "n": 1.0, "pad": "é" * pad}
    return json.dumps({"format": "json", "content": {**content, **more}}, ensure_ascii=False).encode()


@attrs.define
class World:
    """Everything publication touches, below one folder."""

    root: Path
    index: BodyIndex = attrs.field(factory=MemoryBodyIndex)
    clock: SetClock = attrs.field(factory=SetClock)
    limits: PublicationLimits = attrs.field(factory=lambda: PublicationLimits(batch_measurements=4))
    spool: FolderSpool = attrs.field(init=False)
    journal: SqliteJournal = attrs.field(init=False)
    objects: ObjectStore = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.spool = FolderSpool(self.root / "measurements")
        self.journal = SqliteJournal(self.root / "measurements")
        self.objects = FolderObjects(self.root / "objects")

    def accept(
        self, body: bytes, *, minutes: float = 0, cc: str = "IT", test: str = "webconnectivity"
    ) -> MeasurementUid:
        uid = MeasurementUid.mint(NOON + timedelta(minutes=minutes), cc, test, body)
        self.spool.put(uid, body)
        return uid

    def service(self, **more: object) -> PublicationService:
        given = {
            "spool": self.spool,
            "journal": self.journal,
            "objects": self.objects,
            "index": self.index,
            "clock": self.clock,
            "identity": "n0",
            "limits": self.limits,
            "beside": beside,
            "finishing": partial(beside, ahead=1),
            **more,
        }
        return PublicationService(**given)

    def archive(self) -> Archive:
        return Archive(self.spool, self.index, self.objects, (), self.clock)

    def keys(self, suffix: str = "") -> list[str]:
        return [key for key in self.objects.keys("raw") if key.endswith(suffix)]

    def lines(self) -> dict[str, list[bytes]]:
        """Published lines by key."""
        return {key: gzip.decompress(self.objects.get(key)).splitlines() for key in self.keys(".jsonl.gz")}

    def cans(self) -> dict[str, bytes]:
        """Published bodies by uid, out of all postcans; a uid that is there twice fails."""
        found: dict[str, bytes] = {}
        for key in self.keys(".tar.gz"):
            with tarfile.open(fileobj=io.BytesIO(self.objects.get(key))) as can:
                for member in can:
                    uid = member.name.rpartition("/")[2].removesuffix(".post")
                    assert uid not in found, f"{uid} is published twice"
                    found[uid] = can.extractfile(member).read()
        return found
