//! The traces people have, read where they are, and replayed through the whole kernel.

use std::io::Write as _;
use std::path::Path;
use std::sync::Once;

use mesos_sim::trace::{File, Options, Rule, Table, read};

/// Where real samples lie: beside the repository, never in it.
fn real(path: &str) -> Option<File> {
    static SAID: Once = Once::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/traces");
    let path = root.join(path);
    if !path.exists() {
        // Written past the test harness, which keeps what tests that pass print to itself.
        let say = |missing: &Path| drop(writeln!(std::io::stderr(), "skipped: {} is not there", missing.display()));
        if root.exists() {
            say(&path);
        } else {
            SAID.call_once(|| say(&root));
        }
        return None;
    }
    let bytes = Box::new(std::fs::File::open(&path).unwrap());
    Some(File { name: path.display().to_string(), table: None, bytes })
}

#[test]
fn real_traces_are_read_where_they_are() {
    let cases = [
        ("accasim/workload.swf", Table::Swf, 25),
        ("opendc-fixtures/swf/trace.swf", Table::Swf, 5),
        ("opendc-fixtures/gwf/trace.gwf", Table::Gwf, 70),
        ("openb-2023/openb_pod_list_default.csv", Table::OpenbPods, 8_152),
        ("openb-2023/openb_pod_list_cpu100.csv", Table::OpenbPods, 7_853),
        ("openb-2023/openb_pod_list_multigpu30.csv", Table::OpenbPods, 8_508),
        ("openb-2023/openb_pod_list_gpuspec33.csv", Table::OpenbPods, 8_152),
        ("openb-2023/openb_pod_list_gpushare60.csv", Table::OpenbPods, 8_152),
        ("azure-llm-2023/AzureLLMInferenceTrace_code.csv", Table::AzureLlm, 8_819),
        ("azure-llm-2023/AzureLLMInferenceTrace_conv.csv", Table::AzureLlm, 19_366),
        ("gavel/msr-seed0-0e4a51.trace", Table::Gavel, 1_181),
        ("gavel/msr-seed0-ee9e8c.trace", Table::Gavel, 2_000),
        ("tiresias/60_job.csv", Table::Tiresias, 60),
        ("tiresias/tf_job.csv", Table::Tiresias, 2),
        ("elastisim-example/jobs.json", Table::Elastisim, 500),
        ("omega-example/example-init-cluster-state.log", Table::OmegaCell, 3),
        ("opendc-fixtures/azure/trace/vmtable/vmtable.csv.gz", Table::AzureVms, 10),
    ];
    for (path, table, rows) in cases {
        let Some(file) = real(path) else { continue };
        let (workload, report) = read(vec![file], &Options::default()).unwrap_or_else(|error| panic!("{error}"));
        let refused: u64 = report.files.iter().map(|file| file.refused).sum();
        assert_eq!(report.files[0].table, table, "{report}");
        assert_eq!(workload.jobs.len() as u64 + refused, rows, "{report}");
        // Nothing of them is farther away or longer than is believed, but for what trains for more than a year.
        let doubted = [Rule::TooFar, Rule::NoHint].map(|rule| report.rules.get(&rule).map_or(0, |seen| seen.count));
        assert_eq!(doubted, [0, 0], "{report}");
    }
}

