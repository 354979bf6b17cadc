"""The fine-tuned encoder as a server runs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from components.contract.encoding import Lengths
from components.contract.onnx_session import OnnxClassifier


class BertClassifier(OnnxClassifier):
    """A transformer encoder, mean pooled, with a linear head (Devlin et al. 2019)."""

    architecture: ClassVar[str] = "bert"
    framed: ClassVar[bool] = True

    def inputs(
        self, ids: npt.NDArray[np.int64], lengths: Lengths
    ) -> Mapping[str, npt.NDArray[Any]]:
        mask = np.arange(ids.shape[1]) < lengths[:, None]
        return {"input_ids": ids, "attention_mask": mask.astype(np.int64)}
