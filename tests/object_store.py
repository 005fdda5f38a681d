"""An S3 server in this process, and the environment that leads there."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from tempfile import TemporaryDirectory

import pytest

BUCKET = "kernels"
_numbers = count()


@contextmanager
def served(patch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty bucket; children of this process find it, too.

    What is fetched from there is kept in a directory that goes with it, as are locks' witnesses.
    """
    import boto3
    import s3fs
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
    }.items():
        patch.setenv(name, value)
    bucket = f"{BUCKET}-{next(_numbers)}"
    boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket=bucket)
    with TemporaryDirectory() as cache:
        patch.setenv("XDG_CACHE_HOME", cache)
        patch.setenv("XDG_STATE_HOME", cache)
        s3fs.S3FileSystem.clear_instance_cache()  # which would go on asking another server
        try:
            yield f"s3://{bucket}"
        finally:
            s3fs.S3FileSystem.clear_instance_cache()
            server.stop()
