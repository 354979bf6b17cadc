"""Custom objects through the Kubernetes API: InferenceServices, TrainJobs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import urllib3
from kubernetes import client, config, watch
from kubernetes.config.incluster_config import InClusterConfigLoader

from components.cluster.errors import ConflictError
from components.contract.errors import TamisError

TOKEN = Path("/var/run/secrets/tamis-deployer")
"""Where the pipeline mounts the token of a service account that may do this and nothing else."""
OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
TIMEOUT_S = 30.0
TRIES, WAIT_S = 5, 1.0
"""An API server that restarts is back within half a minute; waits double."""
WATCH_S = 60
"""A watch is opened anew after that, so that a connection that died unseen is noticed."""
_PASSING = (429, 500, 502, 503, 504)

Document = dict[str, Any]


class CustomObjects:
    """Custom objects of one kind in one namespace.

    Args:
        api: A configured client.
        namespace: The namespace.
        group: Their API group.
        version: Its version.
        plural: What its URLs call them.
    """

    def __init__(
        self, api: client.ApiClient, namespace: str, group: str, version: str, plural: str
    ) -> None:
        self._api = client.CustomObjectsApi(api)
        self.namespace = namespace
        self._where = (group, version, namespace, plural)

    def get(self, name: str) -> Document | None:
        """Read an object.

        Args:
            name: The object.

        Returns:
            The object; None when there is none.

        Raises:
            TamisError: `forbidden`, `refused`, `cluster_unreachable`; so do the other calls.
        """
        return cast(
            "Document | None",
            self._call(name, lambda: self._api.get_namespaced_custom_object(*self._where, name)),
        )

    def create(self, document: Mapping[str, Any]) -> Document:
        """Create an object; `ConflictError` when there is one."""
        name = document["metadata"]["name"]
        call = self._api.create_namespaced_custom_object
        return cast(Document, self._call(name, lambda: call(*self._where, dict(document))))

    def update(self, document: Mapping[str, Any]) -> Document:
        """Replace an object by a changed copy of what was read.

        A patch would need fewer bytes, but which kinds of patch the client can send of a custom
        object differs between its releases.

        Args:
            document: The object, with the `resourceVersion` that it was read with.

        Returns:
            The object.

        Raises:
            ConflictError: When the object is another by now, or gone.
        """
        name = document["metadata"]["name"]
        call = self._api.replace_namespaced_custom_object
        done = self._call(name, lambda: call(*self._where, name, dict(document)))
        if done is None:
            raise ConflictError("changed_meanwhile", f"{name!r} was deleted meanwhile.")
        return cast(Document, done)

    def delete(self, name: str) -> None:
        """Delete an object, in the foreground: its pods go first. One that is gone is fine."""
        call = self._api.delete_namespaced_custom_object
        self._call(name, lambda: call(*self._where, name, propagation_policy="Foreground"))

    def wait(self, name: str, until: Callable[[Document], bool], seconds: float) -> Document | None:
        """Watch an object.

        Args:
            name: The object.
            until: What to wait for; may raise.
            seconds: How long.

        Returns:
            The object as it was last seen; None when it was never there.
        """
        deadline = time.monotonic() + seconds
        seen = self.get(name)
        while True:
            if seen is not None and until(seen):
                return seen
            left = deadline - time.monotonic()
            if left <= 0:
                return seen
            seen = self._next(name, seen, min(left, WATCH_S)) or self.get(name)

    def wait_gone_if_leaving(self, name: str, seconds: float) -> Document | None:
        """An object as `get` does, but one that is being deleted is waited for until it is gone.

        Args:
            name: The object.
            seconds: How long.

        Returns:
            The object; None when there is none.

        Raises:
            TamisError: `still_leaving`.
        """
        deadline = time.monotonic() + seconds
        while True:
            found = self.get(name)
            if found is None or "deletionTimestamp" not in found["metadata"]:
                return found
            if time.monotonic() >= deadline:
                raise TamisError("still_leaving", f"{name!r} is being deleted and doesn't end.")
            time.sleep(WAIT_S)

    def issue_token(self, account: str, audience: str, seconds: int) -> str:
        """Have Kubernetes issue a token of a service account of this namespace (TokenRequest).

        Args:
            account: The service account.
            audience: Whom the token is for.
            seconds: How long it is good; Kubernetes takes no less than 600.

        Returns:
            The token.

        Raises:
            TamisError: `forbidden`, `refused`, also when there is no such account;
                `cluster_unreachable`.
        """
        api = client.CoreV1Api(self._api.api_client)
        spec = client.V1TokenRequestSpec(audiences=[audience], expiration_seconds=seconds)
        body = client.AuthenticationV1TokenRequest(spec=spec)
        answer = self._call(
            account,
            lambda: api.create_namespaced_service_account_token(account, self.namespace, body),
        )
        if answer is None:
            raise TamisError("refused", f"There is no service account {account!r}.")
        return str(answer.status.token)

    def _next(self, name: str, seen: Document | None, seconds: float) -> Document | None:
        """The object's next state; None when none came, or watching failed."""
        version = seen["metadata"]["resourceVersion"] if seen else None
        stream = watch.Watch().stream(
            self._api.list_namespaced_custom_object,
            *self._where,
            field_selector=f"metadata.name={name}",
            **({"resource_version": version} if version else {}),
            timeout_seconds=max(1, int(seconds)),
            _request_timeout=(TIMEOUT_S, seconds + TIMEOUT_S),
        )
        try:
            for event in stream:
                if event["type"] in ("ADDED", "MODIFIED"):
                    return cast(Document, event["object"])
                if event["type"] == "DELETED":
                    return None
        except client.ApiException as error:
            if error.status in (401, 403):
                raise _told(name, error) from error
        except (urllib3.exceptions.HTTPError, OSError):
            pass
        time.sleep(min(seconds, WAIT_S))
        return None

    def _call(self, name: str, call: Callable[[], Any]) -> Any:
        wait = WAIT_S
        for left in reversed(range(TRIES)):
            try:
                return call()
            except client.ApiException as error:
                if error.status == 404:
                    return None
                if error.status not in _PASSING or not left:
                    raise _told(name, error) from error
            except (urllib3.exceptions.HTTPError, OSError) as error:
                if not left:
                    raise TamisError(
                        "cluster_unreachable",
                        f"The Kubernetes API can't be reached ({type(error).__name__}).",
                    ) from error
            time.sleep(wait)
            wait *= 2
        raise AssertionError("unreachable")


