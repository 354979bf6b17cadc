"""What every pod has to say, whoever made it; each rule yields one sentence per violation.

The `restricted` Pod Security Standard
(https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted) and beyond it: a
read-only root, bounded resources and scratch space, probes that can tell a start from a hang, no
token of the API server, images by digest in production.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from tests.manifests.rendered import Pod

RESOURCES = ("cpu", "memory", "ephemeral-storage")
VOLUMES = {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"}
LEAST_USER = 10_000
"""Below lie the users of host and distribution, whose files a pod should never meet by number."""
OWN_USERS = {"postgres": 70}
"""Images of others that have a user of their own; for laptops, not for production."""
DIGEST = re.compile(r"[\w.\-/:]+@sha256:[0-9a-f]{64}")
SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|CREDENTIAL|API_?KEY", re.IGNORECASE)
_QUANTITY = re.compile(r"([0-9.]+)(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
_SUFFIX = {
    None: Decimal(1), "m": Decimal("0.001"), "k": Decimal(10**3), "M": Decimal(10**6),
    "G": Decimal(10**9), "T": Decimal(10**12), "Ki": Decimal(2**10), "Mi": Decimal(2**20),
    "Gi": Decimal(2**30), "Ti": Decimal(2**40),
}  # fmt: skip

Container = dict[str, Any]


def findings(pod: Pod) -> list[str]:
    """Everything that is wrong with a pod; empty when nothing is."""
    found = list(_pod(pod.spec))
    for volume in pod.spec.get("volumes", []):
        found += [f"volume {volume['name']}: {text}" for text in _volume(volume)]
    for kind in ("initContainers", "containers"):
        for container in pod.spec.get(kind) or []:
            for rule in CONTAINER_RULES + (MAIN_RULES if kind == "containers" else ()):
                found += [f"{container['name']}: {text}" for text in rule(container, pod)]
    if not pod.spec.get("containers"):
        found.append("has no container")
    if pod.spec.get("ephemeralContainers"):
        found.append("has ephemeral containers")
    return [f"{pod.name}: {text}" for text in found]


def _pod(spec: dict[str, Any]) -> Iterator[str]:
    if spec.get("automountServiceAccountToken") is not False:
        yield "gets a token of the API server"
    if spec.get("enableServiceLinks") is not False:
        yield "gets every service's address in its environment"
    for field in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"):
        if spec.get(field):
            yield f"sets {field}"
    context = spec.get("securityContext") or {}
    if context.get("runAsNonRoot") is not True:
        yield "may run as root"
    if (context.get("seccompProfile") or {}).get("type") != "RuntimeDefault":
        yield "has no seccomp profile"
    if not context.get("fsGroup"):
        yield "has no fsGroup: its volumes would be root's"
    if context.get("sysctls"):
        yield "sets kernel parameters"


def _volume(volume: dict[str, Any]) -> Iterator[str]:
    kinds = set(volume) - {"name"}
    if kinds - VOLUMES:
        yield f"is of the kind {', '.join(sorted(kinds - VOLUMES))}"
    if "emptyDir" in volume and not (volume["emptyDir"] or {}).get("sizeLimit"):
        yield "is unbounded"
    if "secret" in volume and volume["secret"].get("defaultMode", 0o644) & 0o007:
        yield "can be read by any user of the pod"


def _image(container: Container, pod: Pod) -> Iterator[str]:
    image = container.get("image", "")
    if pod.production and not DIGEST.fullmatch(image):
        yield f"its image {image!r} is not named by digest"
    name = image.rpartition("/")[2]
    if "@" not in name and ":" not in name:
        yield f"its image {image!r} has no tag"
    if container.get("imagePullPolicy") != "IfNotPresent":
        yield "does not say when its image is pulled"


def _context(container: Container, pod: Pod) -> Iterator[str]:
    outer, own = pod.spec.get("securityContext") or {}, container.get("securityContext") or {}
    if own.get("privileged"):
        yield "is privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "may gain privileges"
    if own.get("readOnlyRootFilesystem") is not True:
        yield "may write to its image"
    if own.get("runAsNonRoot") is not True:
        yield "may run as root"
    capabilities = own.get("capabilities") or {}
    if capabilities.get("drop") != ["ALL"] or capabilities.get("add"):
        yield "keeps capabilities"
    if (own.get("seccompProfile") or {}).get("type") != "RuntimeDefault":
        yield "has no seccomp profile"
    if own.get("procMount") not in (None, "Default"):
        yield "sees more of /proc"
    for field in ("runAsUser", "runAsGroup"):
        user = own.get(field, outer.get(field))
        least = LEAST_USER
        if not pod.production:
            least = OWN_USERS.get(container.get("image", "").partition(":")[0], LEAST_USER)
        if not isinstance(user, int) or user < least:
            yield f"its {field} is {user}"


def _resources(container: Container, _pod: Pod) -> Iterator[str]:
    resources = container.get("resources") or {}
    for name in RESOURCES:
        requested = (resources.get("requests") or {}).get(name)
        limit = (resources.get("limits") or {}).get(name)
        if requested is None:
            yield f"requests no {name}"
        if limit is None:
            yield f"has no limit of {name}"
        if requested is not None and limit is not None and quantity(requested) > quantity(limit):
            yield f"requests more {name} than its limit"


def _environment(container: Container, _pod: Pod) -> Iterator[str]:
    for variable in container.get("env") or []:
        name = variable["name"]
        if SECRET_NAME.search(name) and not name.endswith("_FILE") and "value" in variable:
            yield f"has the secret {name} in plain text"


def _mounts(container: Container, pod: Pod) -> Iterator[str]:
    given = {"secret", "configMap", "projected"}
    fixed = {v["name"] for v in pod.spec.get("volumes", []) if given & set(v)}
    scratch = {v["name"] for v in pod.spec.get("volumes", []) if "emptyDir" in v}
    mounts = container.get("volumeMounts") or []
    for mount in mounts:
        if mount["name"] in fixed and mount.get("readOnly") is not True:
            yield f"may write to {mount['mountPath']}"
    if not any(m["mountPath"] == "/tmp" and m["name"] in scratch for m in mounts):
        yield "has no scratch space at /tmp"


def _ports(container: Container, _pod: Pod) -> Iterator[str]:
    for port in container.get("ports") or []:
        if "hostPort" in port:
            yield "takes a port of its node"


def _probes(container: Container, pod: Pod) -> Iterator[str]:
    if pod.spec.get("restartPolicy", "Always") != "Always":
        if not pod.spec.get("activeDeadlineSeconds"):
            yield "may run for ever"
        return
    startup, ready, live = (
        container.get(f"{name}Probe") for name in ("startup", "readiness", "liveness")
    )
    for name, probe in (("startup", startup), ("readiness", ready), ("liveness", live)):
        if not probe:
            yield f"has no {name} probe"
    if not (startup and ready and live):
        return
    if _asked(ready) == _asked(live):
        yield "is restarted for what only makes it not ready"
    if _patience(startup) < 60:
        yield "gets less than a minute to start"
    if _patience(live) < 45:
        yield "is restarted within 45 s of a hiccup"


CONTAINER_RULES: tuple[Callable[[Container, Pod], Iterator[str]], ...] = (
    _image, _context, _resources, _environment, _mounts, _ports,
)  # fmt: skip
MAIN_RULES: tuple[Callable[[Container, Pod], Iterator[str]], ...] = (_probes,)


def _asked(probe: dict[str, Any]) -> Any:
    return {key: probe[key] for key in ("httpGet", "tcpSocket", "exec", "grpc") if key in probe}


def _patience(probe: dict[str, Any]) -> int:
    """Seconds that a probe may fail; Kubernetes' defaults are 10 s and 3 tries."""
    return int(probe.get("periodSeconds", 10)) * int(probe.get("failureThreshold", 3))


def quantity(value: str | int) -> Decimal:
    """A Kubernetes quantity as a number."""
    match = _QUANTITY.fullmatch(str(value))
    assert match, value
    return Decimal(match[1]) * _SUFFIX[match[2]]
