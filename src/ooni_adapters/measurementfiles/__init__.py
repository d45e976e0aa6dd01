"""Measurement files of every kind: postcans, JSON lines, old cans and YAML reports, compressed or not."""

from ooni_adapters.measurementfiles.decompression import decompressed, is_compressed
from ooni_adapters.measurementfiles.lines import line_entries
from ooni_adapters.measurementfiles.model import MAX_RECORD_BYTES, DamagedFileError, Entry, Record, Rejected
from ooni_adapters.measurementfiles.reader import MeasurementFile, kind_of_file, read_file, read_stream
from ooni_adapters.measurementfiles.sidecar import index_name, uids_beside, uids_in_index
from ooni_adapters.measurementfiles.walking import FoundFile, find_files

__all__ = [
    "MAX_RECORD_BYTES",
    "DamagedFileError",
    "Entry",
    "FoundFile",
    "MeasurementFile",
    "Record",
    "Rejected",
    "decompressed",
    "find_files",
    "index_name",
    "is_compressed",
    "kind_of_file",
    "line_entries",
    "read_file",
    "read_stream",
    "uids_beside",
    "uids_in_index",
]
