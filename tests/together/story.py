"""What the tests ask the live systems, each by its own interface, and how they wait for it."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import landfast

from examples.together.systems import Together, airflow_token, ask
from tests.with_airflow.live import Live
from tests.with_dagster.live.dagster_dev import DagsterDev, LiveRun, locations, until

CHAIN = [
    ("airflow", "logged", "readings"),
    ("dagster", "used", "readings"),
    ("dagster", "logged", "features"),
    ("prefect", "used", "features"),
    ("prefect", "logged", "model"),
    ("watch", "used", "model"),
    ("watch", "logged", "card"),
]
MIRROR, AUTOMATION = "landfast_changes", "landfast_automation"
RELEASE = "release"  # the consumer's name of `landfast watch`


@dataclass(kw_only=True)
class Story:
    """The live systems, and what happens to them."""

    place: Together
    airflow: Live
    dagster: DagsterDev
    client: landfast.Client
    snapshots: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, place: Together) -> Story:
        """Get to know what runs."""
        url, home = place.urls["dagster"], place.systems["dagster"].folder
        (entry,) = locations(DagsterDev(url=url, home=home))
        (repository,) = entry["locationOrLoadError"]["repositories"]
        airflow = place.systems["airflow"]
        return cls(
            place=place,
            airflow=Live(
                url=place.urls["airflow"],
                home=airflow.folder / "airflow",
                env=airflow.env,
                token=airflow_token(place.urls["airflow"]),
            ),
            dagster=DagsterDev(
                url=url, home=home, location=entry["name"], repository=repository["name"]
            ),
            client=place.client(),
        )

    def prefect(self, path: str, body: object = None) -> Any:
        """Ask Prefect's API."""
        return ask(f"{self.place.urls['prefect']}/api/{path}", body)

    def deliver(self, *celsius: float) -> str:
        """Deliver a month and start Airflow's snapshot; return its run."""
        self.place.deliver("2026-05", *celsius)
        self.snapshots.append(self.place.snapshot())
        return self.snapshots[-1]

    def snapshot(self, *celsius: float) -> str:
        """Deliver a month, and wait for the end of Airflow's snapshot."""
        run = self.deliver(*celsius)
        self.airflow.succeeded("readings", run)
        return run

    def model_of_latest(self) -> landfast.ArtifactVersion:
        """Wait for the model that was made of the readings that are the latest now."""
        readings = self.client.get("weather/readings").qualified_name

        def trained() -> landfast.ArtifactVersion | None:
            made = self.client.lineage(readings).downstream
            return next(
                (self.client.get(name) for name in made if name.collection == "model"), None
            )

        return until(trained, lambda: f"model of {readings}\n{self.logs()}")

    def released(self) -> landfast.ArtifactVersion:
        """Wait until the shell has promoted the model that was made of what is the latest now."""
        model = self.model_of_latest()

        def promoted() -> bool:
            with contextlib.suppress(landfast.NotFound):
                return self.client.get("weather/model:prod") == model
            return False

        until(promoted, lambda: f"release of {model.qualified_name}\n{self.logs()}")
        return model

    def trainings(self) -> list[dict[str, Any]]:
        """Return the runs of Prefect's training, oldest first."""
        return self._flow_runs("on-features")

    def materializations(self) -> list[LiveRun]:
        """Return the runs of Dagster, oldest first."""
        return self.dagster.runs()[::-1]

    def saw_readings(self) -> None:
        """Wait until Dagster has looked at the feed."""
        self.dagster.next_tick(MIRROR)

    def releases(self) -> list[landfast.RunRecord]:
        """Return the runs of `landfast watch`, newest first."""
        return [run for run in self.client.runs() if run.key.system == "watch"]

    def all_looked(self) -> None:
        """Wait until everybody who follows the registry has looked at all that is there now."""
        position = max(change.position for change in self.client.changes())
        self.dagster.next_tick(MIRROR)
        self.dagster.next_tick(AUTOMATION)
        consumers = self.client.registry.consumers
        until(lambda: position in consumers.positions(RELEASE).values(), "look of `landfast watch`")
        since = datetime.now(UTC)

        def mirrored() -> bool:
            return any(
                datetime.fromisoformat(run["start_time"]) > since
                and run["state"]["message"].endswith(f"feed at {position}")
                for run in self._flow_runs("changes")
                if run["state_type"] == "COMPLETED"
            )

        until(mirrored, lambda: f"mirror run after {since}\n{self.logs()}")

    def lineage(self, name: str = "weather/card") -> dict[str, Any]:
        """Return what `landfast lineage --json` says in the shell."""
        found: dict[str, Any] = json.loads(self.place.lineage(name, "--json"))
        return found

    def logs(self) -> str:
        """Return the ends of all logs, for a failed wait."""
        return "\n".join(each.logs(12) for each in self.place.systems.values())

    def _flow_runs(self, deployment: str) -> list[dict[str, Any]]:
        chosen = {
            "deployments": {"name": {"any_": [deployment]}},
            "flow_runs": {"start_time": {"is_null_": False}},
            "sort": "START_TIME_DESC",
            "limit": 100,
        }
        found: list[dict[str, Any]] = self.prefect("flow_runs/filter", chosen)
        return found[::-1]


def steps(lineage: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return who did what with which collection, in the order of the chain."""
    found = [
        (
            edge["run"].partition("/")[0],
            edge["direction"],
            landfast.ArtifactName.parse(edge["version"]).collection,
        )
        for edge in lineage["edges"]
    ]
    return sorted(found, key=lambda step: CHAIN.index(step) if step in CHAIN else -1)


def versions(lineage: dict[str, Any]) -> dict[str, str]:
    """Return which version of each collection is in the chain."""
    named = [landfast.ArtifactName.parse(edge["version"]) for edge in lineage["edges"]]
    return {name.collection: f"v{name.index}" for name in named}
