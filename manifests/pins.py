"""The lines that pin images by digest in a kustomization: `python pins.py REGISTRY FOLDER`.

FOLDER holds what `docker buildx build --metadata-file` wrote, a file an image. Beside the lines on
standard output, `subjects.txt` there lists the same digests as `sha256sum` would, for attestations.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import yaml

DIGEST = "containerimage.digest"


def pins(registry: str, folder: Path) -> dict[str, list[dict[str, str]]]:
    """A kustomization's `images`, one for each metadata file."""
    images = [
        {
            "name": f"tamis-{file.stem}",
            "newName": f"{registry}tamis-{file.stem}",
            "digest": json.loads(file.read_text(encoding="utf-8"))[DIGEST],
        }
        for file in sorted(folder.glob("*.json"))
    ]
    return {"images": images}


def main() -> None:
    """Print the lines and write `subjects.txt`."""
    registry, folder = sys.argv[1], Path(sys.argv[2])
    found = pins(registry, folder)
    subjects = [
        f"{image['digest'].removeprefix('sha256:')}  {image['newName']}\n"
        for image in found["images"]
    ]
    (folder / "subjects.txt").write_text("".join(subjects), encoding="utf-8")
    yaml.safe_dump(found, sys.stdout, sort_keys=False)


if __name__ == "__main__":
    main()
