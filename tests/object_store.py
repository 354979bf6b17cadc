"""A real S3 server on loopback: SeaweedFS."""

from __future__ import annotations

import contextlib
import json
import random
import secrets
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENCE_S = 60
ATTEMPTS = 4
PORTS = range(11_000, 32_000)
"""Below those that the system hands to outgoing connections, of which other tests make many."""


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


@contextlib.contextmanager
def object_store(folder: Path) -> Iterator[S3]:
    """SeaweedFS with one identity, ready for writing.

    Somebody may take one of its ports between the look and the start: then others are tried.
    """
    for attempt in range(ATTEMPTS):
        here = folder / str(attempt)
        here.mkdir()
        server, process = _start(here)
        try:
            if _writable(server, process):
                yield server
                return
        finally:
            process.kill()  # asked to end, it takes its time; nothing here is kept
            process.wait(30)
    raise AssertionError((here / "log").read_text())


def _start(folder: Path) -> tuple[S3, subprocess.Popen[bytes]]:
    secret = secrets.token_urlsafe(24)
    identity = {
        "name": "tamis",
        "credentials": [{"accessKey": "tamis", "secretKey": secret}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}), encoding="utf-8")
    (folder / "data").mkdir()
    s3, s3_grpc, master, master_grpc, volume, volume_grpc, filer, filer_grpc = _free_ports(8)
    command = [
        str(Path(sysconfig.get_path("scripts")) / "weed"),
        *("server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder / 'data'}"),
        *("-s3", f"-s3.port={s3}", f"-s3.port.grpc={s3_grpc}"),
        f"-s3.config={folder / 's3.json'}",
        *(f"-master.port={master}", f"-master.port.grpc={master_grpc}"),
        *(f"-volume.port={volume}", f"-volume.port.grpc={volume_grpc}"),
        *(f"-filer.port={filer}", f"-filer.port.grpc={filer_grpc}"),
        # Each bucket takes several volumes at once.
        *("-volume.max=200", "-master.volumeSizeLimitMB=64", "-master.telemetry=false"),
        # Two servers at once would fight over these ports' defaults.
        *("-s3.port.iceberg=0", "-s3.port.lance=0"),
    ]
    with (folder / "log").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)
    return S3(f"http://127.0.0.1:{s3}", "tamis", secret), process


def _free_ports(count: int) -> list[int]:
    found: list[int] = []
    while len(found) < count:
        port = random.SystemRandom().choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in found:
                found.append(port)
    return found


def _writable(server: S3, process: subprocess.Popen[bytes]) -> bool:
    """Wait until it takes an object: it answers before its volumes are there."""
    from botocore.exceptions import BotoCoreError, ClientError

    client = server.client()
    deadline = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            client.create_bucket(Bucket="probe")
            client.put_object(Bucket="probe", Key="probe", Body=b"probe")
        except (BotoCoreError, ClientError):
            time.sleep(0.3)
        else:
            return True
    return False
