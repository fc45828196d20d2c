//! Python hands for `mesos-sim`: load an experiment, run it, get tables, and let a Python class be the scheduler.
//!
//! Nothing is decided here: every method is one of the Rust library's. Runs go on outside of Python's lock; it is taken only
//! while a Python scheduler chooses.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mesos_core::{Attributes, Instant};
use mesos_sim::experiment::{self, Column, Progress, SchedulerMaker};
use mesos_sim::scheduler::{Chooser, InHand, JobScheduler, Options, Placement, WaitingJob};
use mesos_sim::workload::{self, Relation};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

fn refused(error: &experiment::ExperimentError) -> PyErr {
    match error {
        experiment::ExperimentError::File { .. } => PyOSError::new_err(error.to_string()),
        _ => PyValueError::new_err(error.to_string()),
    }
}

/// Something that a job demands of agents.
#[pyclass(frozen, module = "mesos_sim")]
#[derive(Clone)]
struct Constraint(workload::Constraint);

#[pymethods]
impl Constraint {
    /// The attribute's name.
    #[getter]
    fn attribute(&self) -> &str {
        &self.0.attribute
    }

    /// How it is compared: `=`, `!=`, `<`, `>`, `<=`, `>=`, `in` or `present`.
    #[getter]
    fn relation(&self) -> &'static str {
        match self.0.relation {
            Relation::Equal => "=",
            Relation::NotEqual => "!=",
            Relation::Less => "<",
            Relation::Greater => ">",
            Relation::AtMost => "<=",
            Relation::AtLeast => ">=",
            Relation::OneOf => "in",
            Relation::Present => "present",
        }
    }

    /// With what; texts that any of will do are separated by `|`.
    #[getter]
    fn value(&self) -> &str {
        &self.0.value
    }

    /// Whether the agent of an offer meets it.
    fn is_met_by(&self, offer: &Offer) -> bool {
        self.0.is_met_by(&offer.known)
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("<mesos_sim.Constraint {}>", self.0)
    }
}

/// A job of which tasks wait.
#[pyclass(frozen, module = "mesos_sim")]
struct Job {
    /// To name it in a placement.
    #[pyo3(get)]
    index: u32,
    /// Its name in the trace.
    #[pyo3(get)]
    name: String,
    /// How many of its tasks wait.
    #[pyo3(get)]
    waiting: u32,
    /// How many of them run.
    #[pyo3(get)]
    running: u32,
    /// Cores, MB, MB of disk and GPUs that each of them needs.
    #[pyo3(get)]
    cpus: f64,
    #[pyo3(get)]
    mem: f64,
    #[pyo3(get)]
    disk: f64,
    #[pyo3(get)]
    gpus: f64,
    /// When it was submitted, in seconds from the beginning.
    #[pyo3(get)]
    submitted_at: f64,
    /// How long a task is expected to run, in seconds; infinite for services.
    #[pyo3(get)]
    expected: f64,
    /// When it should be done, in seconds from the beginning.
    #[pyo3(get)]
    deadline: Option<f64>,
    /// Larger is more important.
    #[pyo3(get)]
    priority: i32,
    /// Whether its tasks start together: all that wait are placed in one answer, or none.
    #[pyo3(get)]
    gang: bool,
    /// Whether no two of its tasks may run on one agent.
    #[pyo3(get)]
    spread: bool,
    /// What it demands of agents.
    #[pyo3(get)]
    constraints: Vec<Constraint>,
    /// Indexes of jobs of its queue that had to be done before it.
    #[pyo3(get)]
    after: Vec<u32>,
    /// On how many agents the input of each task lies; 0 if it has none.
    #[pyo3(get)]
    replicas: u32,
    /// Numbers of agents, and of how many of its tasks that were never launched the input lies there.
    #[pyo3(get)]
    near: BTreeMap<u32, usize>,
}

