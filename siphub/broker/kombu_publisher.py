"""Publishes from a thread with a connection of its own, so that no caller ever waits longer than it said.

A thread that hangs in a broker's client library cannot be ended: it is left behind, and a new one with a new connection takes over.
It must never let two threads use one connection.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from queue import SimpleQueue

from siphub.broker.kombu_link import Link
from siphub.errors import BrokerLost

Work = Callable[[Link, float], None]
"""Something to do with the publishing connection before a time of the monotonic clock."""

_CLOSE_TIMEOUT = timedelta(seconds=1)


class _Job:
    def __init__(self, work: Work, timeout: timedelta) -> None:
        self.work = work
        self.until = time.monotonic() + timeout.total_seconds()
        self.done = threading.Event()
        self.error: BaseException | None = None


def _late() -> BrokerLost:
    return BrokerLost("the broker did not answer in time")


class _Worker:
    """The thread. It opens its connection for the first job, and again after one that failed."""

    def __init__(self, open_link: Callable[[], Link]) -> None:
        self._open_link = open_link
        self._current: _Job | None = None
        self.jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self.thread = threading.Thread(target=self._serve, name="publisher", daemon=True)
        self.thread.start()

    def hangs(self) -> bool:
        """Say whether the thread is busy with a job whose time is up; nothing behind it will be done."""
        job = self._current
        return job is not None and time.monotonic() >= job.until

    def _serve(self) -> None:
        link: Link | None = None
        while (job := self.jobs.get()) is not None:
            self._current = job
            if time.monotonic() < job.until:
                link = self._attempt(job, link)
            else:
                job.error = _late()
            self._current = None
            job.done.set()
        if link is not None:
            link.close()

    def _attempt(self, job: _Job, link: Link | None) -> Link | None:
        """Do a job; on a connection that had gone stale, once more on a new one. Returns the connection where it is still good."""
        stale = link is not None
        try:
            link = link or self._open_link()
            job.work(link, job.until)
        except BaseException as error:  # noqa: BLE001 - handed to the caller, who waits for it
            if link is not None:
                link.close()
            if stale and isinstance(error, BrokerLost) and time.monotonic() < job.until:
                return self._attempt(job, None)
            job.error = error
            return None
        return link


class Publisher:
    """Does work on a connection, one piece at a time, for callers in any thread.

    Args:
        open_link: Gives a new connection with the topology declared, or raises BrokerLost. Called at the first use.
    """

    def __init__(self, open_link: Callable[[], Link]) -> None:
        self._open_link = open_link
        self._worker: _Worker | None = None
        self._closed = False
        self._lock = threading.Lock()

    def run(self, work: Work, timeout: timedelta) -> None:
        """Do a piece of work and return when it is done, or raise what it raised.

        Raises:
            BrokerLost: Also where it was not done within `timeout`, or the publisher was closed.
        """
        job = _Job(work, timeout)
        worker = self._take(job)
        if not job.done.wait(timeout.total_seconds()):
            self._leave_behind(worker)
            raise _late()
        if job.error is not None:
            raise job.error

    def _take(self, job: _Job) -> _Worker:
        with self._lock:
            if self._closed:
                message = "the broker was closed"
                raise BrokerLost(message)
            worker = self._worker = self._worker or _Worker(self._open_link)
            worker.jobs.put(job)
            return worker

    def _leave_behind(self, worker: _Worker) -> None:
        with self._lock:
            if self._worker is worker and worker.hangs():
                worker.jobs.put(None)
                self._worker = None

    def close(self) -> None:
        """Let go of the connection once the work under way is done; wait a second for that. May be called twice."""
        with self._lock:
            self._closed = True
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.jobs.put(None)
            worker.thread.join(_CLOSE_TIMEOUT.total_seconds())
