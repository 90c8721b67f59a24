"""Hold a version, release it, and finish what was begun: the verbs, each to be run again as often as one likes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from landfast.errors import AccessDenied, InvalidInput, LandfastError
from landfast.hold.act import Acting
from landfast.hold.look import look
from landfast.hold.own import OwnStore
from landfast.hold.places import Asking, Places
from landfast.hold.reach import Reach
from landfast.model.storage.holds import HoldKind, HoldReport
from landfast.model.storage.plan import Plan, PlanDraft
from landfast.model.version import VersionRecord
from landfast.pins.sets import PinSets
from landfast.registry.holds.request import HoldStart
from landfast.registry.registry import Registry
from landfast.system.progress import Report, silent

if TYPE_CHECKING:
    from landfast.stores.opener import Stores


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOptions:
    """Options to hold a version; see `Client.hold`."""

    kind: HoldKind | None = None
    reason: str = ""
    holder: str = ""
    partial: bool = False
    own: OwnStore | None = None
    """The registry's own store, if what lies there is to be held too."""


def plan_hold(
    registry: Registry,
    name: str,
    pins: PinSets,
    kind: HoldKind | None,
    report: Report = silent,
    own: OwnStore | None = None,
) -> Plan:
    """Return what holding a version would send, and what stands in the way."""
    places = Places(Asking(), PlanDraft("hold", name))
    return look(pins, kind, places, registry.holds.held_among, report, own)


def hold(
    registry: Registry,
    record: VersionRecord,
    pins: PinSets,
    options: HoldOptions,
    report: Report = silent,
) -> HoldReport:
    """Hold every object version that a version needs, or none if one of them cannot be, unless `partial`.

    Raises:
        AccessDenied: If a permission is missing, naming it.
        InvalidInput: If objects cannot be held, saying how many and why; `details["problems"]` has all.
    """
    name, asking = str(record.name), Asking()
    places = Places(asking, PlanDraft("hold", name))
    plan = look(pins, options.kind, places, registry.holds.held_among, report, options.own)
    if not plan.ok and not options.partial:
        raise _refusal(plan)
    start = HoldStart(
        version_id=record.id, holder=options.holder, kind=options.kind, reason=options.reason
    )
    registry.holds.begin(start)
    acting = Acting(registry.holds, asking)
    done = acting.hold(record.id, name, pins, options.kind, places, report, options.own)
    registry.holds.complete(record.id, options.holder)
    return done


def release(
    registry: Registry, record: VersionRecord, stores: Stores, holder: str | None
) -> HoldReport:
    """Release a version in one name, or in any; what other versions need stays held, as does what others hold."""
    registry.holds.end(record.id, holder)
    acting = Acting(registry.holds)
    if registry.holds.is_live(record.id):
        registry.holds.clear(record.id)
        return HoldReport(act="release", version=str(record.name))
    find = Reach(registry, stores).store_of
    acting.sweep(find)  # what an earlier call that was killed had begun with
    return acting.release(record.id, str(record.name), find)


def finish_releases(registry: Registry, stores: Stores) -> int:
    """Release what ended holds needed, and what a killed process left; return how many object versions."""
    acting, reach = Acting(registry.holds), Reach(registry, stores)
    released = 0
    for record in list(registry.holds.ending()):
        if registry.holds.is_live(record.version_id):
            registry.holds.clear(record.version_id)
        else:
            done = acting.release(record.version_id, str(record.version), reach.store_of)
            released = done.released
    return released + acting.sweep(reach.store_of)


def _refusal(plan: Plan) -> LandfastError:
    """Say why nothing was held: what is missing first, then what cannot be."""
    problem = next((one for one in plan.problems if one.permission), plan.problems[0])
    kind = AccessDenied if problem.permission else InvalidInput
    count = sum(one.count for one in plan.problems)
    return kind(
        f"{plan.name} is not held: {problem.message}",
        subject=plan.name,
        expected=f"permission {problem.permission}" if problem.permission else None,
        found=f"{count:,} objects that cannot be held, such as {', '.join(problem.examples[:3])}",
        hint=problem.hint or "partial=True (--partial) holds the others.",
        permission=problem.permission,
        problems=[one.to_dict() for one in plan.problems],
    )
