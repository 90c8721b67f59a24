"""Many processes log to one collection at once: no gap, no duplicate, on either database."""

from multiprocessing.synchronize import Barrier

from kit.forks import context, fork
from landfast.registry.opener import open_registry
from landfast.testing.registry.drafts import NAME, draft, log, summary
from sqlalchemy import NullPool, create_engine, text

_PROCESSES = 32
_DISTINCT, _SHARED = 20, 5
_PATIENCE_S = 240


def write(url: str, number: int, barrier: Barrier) -> None:
    """Log this process's own contents, and those that everybody logs."""
    registry = open_registry(url)
    barrier.wait(_PATIENCE_S)
    own = [f"{number} {turn}" for turn in range(_DISTINCT)]
    shared = [f"shared {turn}" for turn in range(_SHARED)]
    for turn in range(_DISTINCT):
        log(registry, own[turn])
        if turn < _SHARED:
            registry.log(draft(registry, shared[turn]))
    registry.close()


def test_many_processes_log_without_gap_or_duplicate(registry_url: str) -> None:
    barrier = context.Barrier(_PROCESSES)
    processes = [fork(write, registry_url, number, barrier) for number in range(_PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(_PATIENCE_S)
    assert [process.exitcode for process in processes] == [0] * _PROCESSES
    check_by_sql(registry_url)
    check_by_registry(registry_url)


def check_by_sql(url: str) -> None:
    expected = _PROCESSES * _DISTINCT + _SHARED
    driver = url.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(driver, poolclass=NullPool)
    with engine.connect() as connection:
        ask = connection.execute
        counted = ask(text("SELECT count(*), count(DISTINCT digest), min(number) FROM versions"))
        assert tuple(counted.one()) == (expected, expected, 0)
        numbers = ask(text("SELECT number FROM versions ORDER BY number")).scalars().all()
        assert numbers == list(range(expected))
        observed = ask(text("SELECT count(*) FROM observations")).scalar_one()
        assert observed == _PROCESSES * (_DISTINCT + _SHARED)
        positions = ask(text("SELECT position FROM changes ORDER BY position")).scalars().all()
        assert positions == list(range(1, len(positions) + 1))
        moments = ask(text("SELECT at FROM changes ORDER BY position")).scalars().all()
        assert moments == sorted(moments)
        for table in ("entities", "projects", "collections", "partitions"):
            assert ask(text(f"SELECT count(*) FROM {table}")).scalar_one() == 1
        tickets = ask(text("SELECT value FROM counters WHERE name = 'ticket'")).scalar_one()
        assert tickets == observed
    engine.dispose()


def check_by_registry(url: str) -> None:
    registry = open_registry(url)
    digests = {version.summary.digest for version in registry.versions(NAME)}
    own = (f"{number} {turn}" for number in range(_PROCESSES) for turn in range(_DISTINCT))
    shared = (f"shared {turn}" for turn in range(_SHARED))
    assert digests == {summary(content).digest for content in [*own, *shared]}
    latest = [change for change in registry.changes() if change.alias == "latest"][-1]
    assert registry.get(NAME).name == latest.version
    registry.close()
