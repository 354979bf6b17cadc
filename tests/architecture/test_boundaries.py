"""What the import linter can't say without naming architectures: each keeps to its own folder."""

import grimp
import pytest

from components.catalogue import ARCHITECTURES


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("components", "pipelines", "serving", cache_dir=None)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_nobody_else_imports_an_architecture(name: str, graph: grimp.ImportGraph) -> None:
    package = f"components.{ARCHITECTURES[name].folder}"
    own = {package, *graph.find_descendants(package)}
    assert len(own) > 4
    importers = {by for module in own for by in graph.find_modules_that_directly_import(module)}
    assert importers <= own


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_an_architecture_imports_what_all_may(name: str, graph: grimp.ImportGraph) -> None:
    package = f"components.{ARCHITECTURES[name].folder}"
    own = {package, *graph.find_descendants(package)}
    imported = {of for module in own for of in graph.find_modules_directly_imported_by(module)}
    allowed = ("components.catalogue", "components.contract", "components.training", package)
    assert {m for m in imported if not m.startswith(allowed)} == set()
