"""A scheduler on pymesos, as its users write them: runs tasks by an executor of its own and says what became of them.

Usage: scheduler.py MASTER TASKS
"""

import sys
import time
from threading import Thread

from addict import Dict
from pymesos import MesosSchedulerDriver, Scheduler, encode_data, decode_data
from os.path import abspath, dirname, join

CPUS, MEM = 0.1, 32


class Once(Scheduler):
    def __init__(self, tasks, executor):
        self.waiting = ["pymesos-%d" % n for n in range(tasks)]
        self.left = set(self.waiting)
        self.executor = executor
        self.messages = []
        self.problems = []

    def registered(self, driver, framework_id, master_info):
        print("registered", framework_id["value"], "with", master_info["hostname"], flush=True)

    def resourceOffers(self, driver, offers):
        filters = {"refuse_seconds": 1}
        for offer in offers:
            have = {r.name: r.scalar.value for r in offer.resources if r.type == "SCALAR"}
            if not self.waiting or have.get("cpus", 0) < 2 * CPUS or have.get("mem", 0) < 2 * MEM:
                driver.declineOffer(offer.id, filters)
                continue
            name = self.waiting.pop()
            task = Dict()
            task.task_id.value = name
            task.agent_id.value = offer.agent_id.value
            task.name = name
            task.executor = self.executor
            task.data = encode_data(b"from the scheduler")
            task.resources = [
                dict(name="cpus", type="SCALAR", scalar={"value": CPUS}),
                dict(name="mem", type="SCALAR", scalar={"value": MEM}),
            ]
            driver.launchTasks(offer.id, [task], filters)

    def statusUpdate(self, driver, update):
        print(update.task_id.value, update.state, update.get("message", ""), flush=True)
        if update.state in ("TASK_FAILED", "TASK_LOST", "TASK_ERROR", "TASK_KILLED", "TASK_DROPPED", "TASK_GONE"):
            self.problems.append("%s %s %s" % (update.task_id.value, update.state, update.get("message", "")))
            driver.stop()
        if update.state == "TASK_FINISHED":
            if decode_data(update.data) != b"from the executor":
                self.problems.append("the update's data is %r" % update.data)
            self.left.discard(update.task_id.value)
            if not self.left:
                driver.stop()

    def frameworkMessage(self, driver, executor_id, agent_id, message):
        self.messages.append(decode_data(message))

    def error(self, driver, message):
        self.problems.append(message)
        driver.stop()


def main(master, tasks):
    executor = Dict()
    executor.executor_id.value = "pymesos-executor"
    executor.name = executor.executor_id.value
    executor.command.value = "%s %s" % (sys.executable, join(dirname(abspath(__file__)), "executor.py"))
    executor.resources = [
        dict(name="mem", type="SCALAR", scalar={"value": MEM}),
        dict(name="cpus", type="SCALAR", scalar={"value": CPUS}),
    ]
    framework = Dict()
    framework.user = ""
    framework.name = "pymesos"
    framework.hostname = "localhost"
    scheduler = Once(tasks, executor)
    driver = MesosSchedulerDriver(scheduler, framework, master, use_addict=True)
    runner = Thread(target=driver.run)
    runner.start()
    ends = time.time() + 120
    while runner.is_alive() and time.time() < ends:
        runner.join(0.1)
    if runner.is_alive():
        driver.stop()
        sys.exit("not done within 120 s; left are %s" % sorted(scheduler.left))
    if scheduler.problems:
        sys.exit("; ".join(scheduler.problems))
    if not scheduler.messages:
        sys.exit("no message of the executor came")
    print("done", tasks, "tasks,", len(scheduler.messages), "messages", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