#[pymethods]
impl Job {
    /// Whether the agent of an offer meets all it demands of agents.
    fn admits(&self, offer: &Offer) -> bool {
        self.constraints.iter().all(|constraint| constraint.is_met_by(offer))
    }
}

/// What is in hand of one agent.
#[pyclass(frozen, module = "mesos_sim")]
struct Offer {
    /// To name it in a placement.
    #[pyo3(get)]
    index: usize,
    /// The agent's number.
    #[pyo3(get)]
    agent: u32,
    /// Cores, MB, MB of disk and GPUs that are offered.
    #[pyo3(get)]
    cpus: f64,
    #[pyo3(get)]
    mem: f64,
    #[pyo3(get)]
    disk: f64,
    #[pyo3(get)]
    gpus: f64,
    /// What is said about the agent, as `name:value;name:value`.
    #[pyo3(get)]
    attributes: String,
    known: Attributes,
}

/// An instance of a Python class that chooses.
struct PyChooser(Py<PyAny>);

impl std::fmt::Debug for PyChooser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PyChooser")
    }
}

impl PyChooser {
    fn call(
        &self,
        py: Python<'_>,
        now: Instant,
        jobs: &[WaitingJob<'_>],
        offers: &[InHand<'_>],
    ) -> PyResult<Vec<Placement>> {
        let jobs = jobs.iter().map(|row| {
            let secs = |time: Duration| time.as_secs_f64();
            let expected = row.job.expected(0);
            Job {
                index: row.index,
                name: row.job.name.to_string(),
                waiting: row.waiting,
                running: row.running,
                cpus: row.job.need.cpus().to_f64(),
                mem: row.job.need.mem().to_f64(),
                disk: row.job.need.disk().to_f64(),
                gpus: row.job.need.gpus().to_f64(),
                submitted_at: secs(row.job.submit_at),
                expected: if expected == Duration::MAX { f64::INFINITY } else { secs(expected) },
                deadline: row.job.deadline.map(secs),
                priority: row.job.priority,
                gang: row.job.is_gang,
                spread: row.job.is_spread,
                constraints: row.job.constraints.iter().cloned().map(Constraint).collect(),
                after: row.job.after.to_vec(),
                replicas: row.job.replicas,
                near: row.near.iter().map(|(agent, tasks)| (*agent, tasks.len())).collect(),
            }
        });
        let offers = offers.iter().enumerate().map(|(index, row)| Offer {
            index,
            agent: row.agent,
            cpus: row.resources.cpus().to_f64(),
            mem: row.resources.mem().to_f64(),
            disk: row.resources.disk().to_f64(),
            gpus: row.resources.gpus().to_f64(),
            attributes: row.attributes.to_string(),
            known: row.attributes.clone(),
        });
        let jobs = PyList::new(py, jobs.map(|job| Py::new(py, job)).collect::<PyResult<Vec<_>>>()?)?;
        let offers = PyList::new(py, offers.map(|offer| Py::new(py, offer)).collect::<PyResult<Vec<_>>>()?)?;
        let now = now.since(Instant::ZERO).as_secs_f64();
        let chosen = self.0.bind(py).call_method1("choose", (now, jobs, offers))?;
        let chosen: Vec<(u32, usize, u32)> = chosen.extract()?;
        Ok(chosen.into_iter().map(|(job, offer, tasks)| Placement { job, offer, tasks }).collect())
    }
}

impl Chooser for PyChooser {
    /// An exception becomes a panic, which the run reports as this scheduler's fault.
    fn choose(&mut self, now: Instant, jobs: &[WaitingJob<'_>], offers: &[InHand<'_>]) -> Vec<Placement> {
        Python::attach(|py| self.call(py, now, jobs, offers).unwrap_or_else(|error| panic!("{error}")))
    }

    fn is_holding(&mut self, now: Instant) -> bool {
        Python::attach(|py| {
            let own = self.0.bind(py);
            if !own.hasattr("holds").unwrap_or(false) {
                return false;
            }
            let said = own.call_method1("holds", (now.since(Instant::ZERO).as_secs_f64(),));
            said.and_then(|said| said.is_truthy()).unwrap_or_else(|error| panic!("{error}"))
        })
    }

    fn ended(&mut self, now: Instant, job: u32, ran: Duration, is_well: bool) {
        Python::attach(|py| {
            let own = self.0.bind(py);
            if own.hasattr("ended").unwrap_or(false) {
                let now = now.since(Instant::ZERO).as_secs_f64();
                let told = own.call_method1("ended", (now, job, ran.as_secs_f64(), is_well));
                told.unwrap_or_else(|error| panic!("{error}"));
            }
        });
    }
}

/// What its author calls this state of a scheduler's code; nothing says that nobody can tell.
fn version_of(class: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    match class.getattr_opt("version")? {
        Some(version) if !version.is_none() => Ok(Some(version.str()?.to_string())),
        _ => Ok(None),
    }
}

/// An experiment, described by a file.
#[pyclass(frozen, module = "mesos_sim")]
struct Experiment(experiment::Experiment);

#[pymethods]
impl Experiment {
    /// Reads the file at this path.
    #[staticmethod]
    fn load(path: PathBuf) -> PyResult<Self> {
        experiment::Experiment::load(&path).map(Self).map_err(|error| refused(&error))
    }

    /// Takes the text of a file; names of other files in it are relative to the folder.
    #[staticmethod]
    #[pyo3(signature = (text, folder = None))]
    fn parse(text: String, folder: Option<PathBuf>) -> PyResult<Self> {
        let folder = folder.unwrap_or_default();
        let command = "mesos_sim.Experiment.parse(..).run()".to_owned();
        experiment::Experiment::parse(text, folder, command).map(Self).map_err(|error| refused(&error))
    }

    /// What is run: names and values of what is swept, and the seed.
    fn cases(&self, py: Python<'_>) -> PyResult<Vec<Py<PyDict>>> {
        let cases = self.0.cases().map_err(|error| refused(&error))?;
        let row = |case: &experiment::Case| {
            let row = PyDict::new(py);
            case.parameters.iter().try_for_each(|(name, value)| row.set_item(name, value))?;
            row.set_item("seed", case.seed)?;
            Ok(row.unbind())
        };
        cases.iter().map(row).collect()
    }

    /// Runs every case. Queues whose discipline is a name in `schedulers` are scheduled by instances of that class. With a
    /// folder, cases whose results are there already are not run again, unless a class without a `version` schedules them.
    #[pyo3(signature = (folder = None, threads = None, schedulers = None))]
    fn run(
        &self,
        py: Python<'_>,
        folder: Option<PathBuf>,
        threads: Option<usize>,
        schedulers: Option<BTreeMap<String, Py<PyAny>>>,
    ) -> PyResult<Results> {
        let mut experiment = self.0.clone();
        let mut named = Vec::new();
        for (name, class) in schedulers.unwrap_or_default() {
            let version = version_of(class.bind(py))?;
            let own = class.bind(py).getattr("__name__");
            named.push(format!("{name:?}: {}", own.map_or_else(|_| "..".to_owned(), |own| own.to_string())));
            let class = Arc::new(class);
            let maker: SchedulerMaker = Arc::new(move |workload, queue, agents| {
                let made = Python::attach(|py| class.call0(py));
                let chooser = PyChooser(made.unwrap_or_else(|error| panic!("it cannot be made: {error}")));
                let options = Options { agents, ..Options::default() };
                JobScheduler::new(workload, queue, options).choosing(Box::new(chooser)).boxed()
            });
            experiment = match version {
                Some(version) => experiment.with_scheduler_version(&name, &version, maker),
                None => experiment.with_scheduler(&name, maker),
            };
        }
        if !named.is_empty() {
            // Who runs the file alone gets no schedulers of somebody's own.
            experiment.command = format!("{} with schedulers={{{}}}", experiment.command, named.join(", "));
        }
        let threads = threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into));
        let reused = AtomicUsize::new(0);
        let note = |progress: Progress<'_>| reused.store(progress.resumed, Ordering::Relaxed);
        let outcomes = py.detach(|| experiment.run(folder.as_deref(), threads, &note));
        let outcomes = outcomes.map_err(|error| refused(&error))?;
        Ok(Results { experiment, outcomes, reused: reused.into_inner() })
    }

