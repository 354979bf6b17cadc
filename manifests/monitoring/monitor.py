"""`make monitor`: Prometheus and Alertmanager beside `tamis serve`, until Ctrl-C."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from components.contract.errors import InputError, TamisError
from components.contract.exits import exit_on_error
from manifests.monitoring import laptop as laptop_files
from manifests.monitoring.laptop import Laptop
from serving.local import Child, check_free

SERVING = Path(".tamis/serving.yaml")
"""What `tamis serve` wrote last: its ports are there."""
PROGRAMS = {
    "Prometheus": ("prometheus",),
    "Alertmanager": ("prometheus-alertmanager", "alertmanager"),
}
"""A program -> its names, Debian's first."""
READY_S = 30.0
LOOK_S = 0.5


class Monitor:
    """Both programs, watched.

    Args:
        laptop: Where they are.
        serving: The file that `tamis serve` writes.
        retrain: host:port of the trigger's metrics.
    """

    def __init__(self, laptop: Laptop, serving: Path, retrain: str) -> None:
        self._laptop, self._serving, self._retrain = laptop, serving, retrain
        self._stopping = False
        self._watched: dict[str, str] = {}

    def run(self) -> None:
        """Start both, say where they are, watch what is served, stop both.

        Raises:
            InputError: `not_installed`, `bad_address`.
            TamisError: `monitor_ended` when one of them ends by itself.
        """
        laptop = self._laptop
        prometheus, alertmanager = (program(name) for name in PROGRAMS)
        for port in (laptop.prometheus_port, laptop.alertmanager_port):
            check_free(port)
        laptop_files.write(laptop)
        children = (
            Child("Alertmanager", laptop_files.alertmanager_command(laptop, alertmanager)),
            Child("Prometheus", laptop_files.prometheus_command(laptop, prometheus)),
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        try:
            for child in children:
                child.start()
            self._wait_until_ready(children)
            say(
                f"Prometheus at {laptop.prometheus_url}, Alertmanager at {laptop.alertmanager_url}."
            )
            if not self._serving.exists():
                say("Nothing is served yet: `tamis serve` is found when it starts.")
            while not self._stopping:
                self._follow()
                _alive(children)
                time.sleep(LOOK_S)
        finally:
            for child in children:
                child.stop()

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _follow(self) -> None:
        """Watch what is served now: a new `tamis serve` may have other ports."""
        found = {**served(self._serving), "retrain": self._retrain}
        if found != self._watched:
            laptop_files.watch(self._laptop.folder, found)
            self._watched = found

    def _wait_until_ready(self, children: Sequence[Child]) -> None:
        deadline = time.monotonic() + READY_S
        urls = [self._laptop.prometheus_url, self._laptop.alertmanager_url]
        while urls and not self._stopping:
            _alive(children)
            if time.monotonic() > deadline:
                raise TamisError("monitor_ended", f"{urls[0]} was not ready in {READY_S:.0f} s.")
            urls = [url for url in urls if not _ready(url)]
            time.sleep(0.05)


def served(file: Path) -> dict[str, str]:
    """Where the service's metrics are.

    Args:
        file: What `tamis serve` wrote.

    Returns:
        Component -> host:port; nothing when the file isn't there, or is just being written.
    """
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        predictor = urlsplit(str(document["predictor"])).netloc
        return {
            "predictor": predictor,
            "transformer": f"127.0.0.1:{int(document['metrics_port'])}",
        }
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return {}


def program(name: str) -> str:
    """Where a program is.

    Args:
        name: Of `PROGRAMS`.

    Returns:
        Its path.

    Raises:
        InputError: `not_installed`.
    """
    for binary in PROGRAMS[name]:
        if found := shutil.which(binary):
            return found
    raise InputError(
        "not_installed",
        f"{name} is not installed.",
        "On Debian and Ubuntu: apt-get install prometheus prometheus-alertmanager.",
    )


def say(sentence: str) -> None:
    """Tell whoever started this."""
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def _alive(children: Sequence[Child]) -> None:
    for child in children:
        if child.died():
            raise TamisError("monitor_ended", f"{child.name} ended; its last line says why.")


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=2) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)
    except OSError:
        return False


def main(argv: Sequence[str] | None = None) -> None:
    """Run the monitor until it is told to stop.

    Args:
        argv: Arguments; the process's own by default.

    Raises:
        SystemExit: With the error's exit status.
    """
    told = _parser().parse_args(argv)
    laptop = Laptop(
        told.folder,
        told.prometheus_port,
        told.alertmanager_port,
        told.webhook,
        told.token_file,
        told.quick,
    )
    with exit_on_error():
        Monitor(laptop, told.serving, told.retrain_metrics).run()


def _port(text: str) -> int:
    number = int(text)
    if not 0 < number < 65_536:
        raise argparse.ArgumentTypeError(f"must be 1 to 65535, not {number}")
    return number


def _parser() -> argparse.ArgumentParser:
    default = Laptop(Path(".tamis/monitor"))
    parser = argparse.ArgumentParser(
        prog="make monitor",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--folder", type=Path, default=default.folder, help="for files and data")
    add("--prometheus-port", type=_port, default=default.prometheus_port, help="on 127.0.0.1")
    add("--alertmanager-port", type=_port, default=default.alertmanager_port, help="on 127.0.0.1")
    add("--webhook", default=default.webhook, help="where `tamis trigger` takes alerts")
    add("--token-file", type=Path, default=default.token_file, help="the token it asks for")
    add("--retrain-metrics", default="127.0.0.1:9091", help="its metrics, host:port")
    add("--serving", type=Path, default=SERVING, help="what `tamis serve` wrote")
    add("--quick", action="store_true", help="alerts wait seconds instead of minutes")
    return parser


if __name__ == "__main__":
    main()
