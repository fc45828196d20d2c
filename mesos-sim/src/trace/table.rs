//! What a file may hold, and how to tell.

use std::fmt;

use super::builder::Builder;
use super::fields::{Fields, Separator, number};
use super::rule::Refusal;
use super::{alibaba, azure, google, learning, minutes, omega, opendc, placement, pods, swf, usage};

/// Takes the rows of one table, one after the other.
pub(super) trait Reader {
    /// One row.
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal>;
    /// A comment.
    fn comment(&mut self, _text: &str, _line: u64, _builder: &mut Builder<'_>) {}
    /// There are no more.
    fn finish(&mut self, _builder: &mut Builder<'_>) {}
}

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $module:ident :: $reader:ident;)+) => {
        /// What a file holds.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Table {
            $($(#[$doc])* $name,)+
        }

        impl Table {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its name in files and messages.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            pub(super) fn reader(self) -> Box<dyn Reader> {
                match self { $(Self::$name => Box::new($module::$reader::default()),)+ }
            }

            pub(super) const fn columns(self) -> &'static [&'static str] {
                match self { $(Self::$name => $module::$reader::COLUMNS,)+ }
            }

            pub(super) const fn separator(self) -> Separator {
                match self { $(Self::$name => $module::$reader::SEPARATOR,)+ }
            }
        }
    };
}

