"""The production kernel of a cluster in virtual time.

>>> import mesos_sim
>>> results = mesos_sim.run("experiment.toml")
>>> results.figures.to_polars()
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any, Callable, ClassVar, Dict, Iterable, List, Mapping, Optional, Protocol, Tuple, Union

from ._native import Constraint
from ._native import Experiment as _Experiment
from ._native import Job, Offer, __version__, version
from ._native import Results as _Results

__all__ = [
    "Chooser",
    "Constraint",
    "Experiment",
    "Job",
    "Offer",
    "Placement",
    "Results",
    "Scheduler",
    "Table",
    "__version__",
    "run",
    "version",
]

Placement = Tuple[int, int, int]


class Chooser(Protocol):
    """What every scheduler written in Python has."""

    def choose(self, now: float, jobs: List[Job], offers: List[Offer]) -> Iterable[Placement]:
        """What to launch now, as ``(job.index, offer.index, tasks)``. Offers on which nothing is placed are refused.

        What jobs demand binds: a placement without room, on an agent that ``job.admits`` not, of a second task of a ``spread``
        job on one agent, or of some waiting tasks of a ``gang`` and not all of them ends the run as the scheduler's fault.
        """
        ...


class Scheduler(Chooser, Protocol):
    """All that a scheduler written in Python may have; one that derives from this has it."""

    #: What its author calls this state of the code. Results of a scheduler with a version are used again when the same
    #: experiment is run into the same folder; those of one without are made anew, since nobody can tell what was changed.
    version: ClassVar[Optional[str]] = None

    def holds(self, now: float) -> bool:
        """Whether offers on which nothing was placed are kept until more come or jobs do, for half a minute at most.

        Asked after every choice that leaves tasks waiting.
        """
        return False

    def ended(self, now: float, job: int, ran: float, is_well: bool) -> None:
        """A task of the job with this index has ended after so many seconds; ``is_well``: as it should."""


class Table(Dict[str, List[Any]]):
    """Columns by name, each a list; as Arrow or Polars where those are installed."""

    def to_arrow(self) -> Any:
        """A ``pyarrow.Table``."""
        import pyarrow

        return pyarrow.table(dict(self))

    def to_polars(self) -> Any:
        """A ``polars.DataFrame``."""
        import polars

        return polars.DataFrame(dict(self))

    def rows(self) -> List[Dict[str, Any]]:
        """The rows, each a dictionary."""
        names = list(self)
        return [dict(zip(names, row)) for row in zip(*self.values())]


class Results:
    """What came of an experiment."""

    def __init__(self, native: _Results) -> None:
        self._native = native

    @property
    def runs(self) -> Table:
        """A row per case."""
        return Table(self._native.columns("runs"))

    @property
    def figures(self) -> Table:
        """A row per case, queue and figure."""
        return Table(self._native.columns("figures"))

    @property
    def curves(self) -> Table:
        """A row per point of every curve."""
        return Table(self._native.columns("curves"))

    @property
    def faults(self) -> List[str]:
        """What schedulers did that no scheduler may do, with the seed."""
        return self._native.faults()

    @property
    def digests(self) -> List[str]:
        """Equal for equal runs."""
        return self._native.digests()

    @property
    def reused(self) -> int:
        """How many cases were not run, because their results were in the folder already."""
        return self._native.reused()

    @property
    def findings(self) -> List[Dict[str, Any]]:
        """What was expected, beside what was found."""
        return self._native.findings()

    def figure(self, metric: str, queue: Optional[str] = None) -> List[float]:
        """One figure of every case; of all queues together if none is named."""
        return [row["value"] for row in self.figures.rows() if row["metric"] == metric and row["queue"] == queue]

    def write(self, folder: Union[str, PathLike[str]]) -> List[Path]:
        """Writes tables, images and the page into a folder."""
        return self._native.write(folder)

    def _repr_html_(self) -> str:
        return self._native._repr_html_()

    def __repr__(self) -> str:
        runs = len(self.digests)
        return f"<mesos_sim.Results of {runs} runs, {self.reused} of them made before>"


class Experiment:
    """An experiment, described by a file."""

    def __init__(self, native: _Experiment) -> None:
        self._native = native

    @classmethod
    def load(cls, path: Union[str, PathLike[str]]) -> "Experiment":
        """Reads the file at this path."""
        return cls(_Experiment.load(path))

    @classmethod
    def parse(cls, text: str, folder: Union[str, PathLike[str], None] = None) -> "Experiment":
        """Takes the text of a file; names of other files in it are relative to the folder."""
        return cls(_Experiment.parse(text, folder))

    def cases(self) -> List[Dict[str, Any]]:
        """What is run: names and values of what is swept, and the seed."""
        return self._native.cases()

    def run(
        self,
        folder: Union[str, PathLike[str], None] = None,
        threads: Optional[int] = None,
        schedulers: Optional[Mapping[str, Callable[[], Chooser]]] = None,
    ) -> Results:
        """Runs every case; with a folder, those whose results are there already are not run again.

        Queues whose discipline is a name in ``schedulers`` are scheduled by instances of that class. Cases with a class that
        has no ``version`` are always run.
        """
        return Results(self._native.run(folder, threads, dict(schedulers or {})))


def run(path: Union[str, PathLike[str]], **options: Any) -> Results:
    """Runs the experiment in a file."""
    return Experiment.load(path).run(**options)
