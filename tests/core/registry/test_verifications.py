"""What verify found is kept with the version, the newest few."""

from landfast.model.verdict import Verdict, VerifyReport
from landfast.registry.observations import KEPT_VERIFICATIONS
from landfast.registry.registry import Registry
from landfast.testing.registry.drafts import log


def test_the_newest_few_of_each_version_are_kept(registry: Registry) -> None:
    one, two = log(registry, "a").version, log(registry, "b").version
    assert registry.verifications(one.id) == []
    made = []
    for count in range(KEPT_VERIFICATIONS + 5):
        counts = {Verdict.INTACT: count, Verdict.GONE: count % 2}
        report = VerifyReport(digest="lf1:0", counts=counts, deep=count % 3 == 0)
        made.append(registry.add_verification(one.id, report))
        registry.add_verification(two.id, report)
    kept = registry.verifications(one.id)
    assert kept == made[::-1][:KEPT_VERIFICATIONS]
    assert kept[0].counts == {"intact": KEPT_VERIFICATIONS + 4}
    assert [each.ok for each in kept[:2]] == [True, False]
    assert len(registry.verifications(two.id)) == KEPT_VERIFICATIONS
