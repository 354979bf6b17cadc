"""The API server of Kubeflow Pipelines v2, through its generated client.

`kfp.Client` waits without end, prints as it goes and reads a file of the user's home; the client
that it wraps does none of that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from components.contract.errors import InputError, TamisError

TIMEOUT_S = 30.0
PAGE = 100
PAGES = 1_000
"""Beyond it a server repeats itself."""
_HOST = re.compile(r"https?://[^\s/]+(/\S*)?")
_UNKNOWN_FIELD = re.compile(r'unknown field \\*"(\w+)')


class KfpApi:
    """A connection to an API server.

    Args:
        host: Its address, https or http, with whatever path leads to it.
        token_file: A file with a bearer token, read anew for each request since such tokens are
            renewed; None sends none.
        namespace: The profile's namespace in a multi-user installation; empty in others.
        ca: PEM file of the authorities that vouch for the server; None takes the usual ones.

    Raises:
        InputError: `bad_host`, `not_found`.
    """

    def __init__(
        self,
        host: str,
        token_file: Path | None = None,
        namespace: str = "",
        ca: Path | None = None,
    ) -> None:
        import kfp_server_api as server

        if not _HOST.fullmatch(host):
            raise InputError(
                "bad_host", f"{host!r} is no address.", "Write https://host or http://host:port."
            )
        self.host, self.namespace, self._server = host.rstrip("/"), namespace, server
        configuration = server.Configuration(host=self.host)
        configuration.retries = False
        if ca is not None:
            configuration.ssl_ca_cert = str(ca)
        if token_file is not None:
            _read_token(token_file)
            configuration.api_key_prefix["authorization"] = "Bearer"
            configuration.api_key["authorization"] = "read when needed"
            configuration.refresh_api_key_hook = lambda own: own.api_key.update(
                authorization=_read_token(token_file)
            )
        client = server.ApiClient(configuration)
        self.runs = server.RunServiceApi(client)
        self.recurring_runs = server.RecurringRunServiceApi(client)
        self._experiments = server.ExperimentServiceApi(client)
        self._pipelines = server.PipelineServiceApi(client)
        self._uploads = server.PipelineUploadServiceApi(client)

    def model(self, name: str, **values: Any) -> Any:
        """One of the API's objects, e.g. `V2beta1Run`."""
        return getattr(self._server, name)(**values)

    def call(self, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Call the server; its refusals are ours.

        Args:
            method: A method of one of the services.
            *arguments: Its arguments.
            **named: Its named arguments; those that are empty are left out.

        Returns:
            What it answers.

        Raises:
            TamisError: `unreachable`, `not_authenticated`, `not_authorised`, `old_backend`,
                `refused`.
        """
        import urllib3

        given = {key: value for key, value in named.items() if value not in (None, "")}
        try:
            return method(*arguments, _request_timeout=TIMEOUT_S, **given)
        except self._server.ApiException as error:
            raise self._told(error) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise TamisError(
                "unreachable",
                f"Kubeflow Pipelines at {self.host!r} can't be reached ({type(error).__name__}).",
                "Check --host, and a port-forward if there is one.",
            ) from error

    def listed(self, method: Callable[..., Any], field: str, **named: Any) -> Iterator[Any]:
        """Every object of a paged list.

        Args:
            method: The listing method.
            field: The answer's field that holds the objects.
            **named: The method's arguments.

        Yields:
            The objects.
        """
        token = ""
        for _ in range(PAGES):
            answer = self.call(method, page_size=PAGE, page_token=token, **named)
            yield from getattr(answer, field) or []
            token = answer.next_page_token or ""
            if not token:
                return

    def experiment(self, name: str) -> str:
        """The id of an experiment, which is created when there is none of that name."""
        found = next(
            self.listed(
                self._experiments.experiment_service_list_experiments,
                "experiments",
                filter=equals("display_name", name),
                namespace=self.namespace,
            ),
            None,
        )
        if found is None:
            wanted = self.model(
                "V2beta1Experiment", display_name=name, namespace=self.namespace or None
            )
            create = self._experiments.experiment_service_create_experiment
            found = self.call(create, wanted)
        return str(found.experiment_id)

    def version(self, pipeline: str, version: str, file: Path) -> tuple[str, str]:
        """A pipeline's version, uploaded when there is none of that name.

        Args:
            pipeline: The pipeline's name; it is created when there is none.
            version: The version's name, which identifies its content.
            file: The compiled pipeline.

        Returns:
            The pipeline's and the version's id.
        """
        found = next(
            self.listed(
                self._pipelines.pipeline_service_list_pipelines,
                "pipelines",
                filter=equals("display_name", pipeline),
                namespace=self.namespace,
            ),
            None,
        )
        if found is None:
            upload = self._uploads.upload_pipeline
            found = self.call(upload, str(file), name=pipeline, namespace=self.namespace)
        identity = str(found.pipeline_id)
        known = next(
            self.listed(
                lambda **named: self._pipelines.pipeline_service_list_pipeline_versions(
                    identity, **named
                ),
                "pipeline_versions",
                filter=equals("display_name", version),
            ),
            None,
        )
        if known is None:
            upload = self._uploads.upload_pipeline_version
            known = self.call(upload, str(file), name=version, pipelineid=identity)
        return identity, str(known.pipeline_version_id)

    def _told(self, error: Any) -> TamisError:
        said = _message(error)
        if error.status == 401:
            return TamisError(
                "not_authenticated",
                f"Kubeflow Pipelines at {self.host!r} doesn't know who is asking.",
                "Give --token-file a current token.",
            )
        if error.status == 403:
            return TamisError(
                "not_authorised",
                f"Kubeflow Pipelines at {self.host!r} doesn't allow this: {said}.",
                "Check --namespace and the token's rights.",
            )
        if error.status in (301, 302, 303, 307, 308):
            return TamisError(
                "not_authenticated",
                f"{self.host!r} sends us elsewhere, as a login page does.",
                "Give --token-file, or the address behind the login.",
            )
        if field := _UNKNOWN_FIELD.search(said):
            return TamisError(
                "old_backend",
                f"This Kubeflow Pipelines doesn't know {field[1]!r}, which was compiled for a newer"
                " one.",
                "Say in the parameters which it is, e.g. cluster.kfp_version: '2.5'.",
            )
        return TamisError("refused", f"Kubeflow Pipelines answers {error.status}: {said}.")


def equals(key: str, value: str) -> str:
    """A filter of the API: objects whose `key` is `value`."""
    return json.dumps({"predicates": [{"operation": "EQUALS", "key": key, "stringValue": value}]})


def _read_token(file: Path) -> str:
    try:
        token = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("not_found", f"The token file {str(file)!r} can't be read.") from error
    if not token or any(character.isspace() for character in token):
        raise InputError("bad_token", f"{str(file)!r} doesn't hold one token.")
    return token


def _message(error: Any) -> str:
    try:
        document = json.loads(error.body or "")
        message = document.get("error_message") or document.get("message") or document.get("error")
    except (ValueError, AttributeError):
        message = None
    text = " ".join(str(message or error.reason or "no reason given").split())
    return text[:400].rstrip(".")
