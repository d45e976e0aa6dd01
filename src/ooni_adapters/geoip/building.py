"""Makes an MMDB from a table of networks, for places without internet and for tests."""

import csv
import gzip
import ipaddress
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ooni_adapters.geoip.reading import COMBINED
from ooni_core.errors import Invalid, Unavailable

_COLUMNS = ("network", "cc", "asn", "as_name")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def build_mmdb(csv_path: Path, target_dir: Path) -> int:
    """Build ``asn_cc.mmdb`` in *target_dir* from a CSV file and put it in place of the former one.

    Args:
        csv_path: columns ``network`` (192.0.2.0/24), ``cc``, ``asn``, ``as_name``; all but the first may be empty. A
            name that ends in ``.gz`` is gunzipped. Where networks overlap, the smaller one holds.
        target_dir: made when it is not there.

    Returns:
        How many networks the database holds.

    Raises:
        Invalid: a column is missing or a value cannot be right; the message names file and line, nothing was replaced.
        Unavailable: a file cannot be read or written.
    """
    # Imported only here: the service reads databases, and starts sooner without what makes them.
    from mmdb_writer import MMDBWriter
    from netaddr import IPNetwork, IPSet

    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="OONI-ASN-CC", int_type="u32")
    # What is inserted last holds, and a network inside another one must hold.
    records = sorted(_read(csv_path), key=lambda each: each[0].prefixlen)
    for network, record in records:
        writer.insert_network(IPSet([IPNetwork(str(network))]), record)
    try:
        target_dir.mkdir(parents=True, exist_ok=True)
        partial = target_dir / f"{COMBINED}.{os.getpid()}.tmp"
        writer.to_db_file(str(partial))
        partial.replace(target_dir / COMBINED)
    except OSError as exc:
        raise Unavailable(f"cannot write a GeoIP database in {target_dir}: {exc.strerror}") from exc
    return len(records)


def _read(csv_path: Path) -> list[tuple[Network, dict[str, Any]]]:
    opener = gzip.open if csv_path.suffix == ".gz" else open
    try:
        with opener(csv_path, "rt", encoding="utf-8", newline="") as file:
            return list(_records(csv_path, csv.DictReader(file, restval="")))
    except (gzip.BadGzipFile, EOFError, zlib.error) as exc:
        raise Invalid(f"{csv_path} is not a whole gzip file: {exc}") from exc
    except (UnicodeDecodeError, csv.Error) as exc:
        raise Invalid(f"{csv_path} is not a CSV file in UTF-8: {exc}") from exc
    except OSError as exc:
        raise Unavailable(f"cannot read {csv_path}: {exc.strerror}") from exc


def _records(csv_path: Path, rows: "csv.DictReader[str]") -> Iterator[tuple[Network, dict[str, Any]]]:
    missing = [column for column in _COLUMNS if column not in (rows.fieldnames or ())]
    if missing:
        raise Invalid(f"{csv_path}: column {missing[0]} is missing; expected {', '.join(_COLUMNS)}")
    for row in rows:
        try:
            network, record = _network(row["network"]), _record(row)
        except ValueError as exc:
            raise Invalid(f"{csv_path} line {rows.line_num}: {exc}") from exc
        yield network, record


def _network(text: str) -> Network:
    network = ipaddress.ip_network(text.strip())
    if network.prefixlen == 0:
        raise ValueError(f"network {text!r} is the whole internet")
    return network


def _record(row: dict[str, str]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    cc, asn, name = row["cc"].strip(), row["asn"].strip(), row["as_name"].strip()
    if cc:
        if len(cc) != 2 or not cc.isalpha():
            raise ValueError(f"cc {cc!r} is not two letters")
        record["country"] = {"iso_code": cc.upper()}
    if asn:
        if not (asn.isdecimal() and asn.isascii() and int(asn) < 2**32):
            raise ValueError(f"asn {asn!r} is not a number below 2^32")
        record["autonomous_system_number"] = int(asn)
    if name:
        record["autonomous_system_organization"] = name
    return record