tables! {
    /// Standard Workload Format 2.2 of the Parallel Workloads Archive.
    Swf = "swf", swf::Swf;
    /// Grid Workload Format of the Grid Workloads Archive, with workflows.
    Gwf = "gwf", swf::Gwf;
    /// Google cluster data 2011 v2.1, `task_events`.
    Google2011Tasks = "google-2011-task-events", google::Tasks2011;
    /// Google cluster data, the trace of seven hours that is called version 1.
    GoogleVersion1 = "google-version-1", usage::Version1;
    /// Google cluster data 2011 v2.1, `job_events`: nothing of it is used.
    Google2011Jobs = "google-2011-job-events", google::Jobs2011;
    /// Google cluster data 2011 v2.1, `task_constraints`.
    Google2011Constraints = "google-2011-task-constraints", placement::Constraints2011;
    /// Google cluster data 2011 v2.1, `machine_attributes`.
    Google2011Attributes = "google-2011-machine-attributes", placement::Attributes2011;
    /// Google cluster data 2011 v2.1, `machine_events`.
    Google2011Machines = "google-2011-machine-events", google::Machines2011;
    /// Google cluster data 2011 v2.1, `task_usage`; after `task_events`, or without it.
    Google2011Usage = "google-2011-task-usage", usage::Usage2011;
    /// Google cluster data 2019 v3, `collection_events`.
    Google2019Collections = "google-2019-collection-events", google::Collections2019;
    /// Google cluster data 2019 v3, `machine_attributes`.
    Google2019Attributes = "google-2019-machine-attributes", placement::Attributes2019;
    /// Google cluster data 2019 v3, `instance_events`.
    Google2019Instances = "google-2019-instance-events", google::Instances2019;
    /// Google cluster data 2019 v3, `machine_events`.
    Google2019Machines = "google-2019-machine-events", google::Machines2019;
    /// Google cluster data 2019 v3, `instance_usage`; after `instance_events`, or without it.
    Google2019Usage = "google-2019-instance-usage", usage::Usage2019;
    /// Alibaba 2017, `batch_task`.
    Alibaba2017Tasks = "alibaba-2017-batch-task", alibaba::Tasks2017;
    /// Alibaba 2017, `batch_instance`, without `batch_task`.
    Alibaba2017Instances = "alibaba-2017-batch-instance", alibaba::Instances2017;
    /// Alibaba 2017, `container_event`.
    Alibaba2017Containers = "alibaba-2017-container-event", alibaba::Containers2017;
    /// Alibaba 2017, `server_event`.
    Alibaba2017Servers = "alibaba-2017-server-event", alibaba::Servers2017;
    /// Alibaba 2017, `container_usage`.
    Alibaba2017ContainerUsage = "alibaba-2017-container-usage", usage::Containers2017;
    /// Alibaba 2017, `server_usage`.
    Alibaba2017ServerUsage = "alibaba-2017-server-usage", usage::Servers2017;
    /// Alibaba 2018, `batch_task`.
    Alibaba2018Tasks = "alibaba-2018-batch-task", alibaba::Tasks2018;
    /// Alibaba 2018, `batch_instance`, without `batch_task`.
    Alibaba2018Instances = "alibaba-2018-batch-instance", alibaba::Instances2018;
    /// Alibaba 2018, `container_meta`.
    Alibaba2018Containers = "alibaba-2018-container-meta", alibaba::Containers2018;
    /// Alibaba 2018, `machine_meta`.
    Alibaba2018Machines = "alibaba-2018-machine-meta", alibaba::Machines2018;
    /// Alibaba 2018, `container_usage`.
    Alibaba2018ContainerUsage = "alibaba-2018-container-usage", usage::Containers2018;
    /// Alibaba 2018, `machine_usage`.
    Alibaba2018MachineUsage = "alibaba-2018-machine-usage", usage::Machines2018;
    /// Alibaba GPU 2020, `pai_job_table`.
    Pai2020Jobs = "alibaba-gpu-2020-job", pods::PaiJobs;
    /// Alibaba GPU 2020, `pai_instance_table`.
    Pai2020Instances = "alibaba-gpu-2020-instance", pods::PaiInstances;
    /// Alibaba GPU 2020, `pai_task_table`.
    Pai2020Tasks = "alibaba-gpu-2020-task", pods::PaiTasks;
    /// Alibaba GPU 2020, `pai_machine_spec`.
    Pai2020Machines = "alibaba-gpu-2020-machine", pods::PaiMachines;
    /// Alibaba GPU 2020, `pai_group_tag_table`; with `pai_job_table` or `pai_instance_table`.
    Pai2020Groups = "alibaba-gpu-2020-group", pods::PaiGroups;
    /// Alibaba GPU 2020, `pai_sensor_table`.
    Pai2020Sensors = "alibaba-gpu-2020-sensor", usage::PaiSensors;
    /// Alibaba GPU 2020, `pai_machine_metric`.
    Pai2020MachineMetrics = "alibaba-gpu-2020-machine-metric", usage::PaiMachineMetrics;
    /// Alibaba GPU 2023 (openb), pods.
    OpenbPods = "openb-pods", pods::OpenbPods;
    /// Alibaba GPU 2023 (openb), nodes.
    OpenbNodes = "openb-nodes", pods::OpenbNodes;
    /// Alibaba GPU 2026, spot jobs.
    SpotJobs = "alibaba-gpu-2026-job", pods::SpotJobs;
    /// Alibaba GPU 2026, nodes.
    SpotNodes = "alibaba-gpu-2026-node", pods::SpotNodes;
    /// Azure public data set 2017 and 2019, `vmtable`.
    AzureVms = "azure-vmtable", azure::Vms;
    /// Azure public data set 2017 and 2019, readings of virtual machines.
    AzureReadings = "azure-vm-readings", usage::AzureReadings;
    /// Azure packing 2020, `vm`, exported with a header.
    AzurePackingVms = "azure-packing-vm", azure::PackingVms;
    /// Azure packing 2020, `vmType`, exported with a header.
    AzurePackingTypes = "azure-packing-vmtype", azure::PackingTypes;
    /// Azure LLM inference 2023.
    AzureLlm = "azure-llm", azure::Llm;
    /// Huawei VM placement.
    HuaweiVms = "huawei-vm", azure::HuaweiVms;
    /// OpenDC, tasks.
    OpendcTasks = "opendc-tasks", opendc::Tasks;
    /// OpenDC, fragments.
    OpendcFragments = "opendc-fragments", opendc::Fragments;
    /// OpenDC, failures; after the machines.
    OpendcFailures = "opendc-failures", opendc::Failures;
    /// Philly, the list of jobs.
    Philly = "philly-jobs", learning::Philly;
    /// Philly, the list of machines.
    PhillyMachines = "philly-machines", learning::PhillyMachines;
    /// Philly, what was used of GPUs, minute by minute.
    PhillyGpus = "philly-gpu-util", minutes::Gpus;
    /// Philly, what was used of cores, minute by minute.
    PhillyCpus = "philly-cpu-util", minutes::Cpus;
    /// Philly, what was used of memory, minute by minute.
    PhillyMem = "philly-mem-util", minutes::Mem;
    /// ElastiSim, the list of jobs.
    Elastisim = "elastisim-jobs", learning::Elastisim;
    /// Gavel, jobs.
    Gavel = "gavel", learning::Gavel;
    /// Tiresias, jobs.
    Tiresias = "tiresias-jobs", learning::Tiresias;
    /// Tiresias, the cluster.
    TiresiasCluster = "tiresias-cluster", learning::TiresiasCluster;
    /// Omega, the state of a cell at the beginning.
    OmegaCell = "omega-cell-state", omega::Cell;
}

