"""Blob stores try again what may work later, so often, and no other error."""

import pytest
from landfast.blobs.retried import POLICY, retried
from landfast.errors import AccessDenied, Unavailable


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    waited = []
    monkeypatch.setattr("landfast.clouds.retry.time.sleep", waited.append)
    return waited


def failing(times, error):
    calls = []

    def send():
        calls.append(1)
        if len(calls) <= times:
            raise error
        return "answer"

    return send, calls


def test_answer_after_failures_is_returned(waits):
    send, calls = failing(3, Unavailable("busy"))
    assert retried(send) == "answer"
    assert (len(calls), len(waits)) == (4, 3)
    assert waits == sorted(waits)


def test_last_error_is_raised_after_so_many_tries(waits):
    send, calls = failing(99, Unavailable("busy"))
    with pytest.raises(Unavailable):
        retried(send)
    assert (len(calls), len(waits)) == (POLICY.attempts, POLICY.attempts - 1)


def test_other_errors_are_raised_at_once(waits):
    send, calls = failing(1, AccessDenied("no"))
    with pytest.raises(AccessDenied):
        retried(send)
    assert (len(calls), waits) == (1, [])


@pytest.mark.parametrize(("asked", "waited"), [(7.0, 7.0), (10_000.0, POLICY.most_s)])
def test_wait_is_what_the_server_asks_for_within_reason(asked, waited):
    assert POLICY.wait_s(1, Unavailable("busy", retry_after=asked)) == waited


@pytest.mark.parametrize("tried", [1, 2, 5, 50])
def test_wait_grows_to_a_bound(tried):
    wait_s = POLICY.wait_s(tried, Unavailable("busy", retry_after=None))
    assert 0 < wait_s <= min(POLICY.most_s, 0.25 * 2.0 ** (tried - 1))
