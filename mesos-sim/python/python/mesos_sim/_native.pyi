from os import PathLike
from typing import Any, Dict, List, Optional, Union

__version__: str

class Job:
    index: int
    name: str
    waiting: int
    running: int
    cpus: float
    mem: float
    gpus: float
    submitted_at: float
    expected: float
    deadline: Optional[float]
    priority: int

class Offer:
    index: int
    agent: int
    cpus: float
    mem: float
    gpus: float
    attributes: str

class Results:
    def columns(self, name: str) -> Dict[str, List[Any]]: ...
    def findings(self) -> List[Dict[str, Any]]: ...
    def faults(self) -> List[str]: ...
    def digests(self) -> List[str]: ...
    def write(self, folder: Union[str, PathLike]) -> List[PathLike]: ...
    def _repr_html_(self) -> str: ...

class Experiment:
    @staticmethod
    def load(path: Union[str, PathLike]) -> Experiment: ...
    @staticmethod
    def parse(text: str, folder: Union[str, PathLike, None] = None) -> Experiment: ...
    def cases(self) -> List[Dict[str, Any]]: ...
    def run(
        self,
        folder: Union[str, PathLike, None] = None,
        threads: Optional[int] = None,
        schedulers: Optional[Dict[str, type]] = None,
    ) -> Results: ...
