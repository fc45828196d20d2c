"""An executor on pymesos: its tasks say that they run, send a message, and finish."""

import time
from threading import Thread

from addict import Dict
from pymesos import Executor, MesosExecutorDriver, decode_data, encode_data


class Quick(Executor):
    def launchTask(self, driver, task):
        def run():
            self.say(driver, task, "TASK_RUNNING")
            driver.sendFrameworkMessage(encode_data(b"hello of " + task.task_id.value.encode()))
            is_right = decode_data(task.data) == b"from the scheduler"
            self.say(driver, task, "TASK_FINISHED" if is_right else "TASK_FAILED")

        Thread(target=run).start()

    def say(self, driver, task, state):
        update = Dict()
        update.task_id.value = task.task_id.value
        update.state = state
        update.timestamp = time.time()
        update.data = encode_data(b"from the executor")
        driver.sendStatusUpdate(update)


if __name__ == "__main__":
    MesosExecutorDriver(Quick(), use_addict=True).run()
