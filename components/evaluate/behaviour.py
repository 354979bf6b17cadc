"""Behaviour tests after CheckList (Ribeiro et al. 2020, https://arxiv.org/abs/2005.04118).

They report and never fail: a share of failures is a fact about a model, the gate decides.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from components.contract.classifier import Classifier
from components.contract.errors import InputError
from components.contract.settings import neighbours
from components.evaluate.settings import Expectation

CLOSING = ".!?\u2026\u3002\uff01\uff1f"
"""Sentence-final marks, the ideographic and full-width ones included."""
DIRECTION_TOLERANCE = 0.1
"""A probability may fall by this much, as in the paper's own direction tests."""


def behaviour(
    classifier: Classifier,
    texts: Sequence[str],
    exemplars: Mapping[str, str],
    expectations: Sequence[Expectation],
) -> dict[str, Any]:
    """Run the three kinds of test.

    Args:
        classifier: What is tested.
        texts: Test texts to perturb.
        exemplars: Label name -> a text surely of that label.
        expectations: Texts with the label they must get.

    Returns:
        `invariance` (perturbation -> `tried`, `failed`), `direction` and `minimum_function`
        (`tried`, `failed`; the latter with its `failures`).

    Raises:
        InputError: `bad_parameter` when an expectation names an unknown label.
    """
    return {
        "invariance": invariance(classifier, texts),
        "direction": direction(classifier, texts, exemplars),
        "minimum_function": minimum_function(classifier, expectations),
    }


def invariance(classifier: Classifier, texts: Sequence[str]) -> dict[str, dict[str, int]]:
    """Perturbation -> texts changed by it (`tried`) and with another label then (`failed`)."""
    before = _predicted(classifier, texts)
    found = {}
    for name, perturb in PERTURBATIONS.items():
        changed = [(i, perturb(text)) for i, text in enumerate(texts) if perturb(text) != text]
        after = _predicted(classifier, [text for _, text in changed])
        failed = sum(before[i] != label for (i, _), label in zip(changed, after, strict=True))
        found[name] = {"tried": len(changed), "failed": int(failed)}
    return found


def direction(
    classifier: Classifier, texts: Sequence[str], exemplars: Mapping[str, str]
) -> dict[str, int]:
    """Appending a text surely of label L must not lower p(L) by more than the tolerance.

    Each text is tried with one label, in turn, so that many labels cost no more than two.
    """
    if not exemplars or not texts:
        return {"tried": 0, "failed": 0}
    names = list(exemplars)
    chosen = [names[i % len(names)] for i in range(len(texts))]
    columns = [classifier.labels.index(name) for name in chosen]
    rows = np.arange(len(texts))
    joined = [f"{text} {exemplars[name]}" for text, name in zip(texts, chosen, strict=True)]
    before = classifier.predict_proba(texts)[rows, columns]
    after = classifier.predict_proba(joined)[rows, columns]
    return {
        "tried": len(texts),
        "failed": int(np.count_nonzero(~(after >= before - DIRECTION_TOLERANCE))),
    }


def minimum_function(classifier: Classifier, expectations: Sequence[Expectation]) -> dict[str, Any]:
    """Texts that any model worth serving gets right, and those it doesn't."""
    for expected in expectations:
        if expected.label not in classifier.labels:
            raise InputError(
                "bad_parameter",
                f"minimum_function expects the label {expected.label!r}, which the data lacks.",
                neighbours(expected.label, classifier.labels),
            )
    predicted = _predicted(classifier, [expected.text for expected in expectations])
    failures = [
        {"text": expected.text, "expected": expected.label, "predicted": label}
        for expected, label in zip(expectations, predicted, strict=True)
        if label != expected.label
    ]
    return {"tried": len(expectations), "failed": len(failures), "failures": failures}


def _predicted(classifier: Classifier, texts: Sequence[str]) -> list[str]:
    if not texts:
        return []
    return [classifier.labels[i] for i in classifier.predict_proba(texts).argmax(axis=1)]


def _double_spaces(text: str) -> str:
    return text.replace(" ", "  ")


def _surround(text: str) -> str:
    return f"\n {text} \n"


def _end(text: str) -> str:
    return text if text[-1:] in CLOSING else f"{text}."


def _decompose(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def _break(text: str) -> str:
    words = text.split(" ")
    middle = len(words) // 2
    return " ".join(words[:middle]) + "<br />" + " ".join(words[middle:]) if middle else text


PERTURBATIONS = {
    "doubled spaces": _double_spaces,
    "surrounding whitespace": _surround,
    "final full stop": _end,
    "decomposed accents": _decompose,
    "line break for the middle space": _break,
}
"""What changes no text's label in any language; case is left alone, since it carries meaning."""
