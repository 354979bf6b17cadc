from __future__ import annotations

import re
import struct
from html.parser import HTMLParser

import numpy as np
import pytest

from components.evaluate.calibration_error import reliability
from components.evaluate.metrics import Confusion
from components.evaluate.plots import MATRIX_LABELS, plot_confusion, plot_reliability, plot_roc
from components.evaluate.report import write_report
from components.evaluate.roc import curves

HOSTILE = "<script>alert(1)</script>\"'&$\\frac{"


def metrics(label=HOSTILE):
    return {
        "rows": 1_234,
        "accuracy": 0.9,
        "macro_f1": 0.8,
        "ece": 0.01,
        "log_loss": 0.3,
        "invalid_rows": 0,
        "intervals": {"accuracy": [0.88, 0.92], "macro_f1": [0.7, 0.9]},
        "validation": {"accuracy": 0.91},
        "per_class": {label: {"precision": 1.0, "recall": 0.5, "f1": 0.67, "support": 10}},
        "slices": [{"column": label, "value": label, "rows": 30, "accuracy": 0.5, "macro_f1": 0.5}],
        "behaviour": {
            "invariance": {"doubled spaces": {"tried": 10, "failed": 1}},
            "direction": {"tried": 10, "failed": 0},
            "minimum_function": {
                "tried": 1,
                "failed": 1,
                "failures": [{"text": label, "expected": label, "predicted": label}],
            },
        },
    }


class Page(HTMLParser):
    """The tags, addresses and text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def page(tmp_path):
    plot = tmp_path / "roc.png"
    plot_roc(plot, [])
    mistakes = [
        {"confidence": 0.99, "actual": HOSTILE, "predicted": "b", "text": HOSTILE + "\ud800"}
    ]
    write_report(tmp_path / "report.html", HOSTILE, metrics(), mistakes, [plot])
    return (tmp_path / "report.html").read_text(encoding="utf-8")


def test_hostile_texts_stay_texts(page):
    parsed = Page(page)
    assert "script" not in parsed.tags
    assert parsed.text.count(HOSTILE) >= 6


def test_the_page_needs_nothing_from_outside(page):
    parsed = Page(page)
    assert parsed.addresses
    assert all(address.startswith("data:image/png;base64,") for address in parsed.addresses)
    assert not re.search(r"https?://|@import|url\(", page)
    assert "default-src 'none'" in page


def test_the_page_says_the_numbers(page):
    text = Page(page).text
    for number in ("0.900", "0.880 to 0.920", "1,234", "0.990"):
        assert number in text


def size(path):
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", data[16:24])


@pytest.mark.parametrize("labels", [("a", "b"), (HOSTILE, "$x_", "_hidden", "北京", "a\nb\x07")])
def test_plots_take_any_label_and_are_the_same_bytes_twice(tmp_path, labels):
    k = len(labels)
    generator = np.random.default_rng(0)
    truth = generator.integers(0, k, 100)
    probabilities = generator.dirichlet(np.ones(k), 100)
    confusion = Confusion.of(truth, probabilities.argmax(axis=1), k)
    bins = reliability(probabilities.max(axis=1), truth == probabilities.argmax(axis=1), 15)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        plot_confusion(tmp_path / name / "confusion.png", labels, confusion)
        plot_reliability(tmp_path / name / "reliability.png", bins)
        plot_roc(tmp_path / name / "roc.png", curves(labels, truth, probabilities))
    for file in (tmp_path / "first").iterdir():
        assert min(size(file)) > 300
        assert file.read_bytes() == (tmp_path / "second" / file.name).read_bytes()


def test_many_labels_draw_those_with_the_most_errors(tmp_path):
    k = MATRIX_LABELS * 3
    truth = np.arange(k)
    confusion = Confusion.of(truth, (truth + (truth % 3 == 0)) % k, k)
    plot_confusion(tmp_path / "confusion.png", [str(i) for i in range(k)], confusion)
    assert max(size(tmp_path / "confusion.png")) < 1_500
