"""Where better settings of the LSTM are looked for."""

from components.contract.search import OneOf, Reals, Search

SEARCH = Search(
    {
        "learning_rate": Reals(5e-4, 1e-2, log=True),
        "dropout": Reals(0.2, 0.7),
        "hidden": OneOf((64, 128, 192)),
        "batch_rows": OneOf((32, 64, 128)),
        "weight_decay": Reals(1e-3, 0.3, log=True),
    }
)
"""Not the epochs: the rate falls to nothing at the last, so one of three isn't like one of one, and
trials are compared by epoch."""
