"""Where better settings of the fine-tuned encoder are looked for."""

from components.contract.search import OneOf, Reals, Search

SEARCH = Search(
    {
        "learning_rate": Reals(2e-5, 3e-4, log=True),
        "head_learning_rate": Reals(3e-4, 1e-2, log=True),
        "dropout": Reals(0.0, 0.4),
        "frozen_layers": OneOf((0, 1, 2)),
        "batch_rows": OneOf((16, 32, 64)),
    },
    always={"evaluations": 4},  # an epoch is most of a training: look before its end
)
