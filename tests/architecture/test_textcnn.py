"""A new architecture is one folder and one line; without its folder and its line it is gone.

In a copy of the project the text-CNN of docs/add-an-architecture.md passes the suites, trains in
the pipeline, compiles and is served, while no other file changes.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT, reviews, write_csv
from tests.serving.predictor import process

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800)]

FOLDER = Path(__file__).parent / "train_textcnn"
LINE = '    "textcnn": Architecture("train_textcnn", "TextCnnClassifier", "TextCnnSettings"),\n'
CATALOGUE = "components/catalogue.py"
COPIED = ("components", "pipelines", "serving", "tests")
FILES = ("Dockerfile.serve", "Dockerfile.train", "params.yaml", "pyproject.toml", ".dockerignore")


def tree(folder: Path) -> dict[str, str]:
    """Digest by path of a project's files."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def copy_project(folder: Path) -> Path:
    """A copy of what is ours."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    return folder


def call(project: Path, work: Path, *arguments: str) -> str:
    """What a Python command prints when its packages are a project's."""
    environment = {**os.environ, "PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, cwd=work, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def tamis(project: Path, work: Path, *arguments: str) -> str:
    """What the command line prints."""
    return call(project, work, "-c", "from pipelines.cli import main; main()", *arguments)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("before"))


@pytest.fixture(scope="module")
def project(before: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copy with the folder and the line."""
    after = tmp_path_factory.mktemp("after") / "project"
    shutil.copytree(before, after)
    shutil.copytree(
        FOLDER, after / "components/train_textcnn", ignore=shutil.ignore_patterns("__pycache__")
    )
    file = after / CATALOGUE
    text = file.read_text(encoding="utf-8")
    table = "ARCHITECTURES = {\n"
    assert text.count(table) == 1
    file.write_text(text.replace(table, table + LINE), encoding="utf-8")
    return after


@pytest.fixture(scope="module")
def work(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder in which the pipeline has trained it."""
    folder = tmp_path_factory.mktemp("work")
    write_csv(folder / "reviews.csv", reviews(each=300))
    document = {
        "source": {"uri": "reviews.csv", "label_names": {0: "negative", 1: "positive"}},
        "tokenizers": {"bpe": {"strategy": "bpe", "vocab_size": 1000}},
        "architectures": {"textcnn": {"epochs": 2}},
        "evaluate": {"bootstrap": 100},
        "register": {"floor": 0.3},
    }
    (folder / "params.yaml").write_text(yaml.safe_dump(document))
    (folder / "printed.txt").write_text(tamis(project, folder, "run"))
    return folder


def test_it_is_short() -> None:
    lines = [len(file.read_text().splitlines()) for file in FOLDER.glob("*.py")]
    assert sum(lines) < 150


def test_the_page_shows_the_code_as_it_is() -> None:
    page = (ROOT / "docs" / "add-an-architecture.md").read_text()
    blocks = re.findall(r"^```python\n(.+?)^```", page, re.MULTILINE | re.DOTALL)
    sources = [LINE, *(file.read_text() for file in FOLDER.glob("*.py"))]
    assert len(blocks) == 3
    assert all(any(block in source for source in sources) for block in blocks)
    lines = sum(len(file.read_text().splitlines()) for file in FOLDER.glob("*.py"))
    assert f"{lines} lines in all" in page


def test_the_suites_pass_on_it(project: Path, work: Path) -> None:
    printed = call(
        project, project, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider",
        "tests/contract/test_classifiers.py", "tests/architecture/test_boundaries.py",
        "tests/images/test_dockerfiles.py", "-k", "textcnn or image_holds",
    )  # fmt: skip
    passed = re.search(r"(\d+) passed", printed)
    assert passed is not None
    assert int(passed[1]) > 15
    assert "skipped" not in printed


def test_it_trains_in_the_pipeline(work: Path) -> None:
    assert "Champion: tamis version 1 (textcnn)" in (work / "printed.txt").read_text()


def test_it_compiles_with_the_parameters_as_they_are(project: Path, tmp_path: Path) -> None:
    options = ("--params", str(project / "params.yaml"), "--architectures", "textcnn,bert")
    tamis(project, tmp_path, "compile", *options, "--output", "pipeline.yaml")
    pipeline = next(yaml.safe_load_all((tmp_path / "pipeline.yaml").read_text()))
    assert {"train-textcnn", "evaluate-textcnn", "train-bert"} <= set(
        pipeline["root"]["dag"]["tasks"]
    )


def test_it_is_served(project: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "ROOT", project)
    (bundle,) = (work / ".tamis/runs/latest/artifacts").glob("*/train-textcnn/bundle")
    with process.predictor(bundle) as running:
        status, answer = running.infer("a wonderful film")
        assert running.stop() == 0
    assert status == 200
    assert answer["parameters"]["architecture"] == "textcnn"
    outputs = {output["name"]: output["data"] for output in answer["outputs"]}
    assert outputs["label"][0] in ("negative", "positive")


def test_nothing_else_was_touched(before: Path, project: Path, work: Path) -> None:
    old, new = tree(before), tree(project)
    added = {f"components/train_textcnn/{file.name}" for file in FOLDER.glob("*.py")}
    assert set(new) - set(old) == added
    assert {name for name in old if new.get(name) != old[name]} == {CATALOGUE}
    assert (project / CATALOGUE).read_text().replace(LINE, "") == (before / CATALOGUE).read_text()


@pytest.mark.parametrize("name", ["lstm"])
def test_without_its_folder_and_its_line_an_architecture_is_gone(
    name: str, before: Path, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    shutil.copytree(before, project)
    shutil.rmtree(project / f"components/train_{name}")
    file = project / CATALOGUE
    lines = file.read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(f'    "{name}": Architecture(')]
    assert len(kept) == len(lines) - 1
    file.write_text("".join(kept))
    document = yaml.safe_load((project / "params.yaml").read_text())
    del document["architectures"][name]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(document))
    tamis(project, tmp_path, "compile", "--output", "pipeline.yaml")
    lint = "import sys; from importlinter.cli import lint_imports as i; sys.exit(i(no_cache=True))"
    call(project, project, "-c", lint)
    collected = call(
        project, project, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider",
        "tests/contract/test_classifiers.py",
    )  # fmt: skip
    assert "logistic" in collected
    assert name not in collected
