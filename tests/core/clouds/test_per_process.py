"""A client belongs to the process and is made once in it."""

import multiprocessing
import os
import warnings
from concurrent.futures import ThreadPoolExecutor

from landfast.clouds.per_process import PerProcess


def test_forked_child_makes_its_own():
    mine = PerProcess(os.getpid)
    assert mine() == os.getpid()
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=lambda: sender.send((mine(), os.getpid())))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12: fork beside threads
        child.start()
    assert receiver.poll(60)
    made_by, child_pid = receiver.recv()
    child.join(60)
    assert made_by == child_pid != os.getpid()
    assert mine() == os.getpid()


def test_fork_while_another_thread_makes_it_does_not_hang():
    made = PerProcess(os.getpid)
    with made._state.lock:
        context = multiprocessing.get_context("fork")
        receiver, sender = context.Pipe(duplex=False)
        child = context.Process(target=lambda: sender.send(made()))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child.start()
        answered = receiver.poll(60)
    child.kill()
    child.join(60)
    assert answered


def test_threads_share_one():
    calls = []

    def make():
        calls.append(1)
        return object()

    mine = PerProcess(make)
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: mine(), range(64)))
    assert (len(made), len(calls)) == (1, 1)
