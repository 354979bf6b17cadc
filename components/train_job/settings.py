"""What a TrainJob is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from components.contract.settings import require


@dataclass(frozen=True)
class TrainJobSettings:
    """A training on several nodes that share a volume.

    Attributes:
        architecture: Whose train function the nodes call.
        image: The training image.
        nodes: Pods that train together.
        processes: Processes in each, one an accelerator; 0 lets torchrun choose.
        runtime: The TrainingRuntime in the stage's namespace, made by
            `components.train_job.job.training_runtime`.
        shared: Where the volume is mounted, here and in every node.
        accelerator: The resource that accelerators are.
        accelerators: How many a node has; 0 for none.
        cpu: Cores of a node.
        memory: Memory of a node.
        timeout_s: Seconds that the whole training may take.
        variables: Further environment variables of every node.
    """

    architecture: str = "bert"
    image: str = "tamis-train:latest"
    nodes: int = 2
    processes: int = 0
    runtime: str = "tamis-torch"
    shared: str = "/var/tamis"
    accelerator: str = "nvidia.com/gpu"
    accelerators: int = 0
    cpu: str = "4"
    memory: str = "8Gi"
    timeout_s: int = 86_400
    variables: dict[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """Refuse values that can't work; raises `InputError` `bad_parameter`."""
        require(self.nodes >= 1, "nodes", f"must be at least 1, not {self.nodes}")
        require(self.processes >= 0, "processes", "must not be negative")
        require(self.shared.startswith("/"), "shared", "must be an absolute path")
