"""The bundle as an MLflow pyfunc model, logged as code: MLflow runs this file, nothing is pickled.

Input: a column `text` (string). Output, a row a text: `label` (string), `score` (its probability,
double) and one column `p_<label>` (double) for every label. The classifier is the one that
evaluation and serving open, from the bundle whose digests it checks first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import mlflow.pyfunc
import pandas as pd


class TextClassifier(mlflow.pyfunc.PythonModel):  # type: ignore[misc]  # untyped base
    """Scores texts with a model bundle."""

    def load_context(self, context: Any) -> None:
        """Open the bundle among the model's artifacts."""
        from components.catalogue import open_classifier

        _, self._classifier = open_classifier(Path(context.artifacts["bundle"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> Any:
        """A data frame of labels and probabilities for a data frame of n texts."""
        texts = [str(text) for text in model_input["text"]]
        labels = self._classifier.labels
        scores = self._classifier.predict_proba(texts).astype("float64")
        best = scores.argmax(axis=1)
        columns = {
            "label": [labels[i] for i in best],
            "score": scores[range(len(texts)), best],
            **{f"p_{name}": scores[:, i] for i, name in enumerate(labels)},
        }
        return pd.DataFrame(columns)


mlflow.models.set_model(TextClassifier())
