//! What is found out about a task that runs, by its agent's host.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::health::{Check, CheckInfo, CheckStatus, HealthCheck, Probe, Question};
use mesos_core::{CommandInfo, Reason, TaskId, TaskInfo, TaskState};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::rig::{Rig, agent_id};

/// A task that is looked at without delay, as often as one can.
fn checked(name: &str, what: Check) -> TaskInfo {
    let id = TaskId::new(name).unwrap();
    let mut task = TaskInfo::shell(id, agent_id(), "cpus:0.1".parse().unwrap(), "exec sleep 1000");
    let mut check = CheckInfo::new(what);
    (check.delay, check.interval) = (Duration::ZERO, Duration::from_millis(10));
    task.check = Some(Arc::new(check));
    task
}

async fn expect(rig: &mut Rig, found: &[CheckStatus]) {
    assert_eq!(rig.next_status().await.state, TaskState::Starting);
    for (n, found) in found.iter().enumerate() {
        let status = rig.next_status().await;
        assert_eq!((status.state, status.check_status), (TaskState::Running, Some(*found)), "{status:?}");
        assert_eq!(status.reason, (n > 0).then_some(Reason::TaskCheckStatusUpdated));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_command_beside_a_task_exits_with_is_told() {
    let mut rig = Rig::new().await;
    // It begins in the task's sandbox, so it can count.
    let line = "echo >> seen; n=$(wc -l < seen); test $n -le 2 && exit 7; test $n -gt 4";
    rig.run(checked("t1", Check::Command(Box::new(CommandInfo::shell(line))))).await;
    let found = [None, Some(7), Some(1), Some(0)].map(CheckStatus::Command);
    expect(&mut rig, &found).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_a_port_answers_is_told_and_a_sick_task_is_ended() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for status in [200, 200, 500, 404] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1_024];
            let _ = stream.read(&mut request).await.unwrap();
            stream.write_all(format!("HTTP/1.1 {status} X\r\n\r\n").as_bytes()).await.unwrap();
        }
    });
    let mut rig = Rig::new().await;
    let probe = |question| Check::Probe(Probe { port, is_ipv6: false, question });
    rig.run(checked("t1", probe(Question::Gets("/up".into())))).await;
    // Then nobody listens.
    expect(&mut rig, &[None, Some(200), Some(500), Some(404), None].map(CheckStatus::Http)).await;
    let mut sick = checked("t2", probe(Question::Connects));
    let mut health = HealthCheck::new(probe(Question::Connects));
    (health.delay, health.grace, health.failures_max) = (Duration::from_millis(100), Duration::ZERO, 1);
    sick.health_check = Some(Arc::new(health));
    rig.run(sick).await;
    expect(&mut rig, &[None, Some(false)].map(CheckStatus::Tcp)).await;
    let unwell = rig.next_status().await;
    assert_eq!((unwell.healthy, unwell.check_status), (Some(false), Some(CheckStatus::Tcp(Some(false)))));
    assert_eq!(unwell.reason, Some(Reason::TaskHealthCheckStatusUpdated));
    assert_eq!(rig.next_status().await.state, TaskState::Killing);
    let last = rig.next_status().await;
    assert_eq!((last.state, last.healthy), (TaskState::Killed, Some(false)));
}