/// Machines of real clusters are all read.
#[test]
fn real_machines_are_read_where_they_are() {
    let cases = [
        ("openb-2023/openb_node_list_all_node.csv", "openb-2023/openb_pod_list_default.csv", 1_523),
        ("openb-2023/openb_node_list_gpu_node.csv", "openb-2023/openb_pod_list_default.csv", 1_213),
        ("tiresias/cluster_spec.csv", "tiresias/60_job.csv", 16),
        ("tiresias/n32g4.csv", "tiresias/60_job.csv", 32),
        ("tiresias/n160g8.csv", "tiresias/60_job.csv", 160),
    ];
    for (machines, jobs, count) in cases {
        let [Some(machines), Some(jobs)] = [real(machines), real(jobs)] else { continue };
        let (workload, report) =
            read(vec![machines, jobs], &Options::default()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((workload.machines.len(), report.files[0].refused), (count, 0), "{report}");
    }
}

/// What was used, which is no workload of its own: beside one.
#[test]
fn real_measurements_are_summed_up() {
    let readings = "opendc-fixtures/azure/trace/vm_cpu_readings/vm_cpu_readings-file-1-of-125.csv.gz";
    let files = [real("opendc-fixtures/azure/trace/vmtable/vmtable.csv.gz"), real(readings)];
    let [Some(vms), Some(readings)] = files else { return };
    let (workload, report) = read(vec![vms, readings], &Options::default()).unwrap_or_else(|error| panic!("{error}"));
    let usage = &report.usage[&Table::AzureReadings];
    assert_eq!((workload.jobs.len(), usage.samples, report.files[1].refused), (10, 100, 0), "{report}");
}

#[cfg(feature = "parquet")]
#[test]
fn real_files_of_columns_are_read_where_they_are() {
    let folder = "opendc-fixtures/opendc/trace-v2.1";
    let files = [real(&format!("{folder}/tasks.parquet")), real(&format!("{folder}/fragments.parquet"))];
    let [Some(tasks), Some(fragments)] = files else { return };
    let (workload, report) =
        read(vec![tasks, fragments], &Options::default()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.files[0].table, Table::OpendcTasks);
    assert_eq!((workload.jobs.len(), report.usage[&Table::OpendcFragments].samples), (4, 16_667), "{report}");
    for (name, failures) in [("single_failure", 1), ("two_failures", 2)] {
        let file = format!("opendc-fixtures/failure/{name}.parquet");
        let files = [real("tiresias/cluster_spec.csv"), real("tiresias/60_job.csv"), real(&file)];
        let [Some(machines), Some(jobs), Some(file)] = files else { return };
        let (workload, report) =
            read(vec![machines, jobs, file], &Options::default()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((report.files[2].rows, report.files[2].refused), (failures, 0), "{report}");
        assert!(!workload.absences.is_empty(), "{report}");
    }
}

/// A trace on a cluster that is large enough for it.
#[cfg(feature = "experiment")]
struct Replayed {
    name: &'static str,
    files: &'static [&'static str],
    /// Nothing if the trace has machines of its own.
    agents: Option<&'static str>,
    /// More about the trace, as its part of an experiment's file.
    more: &'static str,
    /// So many jobs it has, all of which end.
    jobs: f64,
}

#[cfg(feature = "experiment")]
const REPLAYED: &[Replayed] = &[
    Replayed {
        name: "accasim",
        files: &["accasim/workload.swf"],
        agents: Some("8xcpus:16;mem:65536"),
        more: "",
        jobs: 25.0,
    },
    Replayed {
        name: "opendc-swf",
        files: &["opendc-fixtures/swf/trace.swf"],
        agents: Some("64xcpus:8;mem:16384"),
        more: "",
        jobs: 5.0,
    },
    Replayed {
        name: "opendc-gwf",
        files: &["opendc-fixtures/gwf/trace.gwf"],
        agents: Some("16xcpus:8;mem:16384"),
        more: "",
        jobs: 70.0,
    },
    Replayed {
        name: "azure-vms",
        files: &[
            "opendc-fixtures/azure/trace/vmtable/vmtable.csv.gz",
            "opendc-fixtures/azure/trace/vm_cpu_readings/vm_cpu_readings-file-1-of-125.csv.gz",
        ],
        agents: Some("4xcpus:32;mem:131072"),
        more: "",
        jobs: 10.0,
    },
    Replayed {
        name: "tiresias",
        files: &["tiresias/cluster_spec.csv", "tiresias/60_job.csv"],
        agents: None,
        more: "",
        jobs: 60.0,
    },
    Replayed {
        name: "tiresias-32x4",
        files: &["tiresias/n32g4.csv", "tiresias/60_job.csv"],
        agents: None,
        more: "",
        jobs: 60.0,
    },
    Replayed {
        name: "tiresias-160x8",
        // Of its two jobs, which have one name, the first counts.
        files: &["tiresias/n160g8.csv", "tiresias/tf_job.csv"],
        agents: None,
        more: "",
        jobs: 1.0,
    },
    #[cfg(feature = "parquet")]
    Replayed {
        name: "tiresias-one-failure",
        files: &["tiresias/cluster_spec.csv", "tiresias/60_job.csv", "opendc-fixtures/failure/single_failure.parquet"],
        agents: None,
        more: "",
        jobs: 60.0,
    },
    #[cfg(feature = "parquet")]
    Replayed {
        name: "tiresias-two-failures",
        files: &["tiresias/cluster_spec.csv", "tiresias/60_job.csv", "opendc-fixtures/failure/two_failures.parquet"],
        agents: None,
        more: "",
        jobs: 60.0,
    },
    Replayed {
        name: "elastisim",
        files: &["elastisim-example/jobs.json"],
        agents: Some("64xcpus:16;mem:65536"),
        more: "",
        jobs: 500.0,
    },
    Replayed {
        name: "azure-llm",
        files: &["azure-llm-2023/AzureLLMInferenceTrace_code.csv"],
        agents: Some("64xcpus:8;mem:65536"),
        more: "",
        jobs: 8_819.0,
    },
    Replayed {
        name: "azure-llm-conversation",
        files: &["azure-llm-2023/AzureLLMInferenceTrace_conv.csv"],
        agents: Some("64xcpus:8;mem:65536"),
        more: "jobs = 3000",
        jobs: 3_000.0,
    },
    Replayed {
        name: "gavel-ee9e8c",
        files: &["gavel/msr-seed0-ee9e8c.trace"],
        agents: Some("128xcpus:48;mem:524288;gpus:8"),
        more: "jobs = 200\nspeedup = 200",
        jobs: 200.0,
    },
    Replayed {
        name: "openb-gpuspec33",
        files: &["openb-2023/openb_node_list_all_node.csv", "openb-2023/openb_pod_list_gpuspec33.csv"],
        agents: None,
        more: "jobs = 200\nspeedup = 500",
        jobs: 200.0,
    },
    Replayed {
        name: "openb-gpushare60",
        files: &["openb-2023/openb_node_list_all_node.csv", "openb-2023/openb_pod_list_gpushare60.csv"],
        agents: None,
        more: "jobs = 200\nspeedup = 500",
        jobs: 200.0,
    },
    Replayed {
        name: "openb-cpu100",
        files: &["openb-2023/openb_node_list_all_node.csv", "openb-2023/openb_pod_list_cpu100.csv"],
        agents: None,
        more: "jobs = 500\nspeedup = 500",
        jobs: 500.0,
    },
    Replayed {
        name: "openb-multigpu30",
        files: &["openb-2023/openb_node_list_gpu_node.csv", "openb-2023/openb_pod_list_multigpu30.csv"],
        agents: None,
        more: "jobs = 500",
        jobs: 500.0,
    },
    #[cfg(feature = "parquet")]
    Replayed {
        name: "opendc-parquet",
        files: &[
            "opendc-fixtures/opendc/trace-v2.1/tasks.parquet",
            "opendc-fixtures/opendc/trace-v2.1/fragments.parquet",
        ],
        agents: Some("8xcpus:16;mem:1048576"),
        more: "",
        jobs: 4.0,
    },
    Replayed {
        name: "gavel",
        files: &["gavel/msr-seed0-0e4a51.trace"],
        agents: Some("64xcpus:16;mem:65536;gpus:8"),
        more: "jobs = 200\nspeedup = 200",
        jobs: 200.0,
    },
    Replayed {
        name: "openb",
        files: &["openb-2023/openb_node_list_all_node.csv", "openb-2023/openb_pod_list_default.csv"],
        agents: None,
        more: "jobs = 1500\nspeedup = 500",
        jobs: 1_500.0,
    },
];

#[cfg(feature = "experiment")]
impl Replayed {
    fn experiment(&self) -> Option<mesos_sim::experiment::Experiment> {
        let files: Vec<String> =
            self.files.iter().map(|path| real(path).map(|file| file.name)).collect::<Option<_>>()?;
        let cluster = match self.agents.and_then(|agents| agents.split_once('x')) {
            Some((count, resources)) => format!("[[cluster.agents]]\ncount = {count}\nresources = \"{resources}\""),
            None => "[cluster]\nfrom_trace = true".to_owned(),
        };
        let text = format!(
            "name = {:?}\nuntil = \"400d\"\n{cluster}\n[trace]\nfiles = {files:?}\nqueue_by = \"user\"\nqueues = 4\n{}\n",
            self.name, self.more
        );
        let made = mesos_sim::experiment::Experiment::parse(text, std::path::PathBuf::new(), String::new());
        Some(made.unwrap_or_else(|error| panic!("{}: {error}", self.name)))
    }
}

/// Every job of every trace, of the longest ones of a part, is offered a place, runs as long as the trace says, and ends.
#[cfg(feature = "experiment")]
#[test]
fn real_traces_are_replayed_to_their_end() {
    for replayed in REPLAYED {
        let Some(experiment) = replayed.experiment() else { continue };
        let begun = std::time::Instant::now();
        let outcomes = experiment.run(None, 2, &|_| {}).unwrap_or_else(|error| panic!("{}: {error}", replayed.name));
        let [outcome] = &outcomes[..] else { panic!("{}: one case", replayed.name) };
        let trace = outcome.trace.as_deref().unwrap_or_default();
        assert!(outcome.is_done && outcome.fault.is_none(), "{}: {outcome:?}", replayed.name);
        assert_eq!(outcome.get("jobs_done", None), Some(replayed.jobs), "{}: {trace}", replayed.name);
        println!("{}: {} jobs in {:.1?}", replayed.name, replayed.jobs, begun.elapsed());
    }
}

/// What lies beside the samples and is none: the licences, and what systems and programs are like in forms of their own.
#[cfg(all(feature = "experiment", feature = "parquet"))]
const NO_TRACES: &[&str] = &[
    "LICENSES.md",
    "accasim/system_def.json",
    "elastisim-example/application_model.json",
    "gavel/msr-cluster-specs.json",
];

/// No sample is only looked at, or forgotten: each is replayed above, or a cell is drawn from it below.
#[cfg(all(feature = "experiment", feature = "parquet"))]
#[test]
fn every_real_sample_is_replayed() {
    fn walk(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    if real("LICENSES.md").is_none() {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/traces");
    let mut found = Vec::new();
    walk(&root, &mut found);
    let known: Vec<&str> = REPLAYED.iter().flat_map(|replayed| replayed.files).chain(NO_TRACES).copied().collect();
    let plain = |path: &std::path::PathBuf| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
    let mut forgotten: Vec<String> = found.iter().map(plain).collect();
    forgotten.retain(|path| !known.contains(&path.as_str()) && !path.starts_with("omega-example/"));
    assert!(forgotten.is_empty(), "not replayed: {forgotten:?}");
    let none: Vec<&&str> = NO_TRACES.iter().filter(|path| !root.join(path).exists()).collect();
    assert!(none.is_empty(), "not there: {none:?}");
}

/// What was measured in a cell: its state at the beginning, and how large jobs are, how long their tasks run and how often
/// they come, of batch and of services.
#[cfg(feature = "experiment")]
#[test]
fn a_real_cell_is_drawn_from_what_was_measured() {
    let Some(state) = real("omega-example/example-init-cluster-state.log") else { return };
    let folder = Path::new(&state.name).parent().unwrap().to_owned();
    let queue = |name: &str, kind: u32| {
        let draw = |file: &str| format!("{{ omega = {{ path = \"example_{file}_cmb.log\", kind = {kind} }} }}");
        let (gaps, tasks, run) = (draw("interarrival"), draw("csizes"), draw("runtimes"));
        format!(
            "[[queue]]\nname = {name:?}\nscheduler.discipline = \"first_fit\"\n[[queue.work]]\n\
             arrivals.gaps = {gaps}\nuntil = \"1h\"\njobs = 100\ntasks = {tasks}\nrun = {run}\ncpus = 0.5\nmem = 256\n"
        )
    };
    let text = format!(
        "name = \"cell\"\nuntil = \"2d\"\n[[cluster.agents]]\ncount = 200\nresources = \"cpus:8;mem:16384\"\n\
         [trace]\nfiles = [\"example-init-cluster-state.log\"]\n{}{}",
        queue("batch", 0),
        queue("service", 1)
    );
    let experiment = mesos_sim::experiment::Experiment::parse(text, folder, String::new()).unwrap();
    let outcome = &experiment.run(None, 1, &|_| {}).unwrap()[0];
    let of = |metric, queue| outcome.get(metric, Some(queue)).unwrap();
    assert!(outcome.is_done, "{outcome:?}");
    // Of the state at the beginning one job stays; of services about as many come as an hour has gaps between them.
    assert_eq!((of("jobs", "jobs"), of("jobs_done", "jobs")), (2.0, 1.0), "{outcome:?}");
    assert!(of("jobs", "batch") == 100.0 && of("jobs", "service") > 0.0, "{outcome:?}");
    for queue in ["batch", "service"] {
        assert_eq!(of("jobs_done", queue), of("jobs", queue), "{outcome:?}");
    }
}
