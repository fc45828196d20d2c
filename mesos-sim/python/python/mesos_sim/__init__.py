"""The production kernel of a cluster in virtual time.

>>> import mesos_sim
>>> results = mesos_sim.run("experiment.toml")
>>> results.figures.to_polars()
"""

from __future__ import annotations

from os import PathLike
from typing import Any, Iterable, List, Mapping, Optional, Protocol, Tuple, Union

from ._native import Experiment as _Experiment
from ._native import Job, Offer, __version__
from ._native import Results as _Results

__all__ = ["Experiment", "Job", "Offer", "Results", "Scheduler", "Table", "__version__", "run"]

Placement = Tuple[int, int, int]


class Scheduler(Protocol):
    """What a scheduler written in Python has: ``choose``, and ``ended`` if it wants to know."""

    def choose(self, now: float, jobs: List[Job], offers: List[Offer]) -> Iterable[Placement]:
        """What to launch now, as ``(job.index, offer.index, tasks)``. Offers on which nothing is placed are refused."""
        ...


class Table(dict):
    """Columns by name, each a list; as Arrow or Polars where those are installed."""

    def to_arrow(self) -> Any:
        """A ``pyarrow.Table``."""
        import pyarrow

        return pyarrow.table(dict(self))

    def to_polars(self) -> Any:
        """A ``polars.DataFrame``."""
        import polars

        return polars.DataFrame(dict(self))

    def rows(self) -> List[dict]:
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
    def findings(self) -> List[dict]:
        """What was expected, beside what was found."""
        return self._native.findings()

    def figure(self, metric: str, queue: Optional[str] = None) -> List[float]:
        """One figure of every case; of all queues together if none is named."""
        return [row["value"] for row in self.figures.rows() if row["metric"] == metric and row["queue"] == queue]

    def write(self, folder: Union[str, PathLike]) -> List[PathLike]:
        """Writes tables, images and the page into a folder."""
        return self._native.write(folder)

    def _repr_html_(self) -> str:
        return self._native._repr_html_()


class Experiment:
    """An experiment, described by a file."""

    def __init__(self, native: _Experiment) -> None:
        self._native = native

    @classmethod
    def load(cls, path: Union[str, PathLike]) -> "Experiment":
        """Reads the file at this path."""
        return cls(_Experiment.load(path))

    @classmethod
    def parse(cls, text: str, folder: Union[str, PathLike, None] = None) -> "Experiment":
        """Takes the text of a file; names of other files in it are relative to the folder."""
        return cls(_Experiment.parse(text, folder))

    def cases(self) -> List[dict]:
        """What is run: names and values of what is swept, and the seed."""
        return self._native.cases()

    def run(
        self,
        folder: Union[str, PathLike, None] = None,
        threads: Optional[int] = None,
        schedulers: Optional[Mapping[str, type]] = None,
    ) -> Results:
        """Runs every case; with a folder, those whose results are there already are not run again.

        Queues whose discipline is a name in ``schedulers`` are scheduled by instances of that class.
        """
        return Results(self._native.run(folder, threads, dict(schedulers or {})))


def run(path: Union[str, PathLike], **options: Any) -> Results:
    """Runs the experiment in a file."""
    return Experiment.load(path).run(**options)
