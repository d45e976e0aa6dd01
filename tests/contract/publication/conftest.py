"""The S3-protocol server that the tests of object stores use too."""

from tests.contract.objectstore.conftest import s3_bucket, s3_endpoint

__all__ = ["s3_bucket", "s3_endpoint"]
