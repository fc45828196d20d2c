# An executor of the Python SDK pymesos, as its users write it: runs every task for a moment and says hello.
import sys, time
from threading import Thread
from pymesos import MesosExecutorDriver, Executor, decode_data, encode_data
from addict import Dict
class Ex(Executor):
    def registered(self, driver, executorInfo, frameworkInfo, agentInfo):
        sys.stderr.write("registered %s\n" % agentInfo.id)
    def launchTask(self, driver, task):
        def run():
            u = Dict(); u.task_id.value = task.task_id.value; u.state='TASK_RUNNING'; u.timestamp=time.time()
            driver.sendStatusUpdate(u)
            driver.sendFrameworkMessage(encode_data(b"hi"))
            u = Dict(); u.task_id.value = task.task_id.value; u.state='TASK_FINISHED'; u.timestamp=time.time()
            driver.sendStatusUpdate(u)
        Thread(target=run).start()
driver = MesosExecutorDriver(Ex(), use_addict=True)
driver.run()
