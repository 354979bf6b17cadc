"""Reference rows 3 and 4: MLServer's HuggingFace runtime, torch or Optimum's ONNX Runtime.

MLServer 1.7 needs older libraries than ours, so it gets an environment of its own. torch's exporter
has changed its default since, which `sitecustomize.py` there changes back for Optimum 1.20.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PACKAGES = (
    "torch==2.13.0",
    "mlserver==1.7.1",
    "mlserver-huggingface==1.7.1",
    "transformers==4.41.2",
    "optimum[onnxruntime]==1.20.0",
    "numpy<2",
    "uvloop==0.21.0",
    "onnx",
    "setuptools<81",
)
SITE = """\
import importlib.abc, importlib.util, sys


class OldDefault(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "torch.onnx":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def patched(module):
            execute(module)
            export = module.export
            module.export = lambda *a, **k: export(*a, **{"dynamo": False, **k})

        spec.loader.exec_module = patched
        return spec


sys.meta_path.insert(0, OldDefault())
"""


def environment(folder: Path) -> Path:
    """The Python of MLServer's environment, made when it isn't there.

    Args:
        folder: Where it is kept.

    Returns:
        Its `bin` folder.
    """
    if not (folder / "done").exists():
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "-q", "--clear", str(folder)], check=True)
        install = [*uv, "pip", "install", "-q", "--link-mode", "copy"]
        if links := os.environ.get("PIP_FIND_LINKS"):
            install += ["--find-links", links]
        python = str(folder / "bin" / "python")
        subprocess.run([*install, "--python", python, *PACKAGES], check=True)
        site = next((folder / "lib").glob("python*/site-packages"))
        (site / "sitecustomize.py").write_text(SITE)
        (folder / "done").touch()
    return folder / "bin"


def write_settings(folder: Path, model: Path, port: int, optimum: bool, batch: int) -> None:
    """MLServer's two settings files.

    Args:
        folder: Where they are written.
        model: The HuggingFace model's folder.
        port: For HTTP; gRPC and metrics take the next two.
        optimum: ONNX Runtime through Optimum in place of torch.
        batch: Most requests in an adaptive batch; 0 for none.
    """
    extra: dict[str, Any] = {
        "task": "text-classification",
        "pretrained_model": str(model),
        "optimum_model": optimum,
    }
    settings = {
        "name": "tamis",
        "implementation": "mlserver_huggingface.HuggingFaceRuntime",
        "max_batch_size": batch,
        "max_batch_time": 0.01 if batch else 0,
        "parameters": {"extra": extra},
    }
    server = {
        "host": "127.0.0.1",
        "http_port": port,
        "grpc_port": port + 1,
        "metrics_port": port + 2,
        "parallel_workers": 0,
        "debug": False,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model-settings.json").write_text(json.dumps(settings))
    (folder / "settings.json").write_text(json.dumps(server))
