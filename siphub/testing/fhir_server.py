"""A FHIR R4 server that is not ours, for tests: Medplum's router with a repository in memory, over node, on loopback.

It validates what it is given, keeps it, finds it by its identifiers, and answers as it wants. It must never be reachable from elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Self

from siphub.contract.http import Http, HttpAnswer
from siphub.testing import node

PACKAGES: Final = "fhir-server"
"""The list of npm packages in tests/npm, and their folder in the environment."""


def missing() -> str | None:
    """Return why there can be no server here, or None."""
    return node.missing(PACKAGES)


class FhirServer:
    """The server in a process of its own, to be used in a `with` statement. `url` is its base address."""

    def __enter__(self) -> Self:
        self._process = node.started(PACKAGES, "fhir_server.cjs")
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        self._http = Http()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        self._process.communicate()

    def kept(self, kind: str) -> list[dict[str, Any]]:
        """Return what the server keeps of one type."""
        found = self._asked("GET", f"/{kind}?_count=1000").get("entry") or []
        return [one["resource"] for one in found]

    def history(self, kind: str, name: str) -> list[dict[str, Any]]:
        """Return the versions of one resource, the newest first."""
        return [one["resource"] for one in self._asked("GET", f"/{kind}/{name}/_history")["entry"]]

    def keep(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        """Let the server keep a resource of its own."""
        return dict(self._asked("POST", f"/{resource['resourceType']}", resource))

    def patch(self, kind: str, name: str, operations: list[Mapping[str, Any]]) -> None:
        """Change a resource there, as somebody at the partner would."""
        self._asked("PATCH", f"/{kind}/{name}", operations)

    def clear(self) -> None:
        """Take the faults away."""
        self.fault(200, times=0)

    def fault(self, status: int, *, times: int = 1, after: bool = False, **more: Any) -> None:
        """Let the next writes be answered with a status, before or after they are done; 0 cuts the line.

        `more` are `headers` and `outcome` of the answer, and `method` where only writes by that method are meant.
        """
        self._asked("POST", "/_fault", {"status": status, "times": times, "after": after, **more})

    def seen(self) -> list[dict[str, Any]]:
        """Return every write so far: method, url, headers."""
        return list(self._asked("GET", "/_seen"))

    def _asked(self, method: str, path: str, body: object = None) -> Any:
        sent = None if body is None else json.dumps(body).encode()
        answer = self._http.request(method, self.url + path, sent, {"Content-Type": "application/fhir+json"})
        assert isinstance(answer, HttpAnswer), answer
        return json.loads(answer.body)
