"""Where better settings of the logistic regression are looked for."""

from components.contract.search import Reals, Search, Whole

SEARCH = Search(
    {
        "alpha": Reals(1e-6, 1e-2, log=True),
        "ngrams": Whole(1, 3),
        "min_rows": Whole(1, 4),
        "epochs": Whole(2, 10, log=True),
    }
)
"""The epochs may vary: the rate of learning doesn't depend on how many there will be."""