    fn __repr__(&self) -> String {
        format!("<mesos_sim.Experiment {}>", self.0.description.name)
    }
}

/// What came of an experiment.
#[pyclass(frozen, module = "mesos_sim")]
struct Results {
    experiment: experiment::Experiment,
    outcomes: Vec<experiment::Outcome>,
    reused: usize,
}

#[pymethods]
impl Results {
    /// The columns of a table, `runs`, `figures` or `curves`, each a list.
    fn columns(&self, py: Python<'_>, name: &str) -> PyResult<Py<PyDict>> {
        let tables = experiment::tables(&self.outcomes);
        let table = tables.iter().find(|table| table.name == name);
        let table = table.ok_or_else(|| PyValueError::new_err("there are the tables runs, figures and curves"))?;
        let columns = PyDict::new(py);
        for (name, column) in &table.columns {
            match column {
                Column::Text(values) => columns.set_item(name, values)?,
                Column::Number(values) => columns.set_item(name, values)?,
                Column::Whole(values) => columns.set_item(name, values)?,
            }
        }
        Ok(columns.unbind())
    }

    /// What was expected, beside what was found: `holds` tells whether it is within its bounds, `verdict` whether what the paper
    /// says is too, and `differs` why not.
    fn findings(&self, py: Python<'_>) -> PyResult<Vec<Py<PyDict>>> {
        let row = |finding: experiment::Finding| {
            let row = PyDict::new(py);
            row.set_item("what", finding.what)?;
            row.set_item("paper", finding.paper)?;
            row.set_item("here", finding.here)?;
            row.set_item("bound", finding.bound)?;
            row.set_item("holds", finding.verdict.is_within())?;
            row.set_item("verdict", finding.verdict.name())?;
            row.set_item("source", finding.source)?;
            row.set_item("differs", finding.differs)?;
            Ok(row.unbind())
        };
        self.experiment.findings(&self.outcomes).into_iter().map(row).collect()
    }

