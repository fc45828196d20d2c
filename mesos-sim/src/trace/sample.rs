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

const fn sample(table: Table, jobs: usize, machines: usize, text: &'static str) -> Sample {
    Sample { table, text, jobs, machines }
}

/// One sample per table. Those without jobs of their own only make sense beside others.
pub const SAMPLES: &[Sample] = &[
    sample(
        Table::Swf,
        3,
        4,
        "\
; Version: 2.2
; MaxNodes: 4
; MaxProcs: 64
1 0 10 300 16 -1 2048 16 600 4096 1 3 1 -1 1 -1 -1 -1
2 30 0 60.5 1 -1 -1 1 120 -1 0 4 1 -1 1 -1 -1 -1
3 30 5 120 8 -1 1024 8 200 -1 1 3 1 -1 0 -1 1 20
4 90 -1 -1 -1 -1 -1 4 100 -1 5 4 1 -1 1 -1 -1 -1
",
    ),
    sample(
        Table::Gwf,
        3,
        0,
        "\
WorkflowID, JobID, SubmitTime, RunTime, NProcs, ReqNProcs, Dependencies
0, 1, 16, 11, 1, 1,
0, 2, 40, 11, 2, 2, 1
0, 3, 64, 11, 1, 1, 1 2
",
    ),
    sample(
        Table::Google2011Tasks,
        2,
        0,
        "\
0,,100,0,,0,u1,2,9,0.125,0.0625,0.0004,0
610000000,,100,0,7,1,u1,2,9,0.125,0.0625,0.0004,0
620000000,,200,0,,0,u2,0,0,0.0625,0.03125,0.0001,1
620000000,,200,1,,0,u2,0,0,0.0625,0.03125,0.0001,1
621000000,,200,0,7,1,u2,0,0,0.0625,0.03125,0.0001,1
622000000,,200,1,8,1,u2,0,0,0.0625,0.03125,0.0001,1
630000000,,200,1,8,2,u2,0,0,0.0625,0.03125,0.0001,1
631000000,,200,1,,0,u2,0,0,0.0625,0.03125,0.0001,1
640000000,,200,1,7,1,u2,0,0,0.0625,0.03125,0.0001,1
700000000,,200,0,7,4,u2,0,0,0.0625,0.03125,0.0001,1
720000000,,200,1,7,4,u2,0,0,0.0625,0.03125,0.0001,1
",
    ),
    sample(
        Table::Google2011Constraints,
        0,
        0,
        "\
620000000,200,0,0,KsNFTGQTb1E9M4Ee8nhFnjIAW+A=,wI4TDKtpx6z+7ygK
620000000,200,0,3,rs7a0kbyEBSJiKvAxjhTwgM=,3
620000000,200,1,0,KsNFTGQTb1E9M4Ee8nhFnjIAW+A=,wI4TDKtpx6z+7ygK
620000000,200,1,3,rs7a0kbyEBSJiKvAxjhTwgM=,3
",
    ),
    sample(
        Table::Google2011Attributes,
        0,
        0,
        "\
0,7,KsNFTGQTb1E9M4Ee8nhFnjIAW+A=,wI4TDKtpx6z+7ygK,0
0,7,rs7a0kbyEBSJiKvAxjhTwgM=,4,0
0,8,KsNFTGQTb1E9M4Ee8nhFnjIAW+A=,wI4TDKtpx6z+7ygK,0
0,8,rs7a0kbyEBSJiKvAxjhTwgM=,2,0
500000000,8,rs7a0kbyEBSJiKvAxjhTwgM=,,1
",
    ),
    sample(
        Table::Google2011Machines,
        0,
        2,
        "\
0,7,0,GtXakjpd0CD41brK7k,0.5,0.2493
0,8,0,GtXakjpd0CD41brK7k,1,1
900000000,7,1,GtXakjpd0CD41brK7k,,
960000000,7,0,GtXakjpd0CD41brK7k,0.5,0.2493
",
    ),
    sample(
        Table::Google2019Instances,
        1,
        0,
        "\
{\"time\":\"610000000\",\"type\":\"0\",\"collection_id\":\"9\",\"scheduling_class\":\"1\",\"collection_type\":\"0\",\
\"priority\":\"200\",\"instance_index\":\"0\",\"machine_id\":\"0\",\"resource_request\":{\"cpus\":0.02,\"memory\":0.01}}
{\"time\":\"612000000\",\"type\":\"3\",\"collection_id\":\"9\",\"scheduling_class\":\"1\",\"collection_type\":\"0\",\
\"priority\":\"200\",\"instance_index\":\"0\",\"machine_id\":\"7\",\"resource_request\":{\"cpus\":0.02,\"memory\":0.01}}
{\"time\":\"692000000\",\"type\":\"6\",\"collection_id\":\"9\",\"scheduling_class\":\"1\",\"collection_type\":\"0\",\
\"priority\":\"200\",\"instance_index\":\"0\",\"machine_id\":\"7\",\"resource_request\":{\"cpus\":0.02,\"memory\":0.01}}
",
    ),
    sample(
        Table::Google2019Machines,
        0,
        1,
        "\
time,machine_id,type,switch_id,capacity.cpus,capacity.memory,platform_id,missing_data_reason
0,7,1,s1,0.59,0.33,JQ1tVQBMHBAIISU1gUNXk2powhYumYA+4cB3KzU29l8=,
",
    ),
    sample(
        Table::Alibaba2017Tasks,
        2,
        0,
        "\
10710,11016,3,11,100,Terminated,1.0,0.016
10710,11031,3,12,4,Failed,0.5,0.008
10800,0,4,13,2,Waiting,0.5,0.008
",
    ),
    sample(
        Table::Alibaba2017Instances,
        1,
        0,
        "\
41562,41618,120,686,299,Terminated,1,2,1.05,0.22,0.008,0.008
41562,41630,120,686,300,Terminated,1,2,0.90,0.20,0.007,0.007
41600,0,121,690,301,Running,1,1,0.90,0.20,0.007,0.007
",
    ),
    sample(
        Table::Alibaba2017Containers,
        2,
        0,
        "\
0,Create,1,505,4,0.0424,0.0354,0|2|4|6
0,Create,2,506,8,0.0848,0.0354,0|2|4|6|8|10|12|14
7200,Remove,2,506,8,0.0848,0.0354,
",
    ),
    sample(
        Table::Alibaba2017Servers,
        0,
        2,
        "\
0,1,add,,64,0.69,0.9
0,2,add,,64,0.69,0.9
5000,2,softerror,links_broken,,,
40000,2,harderror,machine_fail,,,
",
    ),
    sample(
        Table::Alibaba2018Tasks,
        3,
        0,
        "\
M1,2,j_1,1,Terminated,87210,87300,100.0,0.39
R2_1,1,j_1,1,Terminated,87302,87350,50.0,0.20
task_NzI3,1,j_2,12,Terminated,87000,87100,100.0,101
MergeTask,1,j_3,1,Running,87400,0,50.0,0.39
",
    ),
    sample(
        Table::Alibaba2018Instances,
        1,
        0,
        "\
ins_1,M1,j_1,1,Terminated,87210,87290,m_1,1,1,30.0,80.0,0.1,0.3
ins_2,M1,j_1,1,Terminated,87211,87300,m_2,1,1,35.0,90.0,0.1,0.3
ins_3,M1,j_1,1,Running,87211,0,m_3,1,1,35.0,90.0,0.1,0.3
",
    ),
    sample(
        Table::Alibaba2018Containers,
        2,
        0,
        "\
c_1,m_1,0,app_1,started,400,400,1.56
c_2,m_2,0,app_2,allocated,800,800,3.13
c_1,m_1,200,app_1,started,400,400,1.56
",
    ),
    sample(
        Table::Alibaba2018Machines,
        0,
        2,
        "\
m_1,0,13,5,96,100,USING
m_2,0,14,6,96,100,USING
",
    ),
    sample(
        Table::Pai2020Tasks,
        2,
        0,
        "\
f3a1,worker,4.0,Terminated,100.0,400.0,600.0,29.296875,50.0,T4
f3a2,ps,1.0,Failed,120.0,180.0,400.0,8.0,,MISC
f3a3,worker,1.0,Running,130.0,,600.0,29.296875,100.0,V100
",
    ),
    sample(
        Table::Pai2020Machines,
        0,
        2,
        "\
a1b2,T4,96.0,512.0,2.0
a1b3,V100,96.0,512.0,8.0
",
    ),
    sample(
        Table::OpenbPods,
        3,
        0,
        "\
name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time
pod-0,12000,16384,1,1000,,LS,Running,0,5000,0
pod-1,6000,12288,1,460,V100M16|V100M32,BE,Succeeded,100,1300,140
pod-2,8000,30517,0,0,,BE,Failed,120,240,121
pod-3,8000,30517,0,0,,BE,Lost,120,240,121
",
    ),
    sample(
        Table::OpenbNodes,
        0,
        2,
        "\
sn,cpu_milli,memory_mib,gpu,model
node-0,32000,262144,0,
node-1,64000,262144,2,V100M16
",
    ),
    sample(
        Table::SpotJobs,
        2,
        0,
        "\
job_name,organization,gpu_model,cpu_request,gpu_request,worker_num,submit_time,duration,job_type
j1,org1,A10,12,1,1,0,600,High-priority
j2,org2,A100,48,8,2,30,3600,Spot
",
    ),
    sample(
        Table::SpotNodes,
        0,
        1,
        "\
node_name,gpu_model,gpu_capacity_num,cpu_num
n1,A100,8,128
",
    ),
    sample(
        Table::AzureVms,
        3,
        0,
        "\
vm/1+a,sub/1,dep/1,0,2591700,99.4,3.4,10.2,Delay-insensitive,1,1.75
vm/2,sub/1,dep/1,300,1539300,100,6.2,34.0,Interactive,2,3.5
vm/3,sub/2,dep/2,600,1200,50,6.2,34.0,Unknown,>24,>64
vm/4,sub/2,dep/2,900,600,50,6.2,34.0,Unknown,1,1.75
",
    ),
    sample(
        Table::AzurePackingTypes,
        0,
        0,
        "\
id,vmTypeId,machineId,core,memory,hdd,ssd,nic
0,0,0,0.125,0.0625,0.01,0.02,0.03
1,0,1,0.25,0.125,0.01,0.02,0.03
",
    ),
    sample(
        Table::AzurePackingVms,
        0,
        0,
        "\
vmId,tenantId,vmTypeId,priority,starttime,endtime
1,5,0,0,-0.5,0.25
2,5,0,1,0.01,NULL
",
    ),
    sample(
        Table::AzureLlm,
        2,
        0,
        "\
TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:17:03.9799600,4808,10
2023-11-16 18:17:04.0319600,3180,8
",
    ),
    sample(
        Table::HuaweiVms,
        2,
        0,
        "\
vmid,cpu,memory,time,type
0,2,4,0,0
1,4,8,10,0
0,2,4,500,1
",
    ),
    sample(
        Table::Philly,
        1,
        0,
        "\
[
  {\"status\": \"Pass\", \"vc\": \"ee9e8c\", \"jobid\": \"application_1\", \"submitted_time\": \"2017-10-03 04:05:06\",
   \"user\": \"u1\", \"attempts\": [{\"start_time\": \"2017-10-03 04:06:00\", \"end_time\": \"2017-10-03 05:06:00\",
   \"detail\": [{\"ip\": \"m1\", \"gpus\": [\"gpu0\", \"gpu1\"]}]}]},
  {\"status\": \"Killed\", \"vc\": \"ee9e8c\", \"jobid\": \"application_2\", \"submitted_time\": \"2017-10-03 04:10:06\",
   \"user\": \"u1\", \"attempts\": []}
]
",
    ),
    sample(
        Table::Elastisim,
        2,
        0,
        "\
{\"jobs\": [
  {\"type\": \"rigid\", \"submit_time\": 61, \"num_nodes\": 14, \"arguments\": {\"iterations\": 15, \"flops\": 2e14}},
  {\"type\": \"malleable\", \"submit_time\": 81, \"num_nodes_min\": 2, \"num_nodes_max\": 16,
   \"arguments\": {\"iterations\": 24, \"flops\": 3e13}}
]}
",
    ),
    sample(
        Table::Gavel,
        2,
        0,
        "\
ResNet-18 (batch size 64)\tpython3 main.py --data_dir=%s\t--num_steps\t1\t195000\t0.000000\t1
LM (batch size 80)\tcd %s && python main.py\t--steps\t1\t12000\t36.000000\t4
",
    ),
    sample(
        Table::Tiresias,
        2,
        0,
        "\
job_id,num_gpu,submit_time,iterations,model_name,duration,interval
0,1,0,606,vgg19,164,30
1,8,30,133,vgg11,147,23
",
    ),
    sample(
        Table::TiresiasCluster,
        0,
        8,
        "\
num_switch,num_node_p_switch,num_gpu_p_node,num_cpu_p_node,mem_p_node
2,4,8,128,256
",
    ),
    sample(
        Table::OmegaCell,
        2,
        0,
        "\
11 0.000000 501 1 3 1 0.17 524288000
11 0.000000 502 0 0 10 1.5 10485760
12 6.844149 502 0 0 5.001143932342529
",
    ),
    sample(
        Table::Google2011Usage,
        2,
        0,
        "\
600000000,900000000,100,0,7,0.03125,0.06213,0.07,0.001,0.002,0.065,0.0003,0.0004,0.05,0.02,2.9,0.01,0,1,0.028
900000000,1200000000,100,0,7,0.02125,0.06113,0.07,0.001,0.002,0.064,0.0003,0.0004,0.25,0.02,2.9,0.01,0,1,0.028
600000000,660000000,200,3,8,0.5,0.1,0.2,0.001,0.002,0.15,0.0003,0.0004,0.75,0.02,,,0,1,
630000000,690000000,200,3,8,0.5,0.1,0.2,0.001,0.002,0.15,0.0003,0.0004,0.75,0.02,,,0,1,
",
    ),
    sample(
        Table::Google2019Usage,
        1,
        0,
        "\
{\"start_time\":\"600000000\",\"end_time\":\"900000000\",\"collection_id\":\"9\",\"instance_index\":\"0\",\
\"machine_id\":\"7\",\"average_usage\":{\"cpus\":0.01,\"memory\":0.008},\"maximum_usage\":{\"cpus\":0.02,\"memory\":0.009},\
\"assigned_memory\":0.01}
{\"start_time\":\"900000000\",\"end_time\":\"1000000000\",\"collection_id\":\"9\",\"instance_index\":\"0\",\
\"machine_id\":\"7\",\"average_usage\":{\"cpus\":0.02,\"memory\":0.008},\"maximum_usage\":{\"cpus\":0.05,\"memory\":0.009},\
\"assigned_memory\":0.01}
",
    ),
    sample(
        Table::Alibaba2017ContainerUsage,
        0,
        0,
        "\
39600,1,12.5,47.3,0.02,1.2,1.1,1.0,1.31,0.004,2.5,0.01
39900,1,17.5,47.5,0.02,1.2,1.1,1.0,1.31,0.004,2.5,0.01
",
    ),
    sample(
        Table::Alibaba2017ServerUsage,
        0,
        0,
        "\
39600,2,31.1,52.8,42.3,21.2,20.9,20.8
39900,2,29.9,,42.3,21.2,20.9,20.8
",
    ),
    sample(
        Table::Alibaba2018ContainerUsage,
        0,
        0,
        "\
c_1,m_1,386640,12,78,1.2,3.1,0.4,0.1,0.1,3
c_1,m_1,386650,14,101,1.2,3.1,0.4,0.1,0.1,3
",
    ),
    sample(
        Table::Alibaba2018MachineUsage,
        0,
        0,
        "\
m_1,386640,41,92,,,43.04,33.08,5
m_1,386690,43,-1,,,43.05,33.09,5
",
    ),
    sample(
        Table::AzureReadings,
        0,
        0,
        "\
0,vm/1+a,0.9,5.6,2.3
300,vm/1+a,1.1,7.2,2.9
",
    ),
    sample(
        Table::OpendcTasks,
        3,
        0,
        "\
id,submission_time,duration,cpu_count,cpu_capacity,mem_capacity,nature,deadline
a,1376314546000,60000,1,2926.0,1024,deferrable,1376315546000
b,1376314646000,30000,2,5852.0,2048,,
c,1376314596000,0,1,2926.0,512,,
",
    ),
    sample(
        Table::OpendcFragments,
        0,
        0,
        "\
id,duration,cpu_count,cpu_usage
a,30000,1,1463.0
a,30000,1,2926.0
",
    ),
    // Without machines nothing can fail.
    sample(
        Table::OpendcFailures,
        0,
        0,
        "\
failure_interval,failure_duration,failure_intensity
300000,300000,0.5
420000,600000,1.0
",
    ),
];