impl Table {
    /// What its columns are in rows of so many fields, besides what [`Self::columns`] says.
    pub(super) const fn layouts(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Gavel => learning::Gavel::LAYOUTS,
            _ => &[],
        }
    }

    /// Where the entries of a table that is one JSON document stand: in the member of this name, or in a list that is all of it
    /// if the name is empty.
    pub(super) const fn document(self) -> Option<&'static str> {
        match self {
            Self::Philly => Some(""),
            Self::Elastisim => Some("jobs"),
            _ => None,
        }
    }

    /// Whether it tells of what other tables speak of, and so is read before them.
    pub(super) const fn is_spoken_of(self) -> bool {
        matches!(
            self,
            Self::Google2011Constraints
                | Self::Google2011Attributes
                | Self::Google2019Collections
                | Self::Google2019Attributes
                | Self::AzurePackingTypes
                | Self::Pai2020Jobs
                | Self::Pai2020Instances
                | Self::Pai2020Groups
        )
    }

    /// Whether a workload has something of it.
    #[must_use]
    pub const fn is_used(self) -> bool {
        !matches!(self, Self::Google2011Jobs)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Tells a table from the first lines of a file.
pub(super) fn detect(lines: &[String]) -> Option<Table> {
    let first = lines.first()?;
    by_document(lines).or_else(|| by_header(first)).or_else(|| by_shape(lines))
}

fn by_document(lines: &[String]) -> Option<Table> {
    let start: String = lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
    if start.starts_with('[') && (start.contains("\"vc\"") || start.contains("\"attempts\"")) {
        return Some(Table::Philly);
    }
    if start.starts_with('{') && start.contains("\"jobs\"") {
        return Some(Table::Elastisim);
    }
    if lines[0].starts_with('{') {
        return by_names(|name| lines[0].contains(&format!("\"{name}\"")));
    }
    None
}

fn by_header(first: &str) -> Option<Table> {
    let clean = |name: &str| name.trim().trim_matches('"').to_ascii_lowercase();
    let mut names: Vec<String> = first.split([',', '\t']).map(clean).collect();
    if names.len() == 1 {
        names = first.split_whitespace().map(clean).collect();
    }
    by_names(|name| names.iter().any(|own| own == name))
}

/// By names only one table has.
pub(super) fn by_names(has: impl Fn(&str) -> bool) -> Option<Table> {
    let found: &[(&[&str], Table)] = &[
        (&["workflowid", "jobid", "reqnprocs"], Table::Gwf),
        (&["cpu_milli", "memory_mib", "num_gpu"], Table::OpenbPods),
        (&["sn", "cpu_milli", "model"], Table::OpenbNodes),
        (&["timestamp", "contexttokens", "generatedtokens"], Table::AzureLlm),
        (&["vmid", "vmtypeid", "starttime"], Table::AzurePackingVms),
        (&["vmtypeid", "machineid", "core"], Table::AzurePackingTypes),
        (&["vmid", "cpu", "memory", "time", "type"], Table::HuaweiVms),
        (&["job_name", "worker_num", "submit_time", "job_type"], Table::SpotJobs),
        (&["node_name", "gpu_capacity_num"], Table::SpotNodes),
        (&["job_id", "num_gpu", "submit_time", "duration"], Table::Tiresias),
        (&["num_switch", "num_node_p_switch"], Table::TiresiasCluster),
        (&["job_name", "task_name", "inst_num", "plan_gpu"], Table::Pai2020Tasks),
        (&["machine", "cap_cpu", "cap_gpu"], Table::Pai2020Machines),
        (&["worker_name", "gpu_name", "gpu_wrk_util"], Table::Pai2020Sensors),
        (&["worker_name", "machine", "machine_cpu"], Table::Pai2020MachineMetrics),
        (&["inst_id", "gpu_type_spec", "workload"], Table::Pai2020Groups),
        (&["job_name", "inst_name", "worker_name"], Table::Pai2020Instances),
        (&["job_name", "inst_id", "user", "start_time"], Table::Pai2020Jobs),
        (&["machineid", "number of gpus"], Table::PhillyMachines),
        (&["time", "gpu0_util"], Table::PhillyGpus),
        (&["time", "machine_id", "cpu_util"], Table::PhillyCpus),
        (&["time", "machine_id", "mem_total", "mem_free"], Table::PhillyMem),
        (&["start_time", "end_time", "collection_id", "instance_index"], Table::Google2019Usage),
        (&["collection_id", "instance_index", "machine_id"], Table::Google2019Instances),
        (&["machine_id", "switch_id", "platform_id"], Table::Google2019Machines),
        (&["collection_id", "collection_name"], Table::Google2019Collections),
        (&["collection_id", "max_per_machine"], Table::Google2019Collections),
        (&["machine_id", "name", "deleted"], Table::Google2019Attributes),
        (&["time", "taskid", "jobtype"], Table::GoogleVersion1),
        (&["id", "submission_time", "duration", "cpu_count"], Table::OpendcTasks),
        (&["id", "duration", "cpu_usage"], Table::OpendcFragments),
        (&["failure_interval", "failure_duration"], Table::OpendcFailures),
    ];
    found.iter().find(|(names, _)| names.iter().all(|name| has(name))).map(|(_, table)| *table)
}

/// Whether a row is of a table.
type IsOf = fn(&[&str]) -> bool;

fn by_shape(lines: &[String]) -> Option<Table> {
    let tables: &[(Table, IsOf)] = &[
        (Table::Google2011Tasks, |row| row.len() == 13 && is_whole(row[0], 0.0, 2e19) && is_whole(row[5], 0.0, 8.0)),
        (Table::Google2011Usage, |row| {
            (19..=20).contains(&row.len()) && [0, 1, 2, 3].iter().all(|at| is_whole(row[*at], 0.0, 2e19))
        }),
        (Table::Google2011Constraints, |row| {
            row.len() == 6 && is_whole(row[1], 0.0, 2e19) && is_whole(row[3], 0.0, 3.0) && !is_number(row[4])
        }),
        (Table::Google2011Attributes, |row| {
            row.len() == 5 && is_whole(row[1], 0.0, 2e19) && !is_number(row[2]) && is_whole(row[4], 0.0, 1.0)
        }),
        (Table::Google2011Jobs, |row| {
            row.len() == 8
                && [0, 2].iter().all(|at| is_whole(row[*at], 0.0, 2e19))
                && is_whole(row[3], 0.0, 8.0)
                && is_whole(row[5], 0.0, 3.0)
                && !is_number(row[6])
        }),
        (Table::Google2011Machines, |row| row.len() == 6 && is_whole(row[0], 0.0, 2e19) && is_whole(row[2], 0.0, 2.0)),
        (Table::Alibaba2017Servers, |row| row.len() == 7 && ["add", "softerror", "harderror"].contains(&row[2])),
        (Table::Alibaba2017Containers, |row| row.len() == 8 && ["Create", "Remove"].contains(&row[1])),
        (Table::Alibaba2018Containers, |row| {
            row.len() == 8 && ["started", "allocated", "stopped", "unknown"].contains(&row[4])
        }),
        (Table::Alibaba2017Tasks, |row| row.len() == 8 && is_state(row[5]) && is_number(row[0])),
        (Table::Alibaba2018Tasks, |row| row.len() == 9 && is_state(row[4]) && !is_number(row[0])),
        (Table::Alibaba2017Instances, |row| row.len() == 12 && is_state(row[5]) && is_number(row[0])),
        (Table::Alibaba2018Instances, |row| row.len() == 14 && is_state(row[4]) && !is_number(row[0])),
        (Table::Alibaba2018Machines, |row| row.len() == 7 && row[6] == "USING"),
        (Table::Pai2020Tasks, |row| row.len() == 10 && is_state(row[3]) && !is_number(row[0])),
        (Table::Pai2020Jobs, |row| row.len() == 6 && is_state(row[3]) && !is_number(row[0])),
        (Table::Pai2020Instances, |row| row.len() == 9 && is_state(row[5]) && !is_number(row[0])),
        (Table::Pai2020Sensors, |row| {
            row.len() == 16
                && row[..5].iter().all(|text| !is_number(text))
                && row[6..].iter().all(|text| is_reading(text))
        }),
        (Table::Pai2020MachineMetrics, |row| {
            row.len() == 12
                && row[..2].iter().all(|text| !is_number(text))
                && row[2..].iter().all(|text| is_reading(text))
        }),
        (Table::Pai2020Groups, |row| row.len() == 5 && [0, 3].iter().all(|at| is_hash(row[*at]))),
        (Table::PhillyMachines, |row| row.len() == 3 && is_number(row[1]) && row[2].ends_with("GB")),
        (Table::PhillyCpus, |row| row.len() == 3 && is_date(row[0]) && !is_number(row[1])),
        (Table::PhillyMem, |row| row.len() == 4 && is_date(row[0]) && !is_number(row[1])),
        (Table::PhillyGpus, |row| (10..=11).contains(&row.len()) && is_date(row[0]) && !is_number(row[1])),
        (Table::Pai2020Machines, |row| row.len() == 5 && !is_number(row[0]) && !is_number(row[1]) && is_number(row[4])),
        (Table::Alibaba2017ServerUsage, |row| {
            row.len() == 8
                && row[..2].iter().all(|text| is_number(text))
                && row[2..].iter().all(|text| is_reading(text))
        }),
        (Table::Alibaba2017ContainerUsage, |row| {
            (10..=12).contains(&row.len())
                && row[..2].iter().all(|text| is_number(text))
                && row[2..].iter().all(|text| is_reading(text))
        }),
        (Table::Alibaba2018MachineUsage, |row| row.len() == 9 && !is_number(row[0]) && is_number(row[1])),
        (Table::Alibaba2018ContainerUsage, |row| {
            row.len() == 11 && !is_number(row[0]) && !is_number(row[1]) && is_number(row[2])
        }),
        (Table::AzureReadings, |row| {
            row.len() == 5 && is_number(row[0]) && !is_number(row[1]) && row[2..].iter().all(|text| is_reading(text))
        }),
        (Table::AzureVms, |row| row.len() == 11 && is_number(row[3]) && !is_number(row[0])),
    ];
    // A first line may have been cut or spoilt: most of them decide.
    let most = |is: &dyn Fn(&str) -> bool| lines.iter().filter(|line| is(line)).count() * 2 > lines.len();
    if most(&|line| line.split_whitespace().count() == 18 && line.split_whitespace().all(is_number)) {
        return Some(Table::Swf);
    }
    if most(&|line| line.split('\t').count() >= 7) {
        return Some(Table::Gavel);
    }
    if most(&|line| matches!(line.split_whitespace().next(), Some("11" | "12")) && line.split_whitespace().count() >= 6)
    {
        return Some(Table::OmegaCell);
    }
    if most(&|line| {
        let row: Vec<&str> = line.split_whitespace().collect();
        row.len() == 6 && row.iter().all(|text| is_number(text)) && is_whole(row[3], 0.0, 3.0)
    }) {
        return Some(Table::GoogleVersion1);
    }
    let found = tables.iter().find(|(_, is)| {
        most(&|line| {
            let row: Vec<&str> = line.split(',').map(str::trim).collect();
            is(&row)
        })
    });
    found.map(|(table, _)| *table)
}

fn is_number(text: &str) -> bool {
    number(text).is_some()
}

fn is_date(text: &str) -> bool {
    azure::timestamp(text).is_some()
}

/// A number, or nothing where nothing could be measured.
fn is_reading(text: &str) -> bool {
    text.is_empty() || is_number(text)
}

fn is_whole(text: &str, low: f64, high: f64) -> bool {
    number(text).is_some_and(|number| number >= low && number <= high && number.fract().abs() < f64::EPSILON)
}

/// What stands for a name that was hidden.
fn is_hash(text: &str) -> bool {
    text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_state(text: &str) -> bool {
    ["Terminated", "Failed", "Waiting", "Running", "Ready", "Cancelled", "Interrupted"].contains(&text)
}
