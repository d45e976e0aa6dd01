"""A body is found wherever it is now, always with the same bytes, and never another measurement's."""

import gzip
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import attrs
import lz4.frame
import pytest

from ooni_adapters.measurementfiles.cans import ObjectCans
from ooni_adapters.memory.bodies import MemoryBodyIndex
from ooni_core.archive import Archive
from ooni_core.errors import Unavailable
from ooni_core.measurement import MeasurementUid, trivial_uid
from ooni_core.publication.model import IndexEntry
from ooni_core.publication.ports import BodyIndex
from tests.archives import tar
from tests.contract.publication.world import NOON, World, posted

OLD = "20190304T120000Z_AS30722_" + "x" * 50
REPORT = "20260304T120000Z_webconnectivity_IT_30722_n0_abcdefghijklmnop"


class Peer:
    """Another host's spool."""

    def __init__(self, bodies: dict[MeasurementUid, bytes], *, down: bool = False) -> None:
        self.bodies, self.down, self.asked = bodies, down, 0

    def get(self, uid: MeasurementUid) -> bytes | None:
        self.asked += 1
        if self.down:
            raise Unavailable("timed out")
        return self.bodies.get(uid)


class Counted:
    """An object store that counts what is read."""

    def __init__(self, store: object) -> None:
        self.store, self.read, self.requests = store, 0, 0

    def get(self, key: str) -> bytes:
        return self._count(self.store.get(key))

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        return self._count(self.store.get_range(key, offset, length))

    def _count(self, content: bytes) -> bytes:
        self.read += len(content)
        self.requests += 1
        return content

    def __getattr__(self, name: str) -> object:
        return getattr(self.store, name)


def canned(name: str, report: bytes) -> bytes:
    if not name.endswith(".tar.lz4"):
        return report
    return tar({"other.json": b'{"report_id": "other"}\n', "report.json": report})


def body(input: str, report_id: str = REPORT, **more: object) -> bytes:
    content = {"report_id": report_id, "input": input, **more}
    return json.dumps({"format": "json", "content": content}).encode()


