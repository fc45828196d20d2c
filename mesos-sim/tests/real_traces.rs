//! The traces people have, read where they are.

use std::path::{Path, PathBuf};

use mesos_sim::trace::{File, Options, Table, read};

/// Where real samples lie: beside the repository, never in it.
fn real(path: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/traces");
    let path = root.join(path);
    if !path.exists() {
        eprintln!("skipped: {} is not there", path.display());
    }
    path.exists().then_some(path)
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
        let Some(path) = real(path) else { continue };
        let bytes = Box::new(std::fs::File::open(&path).unwrap());
        let file = File { name: path.display().to_string(), table: None, bytes };
        let (workload, report) = read(vec![file], &Options::default()).unwrap_or_else(|error| panic!("{error}"));
        let refused: u64 = report.files.iter().map(|file| file.refused).sum();
        assert_eq!(report.files[0].table, table, "{report}");
        assert_eq!(workload.jobs.len() as u64 + refused, rows, "{report}");
    }
}