def connect() -> client.ApiClient:
    """A client: with the token that the pipeline mounts, else the pod's own, else kubectl's.

    Returns:
        The client.

    Raises:
        TamisError: `cluster_unreachable` when none of them is there.
    """
    settings = client.Configuration()
    try:
        if (TOKEN / "token").is_file():
            loader = InClusterConfigLoader(
                token_filename=str(TOKEN / "token"), cert_filename=str(TOKEN / "ca.crt")
            )
            loader.load_and_set(settings)
        elif OWN_NAMESPACE.is_file():
            config.load_incluster_config(settings)
        else:
            config.load_kube_config(client_configuration=settings)
    except config.ConfigException as error:
        raise TamisError(
            "cluster_unreachable", "There is neither a service account nor a kubeconfig here."
        ) from error
    settings.retries = False  # `_call` decides
    return client.ApiClient(settings)


def own_namespace() -> str:
    """The namespace of the service account that acts; `default` outside a cluster."""
    for file in (TOKEN / "namespace", OWN_NAMESPACE):
        if file.is_file():
            return file.read_text(encoding="ascii").strip()
    return "default"


def _told(name: str, error: client.ApiException) -> TamisError:
    if error.status == 409:
        return ConflictError("changed_meanwhile", f"{name!r} changed meanwhile.")
    said = _message(error)
    if error.status in (401, 403):
        return TamisError(
            "forbidden",
            f"Kubernetes refuses access to {name!r}: {said}.",
            "The table in docs/adr/0007-cluster.md lists what the service account needs.",
        )
    return TamisError("refused", f"Kubernetes refuses {name!r} ({error.status}): {said}.")


def _message(error: client.ApiException) -> str:
    try:
        message = str(json.loads(error.body or "{}").get("message") or error.reason)
    except (ValueError, AttributeError):
        message = str(error.reason)
    return " ".join(message.split())[:500].rstrip(".")
