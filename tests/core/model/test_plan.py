"""A plan says in numbers what an act will ask of servers."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

from landfast.model.storage.plan import Plan, PlanDraft, Problem


def draft() -> PlanDraft:
    made = PlanDraft("restore", "mnist:v3")
    made.ask("ListObjectVersions", 2)
    made.sent("ListObjectVersions", 2)
    made.add("RestoreObject", times=1)
    made.archived(1_500)
    made.done(3)
    return made


def test_a_plan_adds_up_what_was_counted() -> None:
    plan = draft().plan()
    assert plan.requests == {"ListObjectVersions": 2, "RestoreObject": 1}
    assert (plan.objects, plan.done, plan.archived, plan.archived_bytes) == (1, 3, 1, 1_500)
    assert plan.sent == {"ListObjectVersions": 2}
    assert plan.ok


def test_equal_problems_are_one_with_a_count_and_ten_names() -> None:
    made = draft()
    for number in range(25):
        made.blame("it is gone", uri=f"s3://b/{number}", hint="Log it again.")
    made.blame("asking is not allowed", permission="s3:RestoreObject")
    gone, denied = made.plan().problems
    assert (gone.count, len(gone.examples), gone.hint) == (25, 10, "Log it again.")
    assert denied == Problem(message="asking is not allowed", permission="s3:RestoreObject")
    assert not made.plan().ok


def test_threads_may_count_at_once() -> None:
    made = PlanDraft("download", "a:v0")
    with ThreadPoolExecutor(8) as pool:
        for _ in range(1_000):
            pool.submit(made.add, "GetObject", size=2)
    assert made.plan().requests == {"GetObject": 1_000}
    assert made.plan().bytes == 2_000


def test_a_plan_is_json_able_pickles_and_reads_well() -> None:
    made = draft()
    made.blame("it is gone", uri="s3://b/1", hint="Log it again.")
    plan = made.plan()
    assert pickle.loads(pickle.dumps(plan)) == plan
    assert plan.to_dict()["problems"][0]["examples"] == ["s3://b/1"]
    assert list(plan.lines()) == [
        "restore mnist:v3 would",
        "  act on    1 objects; 3 more need nothing",
        "  send      3 requests (2 ListObjectVersions, 1 RestoreObject)",
        "  transfer  0 B",
        "  need      1 archive retrievals, 1.5 kB",
        "  (sent to find out: 2 requests (2 ListObjectVersions))",
        "problem: it is gone (1 objects)",
        "  s3://b/1",
        "  -> Log it again.",
    ]


def test_a_plan_of_nothing_says_so() -> None:
    assert Plan(act="verify", name="a:v0").summary == "verify a:v0: 0 objects, no requests, 0 B"
