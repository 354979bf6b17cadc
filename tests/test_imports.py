"""Importing a module does nothing: no socket, no file written, no thread, no logger set up."""

import importlib.util
from pathlib import Path

import pytest

from tests.conftest import ROOT, run_python

GUARD = """
import builtins, importlib, io, os, socket, sys, threading

def refuse(*a, **k):
    raise RuntimeError(f"blocked at import: {a[:2]}")

def guard():
    opened = io.open
    def reading(file, mode="r", *a, **k):
        if set(mode) & set("wax+") and str(file) != os.devnull:
            refuse("write", file)
        return opened(file, mode, *a, **k)
    builtins.open = io.open = reading
    os.mkdir = os.makedirs = os.rename = os.replace = os.remove = os.unlink = refuse
    socket.socket.connect = socket.socket.bind = socket.create_connection = refuse
    threading.Thread.start = refuse

# What third parties do at their import is theirs: they are imported first, unguarded.
for name in sys.argv[2].split(","):
    importlib.import_module(name)
sys.dont_write_bytecode = True
before = dict(os.environ)
guard()
importlib.import_module(sys.argv[1])
assert dict(os.environ) == before, "the environment was changed"
import logging
assert not logging.getLogger("tamis").handlers, "logging was configured"
print("ok")
"""
ALL = {
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
    for folder in ("components", "pipelines", "serving")
    for path in (ROOT / folder).rglob("*.py")
    if path.name != "__main__.py"
}
OF_TENSORFLOW = {
    "components.train_lstm.fit_tensorflow",
    "components.train_lstm.network_tensorflow",
    "components.training.keras_learner",
}
"""Those of the other environment, where `make test-tensorflow` runs this file."""
TENSORFLOW = importlib.util.find_spec("keras") is not None
MODULES = sorted(OF_TENSORFLOW if TENSORFLOW else ALL - OF_TENSORFLOW)
THIRD_PARTIES = (
    "numpy,keras,tensorflow,onnx"
    if TENSORFLOW
    else (
        "numpy,yaml,prometheus_client,tokenizers,kfp.dsl,typer,rich.progress,pyarrow,mlflow.pyfunc,"
        "torch,fsspec"
    )
)


def test_every_module_imports_without_side_effects() -> None:
    script = GUARD.replace(
        "importlib.import_module(sys.argv[1])",
        "[importlib.import_module(m) for m in sys.argv[1].split(',')]",
    )
    assert ALL >= OF_TENSORFLOW
    assert len(ALL) > 40
    assert run_python(script, ",".join(MODULES), THIRD_PARTIES) == "ok"


@pytest.mark.parametrize(
    "statement",
    ["open('x', 'w')", "import os; os.mkdir('x')", "import socket; socket.create_connection(0)"],
)
def test_the_guard_itself_catches(tmp_path: Path, statement: str) -> None:
    script = GUARD.replace("importlib.import_module(sys.argv[1])", f"exec({statement!r})")
    with pytest.raises(AssertionError, match="blocked at import"):
        run_python(script, "json", "numpy")
