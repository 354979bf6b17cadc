"""The text-CNN as a server runs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from components.contract.encoding import Lengths
from components.contract.onnx_session import OnnxClassifier


class TextCnnClassifier(OnnxClassifier):
    """Convolutions over token vectors, max pooled (https://aclanthology.org/D14-1181)."""

    architecture: ClassVar[str] = "textcnn"
    framed: ClassVar[bool] = False

    def inputs(
        self, ids: npt.NDArray[np.int64], lengths: Lengths
    ) -> Mapping[str, npt.NDArray[Any]]:
        return {"ids": ids, "lengths": lengths}
