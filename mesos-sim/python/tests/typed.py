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

    def holds(self, now: float) -> bool:
        return now < 60

    def ended(self, now: float, job: int, ran: float, is_well: bool) -> None:
        self.last: Optional[float] = ran


def demanded(job: mesos_sim.Job, offer: mesos_sim.Offer) -> bool:
    texts: List[str] = [f"{own.attribute} {own.relation} {own.value}" for own in job.constraints if own.is_met_by(offer)]
    here: int = job.near.get(offer.agent, 0)
    return bool(texts) and here > 0 and job.admits(offer) and not (job.gang or job.spread) and job.disk <= offer.disk


def misspelt(job: mesos_sim.Job) -> bool:
    return job.constraints[0].relation == "=="  # type: ignore[comparison-overlap]


class NoScheduler:
    pass


results = mesos_sim.run("experiment.toml", folder="results", schedulers={"plain": Plain, "whole": Whole})
waits: List[float] = results.figure("wait_mean_secs", queue="a")
reused: int = results.reused

experiment = mesos_sim.Experiment.parse("name = 'x'")
experiment.run(schedulers={"plain": Plain})
experiment.run(schedulers={"no": NoScheduler})  # type: ignore[dict-item]
experiment.run(thread=1)  # type: ignore[call-arg]
