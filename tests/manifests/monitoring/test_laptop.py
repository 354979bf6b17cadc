"""The laptop's files: what both programs take, and what haste changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from manifests.monitoring.laptop import Laptop, hastened, watch, write
from manifests.monitoring.prometheus import rule_file
from tests.manifests.monitoring.promtool import binary, run


@pytest.mark.parametrize("quick", [False, True])
def test_both_programs_take_their_files(quick: bool, tmp_path: Path) -> None:
    write(Laptop(tmp_path, quick=quick))
    done = run(binary("promtool"), "check", "config", str(tmp_path / "prometheus.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr
    done = run(binary("amtool"), "check-config", str(tmp_path / "alertmanager.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_are_the_committed_ones(tmp_path: Path) -> None:
    write(Laptop(tmp_path))
    assert yaml.safe_load((tmp_path / "rules.yaml").read_text()) == rule_file()


def test_haste_changes_waits_and_nothing_else() -> None:
    slow, quick = rule_file(), hastened(rule_file())
    waits = set()
    for group, other in zip(slow["groups"], quick["groups"], strict=True):
        assert other.pop("interval") == "1s"
        group.pop("interval")
        for rule, fast in zip(group["rules"], other["rules"], strict=True):
            for key in ("for", "keep_firing_for"):
                if key in rule:
                    waits.add((rule.pop(key), fast.pop(key)))
    assert slow == quick
    assert {("1m", "1s"), ("15m", "15s"), ("1h", "60s")} <= waits


def test_who_is_watched_has_the_names_that_rules_use(tmp_path: Path) -> None:
    write(Laptop(tmp_path))
    assert json.loads((tmp_path / "targets.json").read_text()) == []
    watch(tmp_path, {"predictor": "127.0.0.1:1", "transformer": "127.0.0.1:2"})
    groups = json.loads((tmp_path / "targets.json").read_text())
    assert [g["labels"] for g in groups] == [
        {"component": "predictor"},
        {"component": "transformer"},
    ]
    (job,) = yaml.safe_load((tmp_path / "prometheus.yaml").read_text())["scrape_configs"]
    assert job["job_name"] == "tamis"


def test_nothing_listens_but_on_loopback(tmp_path: Path) -> None:
    from manifests.monitoring.laptop import alertmanager_command, prometheus_command

    laptop = Laptop(tmp_path)
    for command in (prometheus_command(laptop, "p"), alertmanager_command(laptop, "a")):
        addresses = [word.partition("=")[2] for word in command if "listen-address" in word]
        assert addresses
        assert all(a == "" or a.startswith("127.0.0.1:") for a in addresses)


def test_the_token_s_file_is_found_from_anywhere(tmp_path: Path) -> None:
    write(Laptop(tmp_path, token_file=Path("token")))
    document = yaml.safe_load((tmp_path / "alertmanager.yaml").read_text())
    (hook,) = next(r for r in document["receivers"] if "webhook_configs" in r)["webhook_configs"]
    assert hook["http_config"]["authorization"]["credentials_file"] == str(Path.cwd() / "token")
