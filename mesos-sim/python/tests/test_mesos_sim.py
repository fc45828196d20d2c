"""The Python package, from a text to tables, and a scheduler written in Python."""

import pathlib

import pytest

import mesos_sim

TEXT = """
name = "two"
seeds = 2
until = "2h"
[[cluster.agents]]
count = 4
resources = "cpus:4;mem:8192"
[[queue]]
name = "a"
scheduler = { discipline = "DISCIPLINE" }
[[queue.work]]
arrivals = { poisson = 5 }
jobs = 30
tasks = { uniform = [1, 4] }
run = { exponential = 20 }
[[expect]]
what = "everything is done"
metric = "jobs_done"
low = 30
high = 30
"""


def experiment(discipline="first_fit"):
    return mesos_sim.Experiment.parse(TEXT.replace("DISCIPLINE", discipline))


class ShortestFirst:
    """Whoever runs shortest goes first, wherever there is room."""

    def choose(self, now, jobs, offers):
        left = {offer.index: [offer.cpus, offer.mem] for offer in offers}
        placed = []
        for job in sorted(jobs, key=lambda job: job.expected):
            waiting = job.waiting
            for offer in offers:
                cpus, mem = left[offer.index]
                count = min(waiting, int(cpus // job.cpus), int(mem // job.mem))
                if count:
                    placed.append((job.index, offer.index, count))
                    left[offer.index] = [cpus - count * job.cpus, mem - count * job.mem]
                    waiting -= count
        return placed


def test_tables_have_a_row_per_case_and_the_same_seed_gives_the_same_run():
    first, again = experiment().run(), experiment().run(threads=1)
    assert first.runs["seed"] == [1, 2]
    assert first.digests == again.digests and len(set(first.digests)) == 2
    assert first.figure("jobs_done") == [30.0, 30.0]
    assert first.findings[0]["holds"] and not first.faults
    assert {"cpus_used", "wait", "share"} <= set(first.curves["metric"])


def test_a_class_in_python_is_the_scheduler():
    results = experiment("mine").run(schedulers={"mine": ShortestFirst})
    assert not results.faults
    assert results.figure("jobs_done") == [30.0, 30.0]
    # The same rule, built in: shortest first over the same offers is the same run.
    assert results.digests == experiment("shortest_first").run().digests


class Reluctant(ShortestFirst):
    """Places one task at a time."""

    def choose(self, now, jobs, offers):
        return [(job, offer, 1) for job, offer, _ in super().choose(now, jobs, offers)][:1]


def test_a_class_that_was_edited_is_run_again(tmp_path):
    own = experiment("mine")
    first = own.run(folder=tmp_path, schedulers={"mine": ShortestFirst})
    # As if the class were edited: another one under the same name.
    edited = own.run(folder=tmp_path, schedulers={"mine": Reluctant})
    assert edited.reused == 0 and edited.digests != first.digests
    assert edited.digests == own.run(schedulers={"mine": Reluctant}).digests
    # And not taken for the built-in scheduler of that name either.
    built_in = experiment("fifo")
    built_in.run(folder=tmp_path, schedulers={"fifo": ShortestFirst})
    assert built_in.run(folder=tmp_path).reused == 0


def test_a_class_with_a_version_is_run_again_when_that_is_another(tmp_path):
    def versioned(version, base=ShortestFirst):
        return type("Versioned", (base,), {"version": version})

    own = experiment("mine")
    first = own.run(folder=tmp_path, schedulers={"mine": versioned("1")})
    again = own.run(folder=tmp_path, schedulers={"mine": versioned("1")})
    assert (first.reused, again.reused) == (0, 2) and again.digests == first.digests
    edited = own.run(folder=tmp_path, schedulers={"mine": versioned("2", Reluctant)})
    assert edited.reused == 0 and edited.digests != first.digests
    # Built-in ones have the version of the build.
    assert experiment().run(folder=tmp_path).reused == 0
    assert experiment().run(folder=tmp_path).reused == 2


def test_a_scheduler_hears_how_its_tasks_end():
    ended = []

    class Curious(mesos_sim.Scheduler):
        def choose(self, now, jobs, offers):
            return ShortestFirst().choose(now, jobs, offers)

        def ended(self, now, job, ran, is_well):
            ended.append((now, job, ran, is_well))

    results = experiment("mine").run(threads=1, schedulers={"mine": Curious})
    assert not results.faults and results.figure("jobs_done") == [30.0, 30.0]
    assert len(ended) == sum(results.figure("tasks_finished"))
    assert all(is_well and ran > 0 and now > ran for now, _, ran, is_well in ended)

    class Silent(mesos_sim.Scheduler):
        """Derives what it does not write."""

        def choose(self, now, jobs, offers):
            return ShortestFirst().choose(now, jobs, offers)

    assert experiment("mine").run(schedulers={"mine": Silent}).digests == results.digests


DEMANDS = """
name = "demands"
until = "2h"
[[cluster.agents]]
count = 4
resources = "cpus:4;mem:8192;disk:1000"
attributes = "rack:r{index%2}"
[[queue]]
name = "a"
scheduler = { discipline = "mine" }
[[queue.work]]
jobs = 1
tasks = 2
run = 20
disk = 30
spread = true
constraints = ["rack = r1"]
[[queue.work]]
arrivals = { chain = 0 }
jobs = 2
tasks = 3
run = 20
gang = true
[[queue.work]]
jobs = 1
tasks = 4
run = 20
replicas = 2
"""


def demands(scheduler):
    return mesos_sim.Experiment.parse(DEMANDS).run(schedulers={"mine": scheduler})


class Obedient(mesos_sim.Scheduler):
    """One task after another on the first offer that will do; a gang on one offer."""

    seen = {}

    def choose(self, now, jobs, offers):
        left, placed = {offer.index: offer.cpus for offer in offers}, []
        for job in jobs:
            self.seen[job.index] = job
            step, used = job.waiting if job.gang else 1, set()
            for offer in [offer for offer in offers for _ in range(job.waiting)]:
                count = sum(tasks for index, _, tasks in placed if index == job.index)
                is_free = left[offer.index] >= step * job.cpus and not (job.spread and offer.agent in used)
                if count < job.waiting and is_free and job.admits(offer):
                    placed.append((job.index, offer.index, step))
                    left[offer.index] -= step * job.cpus
                    used.add(offer.agent)
        return placed


def test_a_scheduler_sees_what_jobs_demand():
    Obedient.seen = {}
    results = demands(Obedient)
    assert not results.faults and results.figure("jobs_done") == [4.0]
    spread, first, other = (next(job for job in Obedient.seen.values() if is_it(job)) for is_it in (
        lambda job: job.spread, lambda job: job.gang and not job.after, lambda job: job.replicas))
    assert [str(constraint) for constraint in spread.constraints] == ["rack = r1"]
    constraint = spread.constraints[0]
    assert (constraint.attribute, constraint.relation, constraint.value) == ("rack", "=", "r1")
    assert (spread.disk, first.disk, spread.gang, first.spread) == (30.0, 0.0, False, False)
    followers = [job for job in Obedient.seen.values() if job.after]
    assert [job.after for job in followers] == [[first.index]]
    # Two copies of each of four inputs, which may be on one agent.
    assert other.replicas == 2 and 4 <= sum(other.near.values()) <= 8 and set(other.near) <= {0, 1, 2, 3} and not spread.near


@pytest.mark.parametrize(
    "breaks, message",
    [
        (lambda job, offer: bool(job.constraints) and not job.admits(offer), "may not run on"),
        (lambda job, offer: job.spread and job.admits(offer), "which spreads, is on"),
        (lambda job, offer: job.gang, "start together or not at all"),
    ],
)
def test_what_breaks_a_demand_is_the_schedulers_own_fault(breaks, message):
    class Careless:
        def choose(self, now, jobs, offers):
            broken = [(job, offer) for job in jobs for offer in offers if breaks(job, offer)]
            return [(job.index, offer.index, min(job.waiting, 2)) for job, offer in broken[:1]]

    faults = demands(Careless).faults
    assert len(faults) == 1 and message in faults[0] and "seed 1" in faults[0]


GANG = """
name = "gang"
until = "2h"
[[cluster.agents]]
count = 2
resources = "cpus:4;mem:8192"
[[queue]]
name = "a"
scheduler = { discipline = "mine" }
[[queue.work]]
tasks = 1
run = 20
cpus = 4
[[queue.work]]
tasks = 1
run = 32
cpus = 4
[[queue.work]]
from = "15s"
tasks = 2
run = 10
cpus = 4
gang = true
"""


class Gathering(mesos_sim.Scheduler):
    """A job when there is an offer for each of its tasks."""

    def choose(self, now, jobs, offers):
        free, placed = list(offers), []
        for job in jobs:
            fits = [offer for offer in free if offer.cpus >= job.cpus][: job.waiting]
            if len(fits) == job.waiting:
                placed += [(job.index, offer.index, 1) for offer in fits]
                free = [offer for offer in free if offer not in fits]
        return placed

    def holds(self, now):
        return True


def test_a_scheduler_that_holds_offers_gathers_what_a_gang_needs():
    results = mesos_sim.Experiment.parse(GANG).run(schedulers={"mine": Gathering})
    assert not results.faults and results.figure("jobs_done") == [3.0]
    # From the submission of the first to the end of the last: 32 s of the longest, and 10 s of the gang.
    (makespan,) = results.figure("makespan_secs")
    assert 42 < makespan < 46


def test_what_is_expected_and_differs_from_the_paper_says_why():
    text = TEXT.replace("DISCIPLINE", "fifo") + 'paper = 99\ndiffers = "another load"\n'
    (finding,) = mesos_sim.Experiment.parse(text).run().findings
    assert (finding["holds"], finding["verdict"], finding["differs"]) == (True, "differs", "another load")


def test_every_row_says_which_build_and_command_it_is_from():
    results = experiment("mine").run(schedulers={"mine": ShortestFirst})
    assert mesos_sim.version().startswith(mesos_sim.__version__ + "+")
    for table in (results.runs, results.figures, results.curves):
        assert set(table["version"]) == {mesos_sim.version()}
        assert all("ShortestFirst" in command for command in table["command"])


def test_an_exception_is_the_schedulers_own_fault():
    class Broken:
        def choose(self, now, jobs, offers):
            raise KeyError("no such thing")

    faults = experiment("mine").run(schedulers={"mine": Broken}).faults
    assert len(faults) == 2 and "KeyError" in faults[0] and "seed 1" in faults[0]


def test_what_is_wrong_is_said():
    with pytest.raises(ValueError, match="write fifo, first_fit"):
        experiment("last_fit").run()
    with pytest.raises(ValueError, match="cluster"):
        mesos_sim.Experiment.parse("name = 'x'")
    with pytest.raises(OSError):
        mesos_sim.run("there/is/none.toml")


def test_results_are_written_and_shown(tmp_path):
    results = experiment().run(folder=tmp_path)
    written = {pathlib.Path(path).name for path in results.write(tmp_path)}
    assert {"runs.csv", "figures.csv", "curves.csv", "report.html"} <= written
    assert {"runs.parquet", "figures.parquet", "curves.parquet"} <= written
    assert "<svg" in results._repr_html_()


def test_what_is_written_as_parquet_is_what_the_tables_hold(tmp_path):
    polars = pytest.importorskip("polars")
    results = experiment().run(folder=tmp_path)
    results.write(tmp_path)
    read = polars.read_parquet(tmp_path / "figures.parquet")
    assert read.to_dict(as_series=False) == dict(results.figures)


def test_traces_of_opendc_are_read_as_parquet(tmp_path):
    polars = pytest.importorskip("polars")
    # Two machines of ten minutes, as its tables have them.
    tasks = {"id": ["1", "2"], "submission_time": [0, 60_000], "duration": [600_000, 600_000], "cpu_count": [1, 2]}
    tasks |= {"cpu_capacity": [2_000.0, 4_000.0], "mem_capacity": [1_024, 2_048]}
    polars.DataFrame(tasks).write_parquet(tmp_path / "tasks.parquet", compression="snappy")
    text = GANG[: GANG.index("[[queue]]")] + '[trace]\nfiles = ["tasks.parquet"]\n'
    results = mesos_sim.Experiment.parse(text, folder=tmp_path).run()
    assert results.figure("jobs_done") == [2.0]


def test_arrow_and_polars_where_they_are():
    results = experiment().run()
    arrow = pytest.importorskip("pyarrow")
    assert isinstance(results.runs.to_arrow(), arrow.Table)
    polars = pytest.importorskip("polars")
    assert results.figures.to_polars().filter(polars.col("metric") == "jobs").height >= 2


def test_the_example_notebook_runs():
    nbclient = pytest.importorskip("nbclient")
    import nbformat

    path = pathlib.Path(__file__).parent.parent / "examples" / "own_scheduler.ipynb"
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(path.parent)}}).execute()
