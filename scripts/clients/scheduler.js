// A scheduler on mesos-framework, as its users write them: short commands that finish, one with a port, and one that is
// killed; then the framework is torn down.
//
// Usage: scheduler.js MASTER TASKS, with NODE_PATH naming where mesos-framework is installed.
"use strict";

const { Scheduler, Mesos } = require("mesos-framework");

const mesos = Mesos.getMesos();
const [host, port] = process.argv[2].split(":");
const count = Number(process.argv[3]);

const command = (line) => new mesos.CommandInfo(null, null, true, line, null, null);
const resources = (ports) => ({ cpus: 0.1, mem: 32, ports, disk: 0 });
const scheduler = new Scheduler({
    masterUrl: host,
    port,
    frameworkName: "mesos-framework-of-npm",
    frameworkFailoverTimeout: 60,
    logging: { level: "error" },
    restartStates: [],
    tasks: {
        short: { priority: 1, instances: count, commandInfo: command('test -n "$HOST"'), resources: resources(0) },
        port: { priority: 2, instances: 1, commandInfo: command("exit 0"), resources: resources(1) },
        long: { priority: 3, instances: 1, commandInfo: command("sleep 1000"), resources: resources(0) },
    },
});

const seen = new Map();
let is_killed = false;
let is_torn_down = false;

function fail(what) {
    console.error("FAILED:", what);
    process.exit(1);
}

function end_if_done() {
    const finished = [...seen.values()].filter((states) => states.includes("TASK_FINISHED")).length;
    if (finished < count + 1 || !is_killed) return;
    for (const [task, states] of seen) {
        if (!states.includes("TASK_RUNNING")) fail(`${task} never ran: ${states}`);
    }
    scheduler.on("sent_teardown", () => {
        console.log(`mesos-framework: ${finished} tasks finished, one was killed, the framework is torn down`);
        process.exit(0);
    });
    is_torn_down = true;
    scheduler.teardown();
}

scheduler.on("ready", () => scheduler.subscribe());
scheduler.on("subscribed", ({ frameworkId }) => console.log("subscribed", frameworkId));
scheduler.on("error", (error) => {
    const what = error.message || JSON.stringify(error);
    // The master ends the stream of a framework that ends itself, perhaps before its answer to that has come.
    if (!is_torn_down || what !== "Long-running connection was closed!") fail(what);
});
scheduler.on("update", ({ status }) => {
    const task = status.task_id.value;
    console.log(task, status.state, status.message || "");
    const states = seen.get(task) || [];
    seen.set(task, [...states, status.state]);
    if (["TASK_FAILED", "TASK_LOST", "TASK_ERROR", "TASK_DROPPED", "TASK_GONE"].includes(status.state)) {
        fail(`${task} ${status.state} ${status.message}`);
    }
    const is_long = task.includes(".long");
    if (is_long && status.state === "TASK_RUNNING") scheduler.kill(task, status.agent_id.value);
    if (status.state === "TASK_KILLED") {
        if (!is_long) fail(`${task} was killed`);
        is_killed = true;
    }
    end_if_done();
});

setTimeout(() => fail(`nothing more came: ${JSON.stringify([...seen])}`), 120000);
