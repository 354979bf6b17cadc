"""A stand-in for `python:3.11-slim`, made of Debian's packages, where no registry can be reached.

It is Debian 12 with Debian's Python 3.11, which lies at /usr rather than /usr/local: a Dockerfile
that builds on it makes no assumption about the real one's paths. It also carries this machine's
certificate authorities, so that a build reaches package indexes behind a proxy of its own.
"""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

NAME = "python:3.11-slim"
AUTHORITIES = "etc/ssl/certs/ca-certificates.crt"
PACKAGES = "python3,python3-pip,python3-venv,ca-certificates"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def make_stand_in(scratch: Path, environment: dict[str, str]) -> None:
    """Load the stand-in into a daemon under the real one's name.

    Args:
        scratch: A folder for half a gigabyte.
        environment: What `docker` needs to reach the daemon.
    """
    archive = scratch / "base.tar"
    left_out = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")]
    command = ["mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", *left_out]
    subprocess.run([*command, "bookworm", str(archive), _mirror()], check=True, capture_output=True)
    # Debian's pip refuses to install outside a virtual environment; the real image's doesn't.
    removed = ["./usr/lib/python3.11/EXTERNALLY-MANAGED", f"./{AUTHORITIES}"]
    subprocess.run(["tar", "--delete", "-f", str(archive), *removed], check=True)
    with tarfile.open(archive, "a") as tar:
        link = tarfile.TarInfo("./usr/local/bin/python")
        link.type, link.linkname = tarfile.SYMTYPE, "/usr/bin/python3"
        tar.addfile(link)
        tar.add(Path("/", AUTHORITIES).resolve(), f"./{AUTHORITIES}")
    changes = [f"--change=ENV PATH={_PATH} LANG=C.UTF-8", '--change=CMD ["python3"]']
    subprocess.run(
        ["docker", "import", *changes, str(archive), NAME],
        check=True,
        env=environment,
        capture_output=True,
    )
    archive.unlink()


def _mirror() -> str:
    """The package archive that this machine uses."""
    for file in sorted(Path("/etc/apt").rglob("*.sources")):
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("URIs:"):
                return line.split()[1]
    for file in sorted(Path("/etc/apt").rglob("*.list")):
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("deb "):
                return next(word for word in line.split() if "://" in word)
    raise LookupError("apt has no source.")
