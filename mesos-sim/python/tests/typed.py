"""What a type checker has to accept and to refuse; it is checked, and not run."""

from typing import Iterable, List, Optional

import mesos_sim


class Plain:
    """Needs no base."""

    def choose(self, now: float, jobs: List[mesos_sim.Job], offers: List[mesos_sim.Offer]) -> Iterable[mesos_sim.Placement]:
        return [(job.index, offer.index, min(job.waiting, int(offer.cpus // job.cpus))) for job in jobs for offer in offers[:1]]


class Whole(mesos_sim.Scheduler):
    version = "1"

    def choose(self, now: float, jobs: List[mesos_sim.Job], offers: List[mesos_sim.Offer]) -> Iterable[mesos_sim.Placement]:
        return []

    def ended(self, now: float, job: int, ran: float, is_well: bool) -> None:
        self.last: Optional[float] = ran


class NoScheduler:
    pass


results = mesos_sim.run("experiment.toml", folder="results", schedulers={"plain": Plain, "whole": Whole})
waits: List[float] = results.figure("wait_mean_secs", queue="a")
reused: int = results.reused

experiment = mesos_sim.Experiment.parse("name = 'x'")
experiment.run(schedulers={"plain": Plain})
experiment.run(schedulers={"no": NoScheduler})  # type: ignore[dict-item]
experiment.run(thread=1)  # type: ignore[call-arg]
