"""A fresh clone builds too: the folder of wheels may hold some, none, or not be there at all."""

from __future__ import annotations

import subprocess
import tarfile
import uuid
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.images.containers import docker

pytestmark = pytest.mark.docker


@pytest.mark.parametrize("builder", ["0", "1"])
@pytest.mark.parametrize("wheels", [None, [], ["a-1-py3-none-any.whl"]])
@pytest.mark.parametrize("name", ["Dockerfile.serve", "Dockerfile.train"])
def test_wheels_are_copied_where_there_are_any(
    name: str,
    wheels: list[str] | None,
    builder: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if builder == "0":
        monkeypatch.setenv("DOCKER_BUILDKIT", "0")
    text = (ROOT / name).read_text(encoding="utf-8")
    (line,) = {line for line in text.splitlines() if line.startswith("COPY") and ".whl" in line}
    context = tmp_path / "context"
    context.mkdir()
    for file in ("pyproject.toml", "constraints.txt"):
        (context / file).write_text("", encoding="utf-8")
    if wheels is not None:
        folder = context / "build" / "wheels"
        folder.mkdir(parents=True)
        for wheel in wheels:
            (folder / wheel).write_text("a wheel", encoding="utf-8")
    (context / "Dockerfile").write_text(f"FROM scratch\n{line}\n", encoding="utf-8")
    image = f"wheels-{uuid.uuid4().hex[:8]}"
    docker("build", "--quiet", "--tag", image, str(context))
    made = docker("create", image, "nothing").strip().splitlines()[-1]
    try:
        archive = tmp_path / "image.tar"
        docker("export", "--output", str(archive), made)
        with tarfile.open(archive) as tar:
            names = {Path(entry).name for entry in tar.getnames() if entry.startswith("wheels/")}
    finally:
        subprocess.run(["docker", "rm", made], check=True, capture_output=True)
        docker("rmi", image)
    assert names - {""} == {"pyproject.toml", "constraints.txt", *(wheels or [])}
