import os
from pathlib import Path

import pytest

from components.contract.environment import environment, usable_cores

CORES = len(os.sched_getaffinity(0))


def write(root: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        # version 2, in a container: the mount's root is the process's own group
        ("0::/\n", {"cpu.max": "100000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "max 100000\n"}, CORES),
        ("0::/\n", {"cpu.max": "20000 100000\n"}, 1),
        # on a host: the nearest ancestor with a limit counts, and the least of several
        ("0::/a/b\n", {"a/cpu.max": "50000 100000\n", "a/b/cpu.max": "max 100000\n"}, 1),
        ("0::/a/b\n", {"a/cpu.max": "9900000 100000\n", "a/b/cpu.max": "10000 100000\n"}, 1),
        ("0::/gone/from/here\n", {"cpu.max": "100000 100000\n"}, 1),
        # version 1, under both of its usual mount points
        (
            "4:cpu,cpuacct:/docker/x\n",
            {
                "cpu,cpuacct/cpu.cfs_quota_us": "50000\n",
                "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            1,
        ),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "70000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, CORES),
        # another controller's group says nothing of CPU time
        (
            "1:memory:/\n",
            {"memory/cpu.cfs_quota_us": "1", "memory/cpu.cfs_period_us": "100000"},
            CORES,
        ),
        # what can't be understood is no limit
        ("", {}, CORES),
        ("nonsense\n0::/\n", {"cpu.max": "many\n"}, CORES),
        ("0::/\n", {"cpu.max": "100000 0\n"}, CORES),
        ("0::/\n", {"cpu.max": "100000 100000 7\n"}, CORES),
    ],
)
def test_threads_stay_within_the_groups_quota(
    tmp_path: Path, membership: str, files: dict[str, str], expected: int
) -> None:
    write(tmp_path / "cgroup", files)
    (tmp_path / "membership").write_text(membership)
    assert usable_cores(tmp_path / "cgroup", tmp_path / "membership") == expected


def test_a_quota_is_rounded_up_and_never_beyond_the_cores(tmp_path: Path) -> None:
    (tmp_path / "membership").write_text("0::/\n")
    for quota, expected in ((150_000, 2), (100_001, 2), (10_000_000, CORES)):
        (tmp_path / "cpu.max").write_text(f"{quota} 100000\n")
        assert usable_cores(tmp_path, tmp_path / "membership") == min(expected, CORES)


def test_a_setting_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAMIS_THREADS", "7")
    assert environment().threads == 7
