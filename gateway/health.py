"""The gateway's own health: is it connected, does the store work, how far behind is it, what does it use."""

import queue
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

from contracts.errors import UnavailableError
from gateway.api.schemas import CrmHealth, HealthAnswer, HistoryHealth
from gateway.engine import Engine
from gateway.figures.privacy import Anonymity
from gateway.link import Delivery
from gateway.live import Latest
from gateway.refusals import Refusals
from gateway.store.influx.sender import SenderState


class Connection(Protocol):
    """Something that is connected or not."""

    @property
    def connected(self) -> bool:
        """Whether it is."""
        ...


class Elsewhere(Protocol):
    """A history that is on a server; `gateway.store.influx.store.InfluxStore` is one."""

    @property
    def place(self) -> str:
        """Where the server is, without secrets."""
        ...

    def state(self) -> SenderState:
        """How the server is. Raises `UnavailableError`."""
        ...


class Health:
    """Puts the parts' states together. The pipeline's thread sets `store_problem`, any thread asks."""

    def __init__(
        self,
        *,
        engine: Engine,
        latest: Latest,
        refusals: Refusals,
        link: Connection,
        inbox: queue.Queue[Delivery],
        store: Path,
        k: int,
        history: Elsewhere | None = None,
        crm: Callable[[], CrmHealth] | None = None,
    ) -> None:
        self._engine = engine
        self._latest = latest
        self._refusals = refusals
        self._link = link
        self._inbox = inbox
        self._store = store
        self._history = history
        self._crm = crm
        self._anonymity = Anonymity(k)
        self.store_problem: str | None = None

    def answer(self) -> HealthAnswer:
        """The gateway's health now."""
        newest = self._latest.newest()
        problems = [] if self._link.connected else ["the broker is not connected"]
        if self.store_problem is not None:
            problems.append(self.store_problem)
        history = self._central()
        if history is not None and history.problem is not None:
            problems.append(history.problem)
        crm = None if self._crm is None else self._crm()
        if crm is not None and crm.problem is not None:
            problems.append(crm.problem)
        status: Literal["ok", "degraded", "starting"] = "degraded" if problems else "ok"
        if newest is None and not problems:
            status = "starting"
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return HealthAnswer(
            status=status,
            problems=problems,
            t_ms=newest[0].t_ms if newest else None,
            lag_ms=max(0, newest[1]) if newest else None,
            counters=dict(sorted((dict(self._refusals.counters) | dict(self._engine.counters)).items())),
            devices=self._anonymity.number(round(newest[0].present)) if newest else 0,
            cpu_s=round(usage.ru_utime + usage.ru_stime, 2),
            memory_bytes=_resident_bytes(),
            store_bytes=sum(_size(Path(f"{self._store}{part}")) for part in ("", "-wal")),
            waiting=self._inbox.qsize(),
            history=history,
            crm=crm,
        )

    def _central(self) -> HistoryHealth | None:
        if self._history is None:
            return None
        try:
            state = self._history.state()
        except UnavailableError as error:
            state = SenderState(problem=error.message)
        return HistoryHealth(
            place=self._history.place,
            problem=state.problem,
            waiting_points=state.waiting.points,
            waiting_bytes=state.waiting.bytes,
            waiting_since_ms=state.waiting.since_ms,
            refused_points=state.lost.get("refused", 0),
            dropped_points=state.lost.get("full", 0),
        )


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
