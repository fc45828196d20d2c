//! A few rows of every table, written by us and true to its schema: for tests, and to see what a file looks like.

use super::Table;

/// Some rows of one table.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Of which.
    pub table: Table,
    /// As they stand in a file.
    pub text: &'static str,
    /// How many jobs they amount to, read alone.
    pub jobs: usize,
    /// How many machines.
    pub machines: usize,
}

macro_rules! sample {
    ($table:ident, $jobs:literal, $machines:literal, $file:literal) => {
        Sample {
            table: Table::$table,
            text: include_str!(concat!("sample/", $file, ".txt")),
            jobs: $jobs,
            machines: $machines,
        }
    };
}

/// One sample per table. Those without jobs of their own only make sense beside others.
pub const SAMPLES: &[Sample] = &[
    sample!(Swf, 3, 4, "swf"),
    sample!(Gwf, 3, 0, "gwf"),
    sample!(GoogleVersion1, 3, 0, "google-version-1"),
    sample!(Google2011Jobs, 0, 0, "google-2011-job-events"),
    sample!(Google2011Tasks, 2, 0, "google-2011-task-events"),
    sample!(Google2011Constraints, 0, 0, "google-2011-task-constraints"),
    sample!(Google2011Attributes, 0, 0, "google-2011-machine-attributes"),
    sample!(Google2011Machines, 0, 2, "google-2011-machine-events"),
    sample!(Google2019Collections, 0, 0, "google-2019-collection-events"),
    sample!(Google2019Attributes, 0, 0, "google-2019-machine-attributes"),
    sample!(Google2019Instances, 1, 0, "google-2019-instance-events"),
    sample!(Google2019Machines, 0, 1, "google-2019-machine-events"),
    sample!(Alibaba2017Tasks, 2, 0, "alibaba-2017-batch-task"),
    sample!(Alibaba2017Instances, 1, 0, "alibaba-2017-batch-instance"),
    sample!(Alibaba2017Containers, 2, 0, "alibaba-2017-container-event"),
    sample!(Alibaba2017Servers, 0, 2, "alibaba-2017-server-event"),
    sample!(Alibaba2018Tasks, 3, 0, "alibaba-2018-batch-task"),
    sample!(Alibaba2018Instances, 1, 0, "alibaba-2018-batch-instance"),
    sample!(Alibaba2018Containers, 2, 0, "alibaba-2018-container-meta"),
    sample!(Alibaba2018Machines, 0, 2, "alibaba-2018-machine-meta"),
    sample!(Pai2020Jobs, 0, 0, "alibaba-gpu-2020-job"),
    sample!(Pai2020Instances, 0, 0, "alibaba-gpu-2020-instance"),
    sample!(Pai2020Tasks, 2, 0, "alibaba-gpu-2020-task"),
    sample!(Pai2020Machines, 0, 2, "alibaba-gpu-2020-machine"),
    sample!(Pai2020Groups, 0, 0, "alibaba-gpu-2020-group"),
    sample!(Pai2020Sensors, 0, 0, "alibaba-gpu-2020-sensor"),
    sample!(Pai2020MachineMetrics, 0, 0, "alibaba-gpu-2020-machine-metric"),
    sample!(OpenbPods, 3, 0, "openb-pods"),
    sample!(OpenbNodes, 0, 2, "openb-nodes"),
    sample!(SpotJobs, 2, 0, "alibaba-gpu-2026-job"),
    sample!(SpotNodes, 0, 1, "alibaba-gpu-2026-node"),
    sample!(AzureVms, 3, 0, "azure-vmtable"),
    sample!(AzurePackingTypes, 0, 0, "azure-packing-vmtype"),
    sample!(AzurePackingVms, 0, 0, "azure-packing-vm"),
    sample!(AzureLlm, 2, 0, "azure-llm"),
    sample!(HuaweiVms, 2, 0, "huawei-vm"),
    sample!(Philly, 1, 0, "philly-jobs"),
    sample!(PhillyMachines, 0, 2, "philly-machines"),
    sample!(PhillyGpus, 0, 0, "philly-gpu-util"),
    sample!(PhillyCpus, 0, 0, "philly-cpu-util"),
    sample!(PhillyMem, 0, 0, "philly-mem-util"),
    sample!(Elastisim, 2, 0, "elastisim-jobs"),
    sample!(Gavel, 3, 0, "gavel"),
    sample!(Tiresias, 2, 0, "tiresias-jobs"),
    sample!(TiresiasCluster, 0, 8, "tiresias-cluster"),
    sample!(OmegaCell, 2, 0, "omega-cell-state"),
    sample!(Google2011Usage, 2, 0, "google-2011-task-usage"),
    sample!(Google2019Usage, 1, 0, "google-2019-instance-usage"),
    sample!(Alibaba2017ContainerUsage, 0, 0, "alibaba-2017-container-usage"),
    sample!(Alibaba2017ServerUsage, 0, 0, "alibaba-2017-server-usage"),
    sample!(Alibaba2018ContainerUsage, 0, 0, "alibaba-2018-container-usage"),
    sample!(Alibaba2018MachineUsage, 0, 0, "alibaba-2018-machine-usage"),
    sample!(AzureReadings, 0, 0, "azure-vm-readings"),
    sample!(OpendcTasks, 3, 0, "opendc-tasks"),
    sample!(OpendcFragments, 0, 0, "opendc-fragments"),
    // Without machines nothing can fail.
    sample!(OpendcFailures, 0, 0, "opendc-failures"),
];
