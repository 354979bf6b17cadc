"""Explaining one text: which method, which label, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from components.contract.classifier import Classifier
from components.contract.errors import InputError
from components.contract.limits import TEXT_CHARACTERS
from components.contract.normalise import normalise
from components.contract.settings import neighbours
from components.explain.exact import Parts, exact, possible
from components.explain.explanation import Explanation
from components.explain.occlusion import occlusion

STRATEGIES: Mapping[str, Callable[[Classifier, str, int], Parts]] = {
    "exact": exact,
    "occlusion": occlusion,
}
AUTO = "auto"


def explain(
    classifier: Classifier, text: str, label: str | None = None, method: str = AUTO
) -> Explanation:
    """Say why a classifier gives a text a label.

    Args:
        classifier: Any architecture's.
        text: The text, as a client would send it.
        label: The label to explain; the predicted one by default.
        method: One of `STRATEGIES`; `auto` takes the exact one where there is one.

    Returns:
        The explanation.

    Raises:
        InputError: `empty_text`, `text_too_long`, `unknown_label`, `unknown_method`, `no_exact`.
    """
    if method not in (AUTO, *STRATEGIES):
        raise InputError(
            "unknown_method",
            f"There is no method {method!r}.",
            neighbours(method, (AUTO, *STRATEGIES)),
        )
    if len(text) > TEXT_CHARACTERS:
        raise InputError(
            "text_too_long", f"The text is longer than {TEXT_CHARACTERS:,} characters."
        )
    seen = normalise(text)
    if not seen:
        raise InputError("empty_text", "The text is empty: there is nothing to explain.")
    row = classifier.predict_proba([text])[0]
    if label is None:
        label = classifier.labels[int(row.argmax())]
    if label not in classifier.labels:
        raise InputError(
            "unknown_label",
            f"The model has no label {label!r}.",
            neighbours(label, classifier.labels),
        )
    if method == AUTO:
        method = "exact" if possible(classifier) else "occlusion"
    parts = STRATEGIES[method](classifier, seen, classifier.labels.index(label))
    probabilities = {name: float(p) for name, p in zip(classifier.labels, row, strict=True)}
    return Explanation(seen, classifier.architecture, label, probabilities, method, *parts)
