"""The tokenize stage in several parts, as Kubeflow Pipelines components."""

from kfp import dsl

from components.contract.image import TRAIN_IMAGE


@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def prepare(
    dataset: dsl.Input[dsl.Dataset],
    dataset_digest: str,
    settings: dict,
    parts: int,
    tokenizer: dsl.Output[dsl.Artifact],
) -> str:
    """Make the tokenizer that all parts encode with."""
    from components.tokenize.fan_out.door import run_prepare

    return run_prepare(dataset, settings, parts, tokenizer, dataset_digest=dataset_digest)


@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def part(
    dataset: dsl.Input[dsl.Dataset],
    dataset_digest: str,
    tokenizer: dsl.Input[dsl.Artifact],
    tokenizer_digest: str,
    part: int,
    shards: dsl.Output[dsl.Dataset],
) -> str:
    """Write a part's shards of a dataset as token ids."""
    from components.tokenize.fan_out.door import run_part

    return run_part(
        dataset, tokenizer, part, shards,
        dataset_digest=dataset_digest, tokenizer_digest=tokenizer_digest,
    )  # fmt: skip


@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def join(
    tokenizer: dsl.Input[dsl.Artifact],
    tokenizer_digest: str,
    parts: dsl.Input[list[dsl.Dataset]],
    parts_digests: list,
    tokens: dsl.Output[dsl.Dataset],
) -> str:
    """Publish the tokens of which the parts hold the shards."""
    from components.tokenize.fan_out.door import run_join

    return run_join(
        tokenizer, parts, tokens, tokenizer_digest=tokenizer_digest, parts_digests=parts_digests
    )