class ArchiveContract:
    """The same over every index. Subclasses supply ``index``."""

    @pytest.fixture
    def world(self, tmp_path: Path, index: BodyIndex) -> World:
        return World(tmp_path, index=index)

    def test_the_bytes_are_the_same_before_and_after_publication(self, world: World) -> None:
        odd = b'{"content" : {"report_id":"r", "input":null, "n": 1.0, "big":123456789012345678,\n "u":"\\u00e9\xc3\xa9"}}'
        uids = [world.accept(each, minutes=i) for i, each in enumerate([odd, *(posted(i) for i in range(30))])]
        before = [world.archive().find(uid.text) for uid in uids]
        assert before[0] == odd[13:-1].replace(b"\n", b" ")
        world.service().run()
        assert [world.archive().find(uid.text) for uid in uids] == before

    def test_what_is_nowhere_is_none(self, world: World) -> None:
        uid = MeasurementUid.mint(NOON, "IT", "ndt", b"x")
        assert world.archive().find(uid.text) is None
        assert world.archive().find("temp-id-1234") is None
        assert world.archive().find("") is None
        assert world.archive().find("", REPORT, "https://x/") is None

    def test_a_pair_that_was_measured_twice_gives_the_one_that_was_asked_for(self, world: World) -> None:
        first = world.accept(body("https://a/", n=1))
        second = world.accept(body("https://a/", n=2), minutes=1)
        world.service().run()
        archive = world.archive()
        assert json.loads(archive.find(first.text, REPORT, "https://a/"))["n"] == 1
        assert json.loads(archive.find(second.text, REPORT, "https://a/"))["n"] == 2
        assert [each.measurement_uid for each in archive.index.by_report(REPORT, "https://a/")] == [
            second.text,
            first.text,
        ]
        assert json.loads(archive.find("", REPORT, "https://a/"))["n"] == 2

    def test_a_measurement_without_input_is_asked_for_with_the_empty_text(self, world: World) -> None:
        uid = world.accept(body(None, test="ndt"))
        world.service().run()
        assert world.archive().find("", REPORT) == world.archive().find(uid.text)

    def test_a_uid_of_another_report_is_not_returned(self, world: World) -> None:
        uid = world.accept(body("https://a/"))
        for _ in range(2):
            archive = world.archive()
            assert archive.find(uid.text, REPORT, "https://a/") is not None
            assert archive.find(uid.text, REPORT, "https://b/") is None
            assert archive.find(uid.text, REPORT.replace("30722", "1"), "https://a/") is None
            world.service().run()

    def test_an_index_row_that_points_at_another_line_is_not_believed(self, world: World) -> None:
        uids = [world.accept(body(f"https://{i}/"), minutes=i) for i in range(3)]
        world.service().run()
        wrong = world.index.by_uid(uids[0].text)
        world.index.put(
            [
                IndexEntry(
                    REPORT, "https://1/", uids[1].text, wrong.s3path, 0, wrong.member_offset, wrong.member_length, 0
                )
            ]
        )
        assert world.archive().find(uids[1].text) is None

    def test_an_old_report_id_is_looked_for_in_the_index_only(self, world: World) -> None:
        old = "20190304T120000Z_AS30722_" + "x" * 50
        uid = world.accept(body("https://a/", old))
        assert world.archive().find(uid.text, old, "https://a/") is None
        world.service().run()
        assert world.archive().find(uid.text, old, "https://a/") is not None

    def test_rows_without_ranges_walk_the_whole_file(self, world: World) -> None:
        key = "jsonl/web_connectivity/IT/20190304/00/20190304_IT_webconnectivity.l.0.jsonl.gz"
        lines = [json.dumps({"report_id": REPORT, "input": f"https://{i}/", "pad": "x" * 3000}) for i in range(900)]
        world.objects.put(key, gzip.compress("\n".join(lines).encode()))
        world.index.put([IndexEntry(REPORT, f"https://{i}/", f"01{i:038}", key, i) for i in (0, 1, 450, 899)])
        archive = world.archive()
        for i in (0, 1, 450, 899):
            assert archive.find(f"01{i:038}").decode() == lines[i]
        world.index.put([IndexEntry(REPORT, "https://x/", f"01{1000:038}", key, 900)])
        assert archive.find(f"01{1000:038}") is None

    @pytest.mark.parametrize("place", ["source", "s3path"])
    @pytest.mark.parametrize(
        "name", ["20190304T000000Z-IT-AS1-web_connectivity-x.json.lz4", "web_connectivity.0.tar.lz4"]
    )
    def test_measurement_of_a_legacy_can_is_found_by_its_uid_and_by_its_report(
        self, world: World, place: str, name: str
    ) -> None:
        lines = [
            json.dumps({"report_id": OLD, "input": f"https://{n}/", "measurement_start_time": "2019-03-04 12:00:00"})
            for n in range(300)
        ] + [json.dumps({"report_id": OLD, "input": "https://7/", "again": True})]
        key = f"canned/2019-03-04/{name}"
        world.objects.put(key, lz4.frame.compress(canned(name, "\n".join([*lines, ""]).encode())))
        uids = [trivial_uid(f"{line}\n".encode(), json.loads(line).get("measurement_start_time")) for line in lines]
        gone = "jsonl/web_connectivity/IT/20190304/00/20190304_IT_webconnectivity.l.0.jsonl.gz"
        where = {"s3path": gone, "date": "2019-03-04", "source": key} if place == "source" else {"s3path": key}
        rows = [IndexEntry(OLD, json.loads(lines[n])["input"], uids[n], linenum=n, **where) for n in (0, 7, 299, 300)]
        world.index.put(rows)
        archive = attrs.evolve(world.archive(), cans=ObjectCans(world.objects))
        for n in (0, 7, 299, 300):
            assert archive.find(uids[n]).decode() == lines[n]
        assert archive.find("", OLD, "https://299/").decode() == lines[299]
        world.index.put([IndexEntry(OLD, "https://never/", f"01{1:038}", linenum=1, **where)])
        assert archive.find(f"01{1:038}") is None

    def test_damaged_can_is_unavailable_not_empty(self, world: World) -> None:
        key = "canned/2019-03-04/20190304T000000Z-IT-AS1-web_connectivity-x.json.lz4"
        world.objects.put(key, lz4.frame.compress(b'{"report_id": "other"}\n' * 5000)[:-40])
        world.index.put([IndexEntry(OLD, "https://1/", f"01{1:038}", key, 1)])
        archive = attrs.evolve(world.archive(), cans=ObjectCans(world.objects))
        with pytest.raises(Unavailable, match="cut short"):
            archive.find(f"01{1:038}")

    def test_a_row_whose_file_is_gone_is_none(self, world: World) -> None:
        uid = world.accept(posted(1))
        world.service().run()
        for key in world.objects.keys("raw"):
            world.objects.delete(key)
        assert world.archive().find(uid.text) is None

    def test_a_damaged_file_is_unavailable_not_wrong(self, world: World) -> None:
        uid = world.accept(posted(1))
        world.service().run()
        key = world.keys(".jsonl.gz")[0]
        content = world.objects.get(key)
        world.objects.delete(key)
        world.objects.put(key, content[:20] + bytes(len(content) - 20))
        with pytest.raises(Unavailable):
            world.archive().find(uid.text)


