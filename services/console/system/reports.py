"""Reports of services and of the data map, as the console reads them, and the laws with unread values."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Self

from shared.law.library import breach_policies, policies
from shared.law.policies import LawEdition, SourceStatus
from shared.runtime.accounts import PROCESSES
from shared.runtime.mongo import Client, Document, translated
from shared.runtime.service_reports import ANSWERS, CREDENTIAL, MAP_REPORT, ServiceReport, reports_in

MOST_FINDINGS = 200
"""Findings that the page shows, the errors first."""
OF_SERVICES: Document = {"_id": {"$nin": [MAP_REPORT, CREDENTIAL]}}
SEVERITIES = ("wrong", "open", "remark")


@dataclass(frozen=True, slots=True)
class MapReport:
    """The data map in use, its graph, and the findings of its last check."""

    version: str
    collections: Sequence[Mapping[str, Any]]
    checked_at: datetime | None
    findings: Sequence[Mapping[str, str]]
    searched: int
    unexamined: Sequence[str]
    """Collections with personal data that no search examines."""
    categories: Sequence[str] | None = None
    """Categories of its fields; None in a report of an older version."""

    @classmethod
    def read(cls, stored: Document) -> Self:
        """Return the report of a *stored* document."""
        found = sorted(stored.get("findings", ()), key=lambda one: SEVERITIES.index(one["severity"]))
        return cls(
            stored["version"],
            stored["collections"],
            stored.get("checked_at"),
            found,
            stored.get("searched", 0),
            stored.get("unexamined", ()),
            stored.get("categories"),
        )

    @property
    def keys(self) -> Sequence[str]:
        """Return the keys of its collections."""
        return sorted(str(one["key"]) for one in self.collections)

    @property
    def severities(self) -> Mapping[str, int]:
        """Return the number of findings of each severity."""
        counts = Counter(one["severity"] for one in self.findings)
        return {one: counts[one] for one in SEVERITIES}

    @property
    def shown(self) -> Sequence[Mapping[str, str]]:
        """Return the findings that a page shows."""
        return self.findings[:MOST_FINDINGS]


@dataclass(frozen=True, slots=True)
class UnreachedPart:
    """A part outside the installation that a service does not reach."""

    service: str
    name: str


class ReportReader:
    """Reads the reports in the databases of the services' accounts."""

    def __init__(self, client: Client, prefix: str) -> None:
        """Read them in the databases of *prefix*."""
        self._reports = {process: reports_in(client[f"{prefix}_{process}"]) for process in PROCESSES}

    async def all(self) -> Sequence[ServiceReport]:
        """Return the last report of each service."""
        found: list[ServiceReport] = []
        for reports in self._reports.values():
            with translated("read the reports"):
                stored = await reports.find(OF_SERVICES).sort("_id").to_list(None)
            found += [
                ServiceReport.read(one) for one in stored if "parts" in one
            ]  # each account writes its own
        return found

    async def unreached_parts(self, now: datetime) -> Sequence[UnreachedPart]:
        """Return the parts outside the installation that did not answer in the reports of late."""
        return [
            UnreachedPart(report.service, name)
            for report in await self.all()
            if not report.silent(now)
            for name, state in report.parts.items()
            if state != ANSWERS
        ]

    async def data_map(self) -> MapReport | None:
        """Return the report about the data map; None before fulfillment has written one."""
        with translated("read the report about the data map"):
            stored = await self._reports["fulfillment"].find_one({"_id": MAP_REPORT}, {"svg": 0})
        return None if stored is None else MapReport.read(stored)

    async def graph(self) -> str | None:
        """Return the graph of the data map as SVG; None before fulfillment has drawn it."""
        with translated("read the graph of the data map"):
            stored = await self._reports["fulfillment"].find_one({"_id": MAP_REPORT}, {"svg": 1})
        return None if stored is None else str(stored["svg"])


@dataclass(frozen=True, slots=True)
class UnreadLaw:
    """An edition of a law with values whose provision was not read."""

    id: str
    unread: int
    deadlines: tuple[str, ...]
    """Deadlines among them; without acceptance the law then does not apply."""
    applies: bool


@lru_cache(maxsize=1)
def unread_laws(accepted: frozenset[str]) -> Sequence[UnreadLaw]:
    """Return the editions with unread values, given the *accepted* laws (HABEAS_LAWS_ACCEPTED)."""
    requests, breaches = policies().accepting(accepted), breach_policies().accepting(accepted)
    return [
        *(_unread(one, applies=requests.applies(one)) for one in requests if _count(one)),
        *(_unread(one, applies=breaches.applies(one)) for one in breaches if _count(one)),
    ]


def _count(edition: LawEdition) -> int:
    return edition.read_counts.get(SourceStatus.UNREAD, 0)


def _unread(edition: LawEdition, *, applies: bool) -> UnreadLaw:
    return UnreadLaw(edition.id, _count(edition), edition.unread_deadlines, applies)
