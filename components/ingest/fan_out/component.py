"""The ingest stage in several parts, as Kubeflow Pipelines components."""

from kfp import dsl

from components.contract.image import TRAIN_IMAGE


@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def plan(
    uri: str,
    text_column: str,
    label_column: str,
    source: dict,
    settings: dict,
    parts: int,
    plan: dsl.Output[dsl.Artifact],
) -> str:
    """Deal a source out to parts."""
    from components.ingest.fan_out.door import run_plan

    return run_plan(uri, text_column, label_column, source, settings, parts, plan)


@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def part(
    plan: dsl.Input[dsl.Artifact],
    plan_digest: str,
    part: int,
    rows: dsl.Output[dsl.Dataset],
) -> str:
    """Screen a part's rows and put them into partitions."""
    from components.ingest.fan_out.door import run_part

    return run_part(plan, part, rows, plan_digest=plan_digest)


@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def join(
    plan: dsl.Input[dsl.Artifact],
    plan_digest: str,
    parts: dsl.Input[list[dsl.Dataset]],
    parts_digests: list,
    dataset: dsl.Output[dsl.Dataset],
) -> str:
    """Publish the dataset of which the parts hold the rows."""
    from components.ingest.fan_out.door import run_join

    return run_join(plan, parts, dataset, plan_digest=plan_digest, parts_digests=parts_digests)
