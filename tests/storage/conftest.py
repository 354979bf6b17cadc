"""A real S3 server on loopback, and PostgreSQL."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.register.conftest import trained
from tests.serving.transformer.journal.conftest import postgres

__all__ = ["postgres", "trained"]
PATIENCE_S = 60


@dataclass(frozen=True)
class S3:
    """An S3 server.

    Attributes:
        endpoint: Its address.
        access_key: Who may do everything.
        secret_key: Their secret.
    """

    endpoint: str
    access_key: str
    secret_key: str

    @property
    def variables(self) -> dict[str, str]:
        """What AWS' clients read."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self) -> Any:
        """A client that may do everything."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name="us-east-1",
        )

    def names(self, bucket: str) -> list[str]:
        """The objects of a bucket."""
        found = self.client().list_objects_v2(Bucket=bucket).get("Contents", [])
        return [item["Key"] for item in found]


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path, patience: float) -> None:
    """Wait until an address answers anything."""
    deadline = time.monotonic() + patience
    while True:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)


def _ports() -> list[int]:
    """SeaweedFS' own, whose gRPC ports lie 10,000 above its others by default."""
    return free_ports(8)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """SeaweedFS with one identity."""
    folder = tmp_path_factory.mktemp("s3")
    server = S3("", "tamis", secrets.token_urlsafe(24))
    identity = {
        "name": "tamis",
        "credentials": [{"accessKey": server.access_key, "secretKey": server.secret_key}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}), encoding="utf-8")
    (folder / "data").mkdir()
    s3_port, s3_grpc, master, master_grpc, volume, volume_grpc, filer, filer_grpc = _ports()
    command = [
        str(Path(sysconfig.get_path("scripts")) / "weed"),
        *("server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder / 'data'}"),
        *("-s3", f"-s3.port={s3_port}", f"-s3.port.grpc={s3_grpc}"),
        f"-s3.config={folder / 's3.json'}",
        *(f"-master.port={master}", f"-master.port.grpc={master_grpc}"),
        *(f"-volume.port={volume}", f"-volume.port.grpc={volume_grpc}"),
        *(f"-filer.port={filer}", f"-filer.port.grpc={filer_grpc}"),
        *("-volume.max=20", "-master.volumeSizeLimitMB=64"),
    ]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)
    try:
        server = S3(f"http://127.0.0.1:{s3_port}", server.access_key, server.secret_key)
        wait_for(server.endpoint, process, log, PATIENCE_S)
        _wait_for_writes(server)
        yield server
    finally:
        process.kill()  # asked to end, it takes its time; nothing here is kept
        process.wait(30)


def _wait_for_writes(server: S3) -> None:
    """It answers before its volumes are there."""
    from botocore.exceptions import ClientError

    client = server.client()
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            client.create_bucket(Bucket="probe")
            client.put_object(Bucket="probe", Key="probe", Body=b"probe")
            return
        except ClientError:
            assert time.monotonic() < deadline
            time.sleep(0.3)
