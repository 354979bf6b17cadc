"""The register stage as a Kubeflow Pipelines component, one for each set of architectures.

A component's inputs are its function's parameters, and every architecture brings a bundle and an
evaluation.
"""

from typing import Any

from kfp import dsl

from components.contract.errors import InputError
from components.contract.written import may_be_written, written_component

_TEMPLATE = '''\
def register(
    dataset: dsl.Input[dsl.Dataset],
    dataset_digest: str,
    settings: dict,
    run_id: str,
{inputs}
    registration: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    decision: dsl.Output[dsl.HTML],
) -> str:
    """Register the candidates and promote the best one if the gate lets it through."""
    from components.register.door import run

    candidates = {{
{pairs}
    }}
    digests = {{
{digests}
    }}
    return run(
        dataset, settings, run_id, candidates, registration, metrics, decision,
        dataset_digest=dataset_digest, candidate_digests=digests,
    )
'''


def register_component(architectures: tuple[str, ...]) -> Any:
    """The component for these architectures.

    Args:
        architectures: Names in the catalogue; each becomes the inputs `<name>_bundle`,
            `<name>_evaluation` and their digests, `<name>_bundle_digest` and
            `<name>_evaluation_digest`.

    Returns:
        A Kubeflow Pipelines component named `register`.

    Raises:
        InputError: `bad_parameter` for no architecture, a repeated one, or a name that is no
            lower-case identifier; nothing else gets into the template.
    """
    sound = all(map(may_be_written, architectures))
    if not architectures or not sound or len(set(architectures)) != len(architectures):
        raise InputError("bad_parameter", f"{architectures!r} can't be compared with each other.")
    inputs = [
        f"    {name}_bundle: dsl.Input[dsl.Model],\n    {name}_bundle_digest: str,\n"
        f"    {name}_evaluation: dsl.Input[dsl.Artifact],\n    {name}_evaluation_digest: str,"
        for name in architectures
    ]
    pairs = [f'        "{name}": ({name}_bundle, {name}_evaluation),' for name in architectures]
    digests = [
        f'        "{name}": ({name}_bundle_digest, {name}_evaluation_digest),'
        for name in architectures
    ]
    source = _TEMPLATE.format(
        inputs="\n".join(inputs), pairs="\n".join(pairs), digests="\n".join(digests)
    )
    return written_component(dsl, "register", source, f"<register {' '.join(architectures)}>")
