//! The traces people have, read where they are.

use std::path::Path;

use mesos_sim::trace::{File, Options, Table, read};

/// Where real samples lie: beside the repository, never in it.
fn real(path: &str) -> Option<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/traces");
    let path = root.join(path);
    if !path.exists() {
        eprintln!("skipped: {} is not there", path.display());
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
        ("azure-llm-2023/AzureLLMInferenceTrace_code.csv", Table::AzureLlm, 8_819),
        ("azure-llm-2023/AzureLLMInferenceTrace_conv.csv", Table::AzureLlm, 19_366),
        ("gavel/msr-seed0-0e4a51.trace", Table::Gavel, 1_181),
        ("gavel/msr-seed0-ee9e8c.trace", Table::Gavel, 2_000),
        ("tiresias/60_job.csv", Table::Tiresias, 60),
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
