"""Makes an MMDB from a table of networks, for places without internet and for tests."""

import csv
import gzip
import ipaddress
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPNetwork, IPSet

from ooni_adapters.geoip.reading import COMBINED
from ooni_core.errors import Invalid, Unavailable

_COLUMNS = ("network", "cc", "asn", "as_name")


def build_mmdb(csv_path: Path, target_dir: Path) -> int:
    """Build ``asn_cc.mmdb`` in *target_dir* from a CSV file and put it in place of the former one.

    Args:
        csv_path: columns ``network`` (192.0.2.0/24), ``cc``, ``asn``, ``as_name``; all but the first may be empty. A
            name that ends in ``.gz`` is gunzipped.
        target_dir: made when it is not there.

    Returns:
        How many networks the database holds.

    Raises:
        Invalid: a column is missing or a value cannot be right; the message names file and line, nothing was replaced.
        Unavailable: a file cannot be read or written.
    """
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="OONI-ASN-CC", int_type="u32")
    count = 0
    try:
        for network, record in _records(csv_path):
            writer.insert_network(IPSet([IPNetwork(str(network))]), record)
            count += 1
        target_dir.mkdir(parents=True, exist_ok=True)
        partial = target_dir / f"{COMBINED}.{os.getpid()}.tmp"
        writer.to_db_file(str(partial))
        partial.replace(target_dir / COMBINED)
    except OSError as exc:
        raise Unavailable(f"cannot build a GeoIP database from {csv_path} in {target_dir}: {exc.strerror}") from exc
    return count


def _records(csv_path: Path) -> Iterator[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, dict[str, Any]]]:
    opener = gzip.open if csv_path.suffix == ".gz" else open
    with opener(csv_path, "rt", encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        missing = [column for column in _COLUMNS if column not in (rows.fieldnames or ())]
        if missing:
            raise Invalid(f"{csv_path}: column {missing[0]} is missing; expected {', '.join(_COLUMNS)}")
        for row in rows:
            try:
                yield ipaddress.ip_network(row["network"]), _record(row)
            except ValueError as exc:
                raise Invalid(f"{csv_path} line {rows.line_num}: {exc}") from exc


def _record(row: dict[str, str]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    cc, asn, name = row["cc"].strip(), row["asn"].strip(), row["as_name"].strip()
    if cc:
        if len(cc) != 2 or not cc.isalpha():
            raise ValueError(f"cc {cc!r} is not two letters")
        record["country"] = {"iso_code": cc.upper()}
    if asn:
        number = int(asn)
        if not 0 <= number < 2**32:
            raise ValueError(f"asn {asn!r} is not a number below 2^32")
        record["autonomous_system_number"] = number
    if name:
        record["autonomous_system_organization"] = name
    return record