class TestArchiveWithMemoryIndex(ArchiveContract):
    @pytest.fixture
    def index(self) -> BodyIndex:
        return MemoryBodyIndex()


class TestArchiveWithDuckDb(ArchiveContract):
    @pytest.fixture
    def index(self, tmp_path: Path) -> Iterator[BodyIndex]:
        from ooni_adapters.database import open_database
        from ooni_adapters.sql.bodies import SqlBodyIndex

        engine = open_database(f"duckdb://{tmp_path}/index.duckdb", lambda: NOON.replace(tzinfo=None))
        yield SqlBodyIndex(engine)
        engine.close()


class TestOrder:
    @pytest.fixture
    def world(self, tmp_path: Path) -> World:
        return World(tmp_path)

    def archive(self, world: World, *peers: Peer) -> Archive:
        return Archive(world.spool, world.index, world.objects, peers, world.clock)

    def test_a_fresh_measurement_is_asked_of_spool_and_peers_first(self, world: World) -> None:
        world.clock.instant = NOON + timedelta(minutes=20)
        here, there = posted(1), posted(2)
        mine, theirs = world.accept(here), MeasurementUid.mint(NOON, "IT", "ndt", there)
        peer, other = Peer({}), Peer({theirs: there})
        assert self.archive(world, peer, other).find(mine.text) is not None
        assert peer.asked == 0
        assert json.loads(self.archive(world, peer, other).find(theirs.text))["input"] == "https://2.example/"
        assert (peer.asked, other.asked) == (1, 1)

    def test_an_older_one_is_looked_for_in_published_files_first(self, world: World) -> None:
        uid = world.accept(posted(1))
        world.service().run()
        peer = Peer({})
        assert self.archive(world, peer).find(uid.text) is not None
        assert peer.asked == 0

    def test_a_peer_that_is_down_hides_nothing_that_is_here(self, world: World) -> None:
        world.clock.instant = NOON + timedelta(minutes=20)
        uid = world.accept(posted(1))
        world.service().run(include_open_hour=True)
        assert self.archive(world, Peer({}, down=True)).find(uid.text) is not None

    def test_not_found_while_a_peer_is_down_is_unavailable(self, world: World) -> None:
        uid = MeasurementUid.mint(NOON, "IT", "ndt", b"x")
        with pytest.raises(Unavailable, match="timed out"):
            self.archive(world, Peer({}, down=True)).find(uid.text)

    def test_a_body_discarded_while_it_is_looked_for_is_found(self, world: World) -> None:
        uid = world.accept(posted(1))

        class Late:
            """Publication runs between the look into the index and the look into the spool."""

            def get(self, uid: MeasurementUid) -> None:
                world.service().run()
                return world.spool.get(uid)

        archive = Archive(Late(), world.index, world.objects, (), world.clock)
        assert archive.find(uid.text) is not None

    def test_one_body_of_many_costs_one_small_range(self, world: World) -> None:
        world.limits = world.limits.__class__()
        uids = [world.accept(posted(i, pad=2000), minutes=i / 20) for i in range(400)]
        world.service().run()
        counted = Counted(world.objects)
        archive = Archive(world.spool, world.index, counted, (), world.clock)
        assert archive.find(uids[321].text) is not None
        assert counted.requests == 1
        assert counted.read < 256 * 1024
        whole = world.objects.size(world.keys(".jsonl.gz")[0])
        assert counted.read < whole / 20

    def test_neighbours_of_a_body_cost_nothing_more(self, world: World) -> None:
        uids = [world.accept(posted(i), minutes=i) for i in range(4)]
        world.service().run()
        counted = Counted(world.objects)
        archive = Archive(world.spool, world.index, counted, (), world.clock)
        for uid in uids * 3:
            assert archive.find(uid.text) is not None
        assert counted.requests == 1
