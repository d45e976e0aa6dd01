"""The measurement envelope and its identity: report ids, measurement uids, old formats."""

from ooni_core.measurement.identity import MeasurementUid, ReportId, SpoolBucket, trivial_uid

__all__ = ["MeasurementUid", "ReportId", "SpoolBucket", "trivial_uid"]
