"""VersionStorage: what can be asked of stores for the recorded objects of a version, and plans of it."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Unpack

from landfast.context import Context
from landfast.model.options import RestoreOptions
from landfast.model.version import VersionRecord
from landfast.spelling import named_options
from landfast.system.progress import progress

if TYPE_CHECKING:
    from landfast.model.storage.plan import Plan
    from landfast.model.storage.restore import RestoreReport
    from landfast.restore.run import Wanted


class VersionStorage:
    """The part of an `ArtifactVersion` that acts on its objects where they lie."""

    _record: VersionRecord

    @property
    @abstractmethod
    def context(self) -> Context:
        """What it is read with."""

    @property
    @abstractmethod
    def qualified_name(self) -> str:
        """Its full name, with the version."""

    @named_options(RestoreOptions)
    def restore(
        self,
        *,
        wait: bool = False,
        timeout: float | None = None,
        **options: Unpack[RestoreOptions],
    ) -> RestoreReport:
        """Ask for what lies in an archive; `Client.restore` has the options."""
        from landfast.restore.run import restore
        from landfast.restore.wait import Patience

        patience = Patience(timeout_s=timeout) if wait else None
        with progress(f"restoring {self.qualified_name}") as report:
            wanted, stores = self._archived(options), self.context.stores
            return restore(wanted, stores, patience=patience, progress=report)

    @named_options(RestoreOptions)
    def plan_restore(self, **options: Unpack[RestoreOptions]) -> Plan:
        """Count what `restore` would ask for; nothing is asked for."""
        from landfast.restore.run import plan_restore

        return plan_restore(self._archived(options), self.context.stores)

    def _archived(self, options: RestoreOptions) -> Wanted:
        from landfast.restore.run import Wanted

        sets = self.context.pinned_manifests(self._record)
        return Wanted.of(self.qualified_name, sets, options)
