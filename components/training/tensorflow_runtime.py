"""TensorFlow set up for repeatable training, or a sentence where it can't be."""

from __future__ import annotations

import importlib
import os

from components.contract import logs
from components.contract.environment import environment
from components.contract.errors import InputError


def start_tensorflow() -> None:
    """Import TensorFlow and Keras and fix what decides their results; call before importing them.

    The same data, settings and machine then give the same weights
    (https://www.tensorflow.org/api_docs/python/tf/config/experimental/enable_op_determinism).

    Raises:
        InputError: `not_installed` without TensorFlow, `other_backend` when this process already
            runs Keras on something else, `one_process_only` under torchrun.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError(
            "one_process_only",
            "framework: tensorflow trains in one process, not in several.",
            "Say framework: torch, or start it without torchrun.",
        )
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # its banner is no event of ours
    try:
        tensorflow = importlib.import_module("tensorflow")
        keras = importlib.import_module("keras")
    except ImportError as error:
        raise InputError(
            "not_installed",
            "framework: tensorflow needs TensorFlow and Keras 3, which are not installed here.",
            "Install the extra `tensorflow` in an environment of its own (make "
            "install-tensorflow), or say framework: torch.",
        ) from error
    if keras.backend.backend() != "tensorflow":
        raise InputError(
            "other_backend",
            f"Keras already runs on {keras.backend.backend()} in this process.",
            "Train in a process of its own, or set KERAS_BACKEND=tensorflow.",
        )
    threads, config = environment().threads, tensorflow.config.threading
    if config.get_intra_op_parallelism_threads() != threads:
        try:
            config.set_intra_op_parallelism_threads(threads)
        except RuntimeError:  # it has computed already, on as many as it found
            logs.event("threads_kept", wanted=threads)
    tensorflow.config.experimental.enable_op_determinism()
