"""salabim: components whose processes are generators, the faster of its two kinds. No sockets: messages go into stores."""

import salabim as sim
from marks import BODY, LATENCY, MASK, FirstFit, SplitMix, delay, main

sim.yieldless(False)


def timers(processes, each):
    env = sim.Environment(trace=False)
    total = 0

    class Process(sim.Component):
        def process(self, number):
            nonlocal total
            stream = SplitMix(number)
            for _ in range(each):
                yield self.hold(delay(stream))
                total += int(env.now())

    for number in range(processes):
        Process(number=number)
    env.run()
    return f"count={processes * each} sum={total & MASK}"


def messages(pairs, round_trips):
    env = sim.Environment(trace=False)
    delivered = 0

    class Message(sim.Component):
        def setup(self, store):
            self.store, self.body = store, bytes(BODY)

        def process(self):
            yield self.hold(LATENCY)
            self.enter(self.store)

    class Client(sim.Component):
        def process(self, own, other):
            nonlocal delivered
            for _ in range(round_trips):
                Message(store=other)
                yield self.from_store(own)
                assert self.from_store_item().body == BODY
                delivered += 1

    class Server(sim.Component):
        def process(self, own, other):
            nonlocal delivered
            while True:
                yield self.from_store(own)
                assert self.from_store_item().body == BODY
                delivered += 1
                Message(store=other)

    for _ in range(pairs):
        ends = sim.Store(), sim.Store()
        Client(own=ends[0], other=ends[1])
        Server(own=ends[1], other=ends[0])
    env.run()
    return f"count={delivered} nanos={int(env.now())}"


def cluster(pieces):
    env = sim.Environment(trace=False)

    class Task(sim.Component):
        def process(self, piece, runs_for):
            yield self.hold(runs_for)
            hosts.end(env.now(), piece)

    class Arrivals(sim.Component):
        def process(self):
            for piece, (at, *_) in enumerate(pieces):
                yield self.hold(till=at)
                hosts.arrive(env.now(), piece)

    hosts = FirstFit(pieces, lambda piece, runs_for: Task(piece=piece, runs_for=runs_for))
    Arrivals()
    env.run()
    return hosts.line()


if __name__ == "__main__":
    main(timers, messages, cluster)