    /// What schedulers did that no scheduler may do, with the seed.
    fn faults(&self) -> Vec<String> {
        self.outcomes.iter().filter_map(|outcome| outcome.fault.clone()).collect()
    }

    /// Digests of the runs: equal for equal runs.
    fn digests(&self) -> Vec<String> {
        self.outcomes.iter().map(|outcome| outcome.digest.clone()).collect()
    }

    /// How many cases were not run, because their results were in the folder already.
    fn reused(&self) -> usize {
        self.reused
    }

    /// Writes tables, images and the page into a folder.
    fn write(&self, folder: PathBuf) -> PyResult<Vec<PathBuf>> {
        self.experiment.write(&folder, &self.outcomes).map_err(|error| refused(&error))
    }

    /// The page, for a notebook.
    fn _repr_html_(&self) -> String {
        experiment::page(&self.experiment, &self.outcomes)
    }
}

/// The version and the build that figures are made with, as they say it.
#[pyfunction]
fn version() -> &'static str {
    experiment::version()
}

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", experiment::VERSION)?;
    module.add_function(wrap_pyfunction!(version, module)?)?;
    module.add_class::<Experiment>()?;
    module.add_class::<Results>()?;
    module.add_class::<Constraint>()?;
    module.add_class::<Job>()?;
    module.add_class::<Offer>()
}
