"""SimPy: processes are generators. A message waits its latency and is put into its receiver's store; there are no sockets."""

import simpy
from marks import BODY, LATENCY, MASK, FirstFit, SplitMix, delay, main


def timers(processes, each):
    env = simpy.Environment()
    total = 0

    def process(number):
        nonlocal total
        stream = SplitMix(number)
        for _ in range(each):
            yield env.timeout(delay(stream))
            total += env.now

    for number in range(processes):
        env.process(process(number))
    env.run()
    return f"count={processes * each} sum={total & MASK}"


def messages(pairs, round_trips):
    env = simpy.Environment()
    delivered = 0

    def cable(store, body):
        yield env.timeout(LATENCY)
        store.put(body)

    def send(store):
        env.process(cable(store, bytes(BODY)))

    def client(own, other):
        nonlocal delivered
        for _ in range(round_trips):
            send(other)
            body = yield own.get()
            assert body == BODY
            delivered += 1

    def server(own, other):
        nonlocal delivered
        while True:
            body = yield own.get()
            assert body == BODY
            delivered += 1
            send(other)

    for _ in range(pairs):
        ends = simpy.Store(env), simpy.Store(env)
        env.process(client(*ends))
        env.process(server(*reversed(ends)))
    env.run()
    return f"count={delivered} nanos={env.now}"


def cluster(pieces):
    env = simpy.Environment()

    def task(piece, runs_for):
        yield env.timeout(runs_for)
        hosts.end(env.now, piece)

    def arrivals():
        for piece, (at, *_) in enumerate(pieces):
            yield env.timeout(at - env.now)
            hosts.arrive(env.now, piece)

    hosts = FirstFit(pieces, lambda piece, runs_for: env.process(task(piece, runs_for)))
    env.process(arrivals())
    env.run()
    return hosts.line()


if __name__ == "__main__":
    main(timers, messages, cluster)
