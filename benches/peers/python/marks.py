"""What the programs of the peers in Python share, and the run that compares them: the marks as they are defined.

Written beside the Rust programs, from the definitions alone: two programs that agree to the last digit check each other.
"""

import math
import sys
import time
from collections import deque
from heapq import heappop, heappush

MASK = (1 << 64) - 1
HOSTS, CORES, GIB = 1_000, 16, 64
# One way of a message of W2, in nanoseconds.
LATENCY = 1_000_000
BODY = bytes([7]) * 64


class SplitMix:
    """SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""

    __slots__ = ("state",)

    def __init__(self, state):
        self.state = state

    def bits(self):
        self.state = x = (self.state + 0x9E3779B97F4A7C15) & MASK
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
        return x ^ (x >> 31)

    def unit(self):
        return (self.bits() >> 11) / (1 << 53)


def delay(stream):
    """Nanoseconds until a process of W1 fires next: from one to two billion."""
    return int(2e9 * stream.unit()) + 1


def sum_of_firings(processes, each):
    """The check value of W1. Processes do not know of each other, so their times add up without any agenda."""
    total = 0
    for number in range(processes):
        stream, at = SplitMix(number), 0
        for _ in range(each):
            at += delay(stream)
            total += at
    return total & MASK


def draw(tasks, mean):
    """The tasks of W3: when each arrives, its cores, its GiB, and for how long it runs; in seconds."""
    stream, at, pieces = SplitMix(42), 0.0, []
    for _ in range(tasks):
        at -= math.log(1 - stream.unit()) * 0.05
        cores = 1 + stream.bits() % 4
        gib = 1 << (stream.bits() % 4)
        pieces.append((at, cores, gib, max(1.0, -math.log(1 - stream.unit()) * mean)))
    return pieces


class FirstFit:
    """The policy of W3: one queue with head-of-line blocking, and the first host with room. Calls back what begins."""

    def __init__(self, pieces, start):
        self.pieces, self.start = pieces, start
        self.cores, self.gib = [CORES] * HOSTS, [GIB] * HOSTS
        self.on = [0] * len(pieces)
        self.queue = deque()
        self.ended, self.last, self.waited, self.queue_max = 0, 0.0, 0.0, 0

    def arrive(self, now, piece):
        self.queue.append(piece)
        self.place(now)
        self.queue_max = max(self.queue_max, len(self.queue))

    def end(self, now, piece):
        _, cores, gib, _ = self.pieces[piece]
        host = self.on[piece]
        self.cores[host] += cores
        self.gib[host] += gib
        self.ended += 1
        self.last = now
        self.place(now)

    def place(self, now):
        while self.queue:
            piece = self.queue[0]
            arrives_at, cores, gib, runs_for = self.pieces[piece]
            for host, free in enumerate(self.cores):
                if free >= cores and self.gib[host] >= gib:
                    break
            else:
                return
            self.queue.popleft()
            self.cores[host] -= cores
            self.gib[host] -= gib
            self.on[piece] = host
            self.waited += now - arrives_at
            self.start(piece, runs_for)

    def line(self):
        mean = self.waited / self.ended
        return f"count={self.ended} last={self.last:.3f} wait={mean:.6f} queue={self.queue_max}"


def bare_cluster(tasks, mean):
    """The outcome of W3, on a binary heap alone."""
    ends, now = [], 0.0
    hosts = FirstFit(draw(tasks, mean), lambda piece, runs_for: heappush(ends, (now + runs_for, piece)))
    arrived = 0
    while arrived < tasks or ends:
        if arrived < tasks and (not ends or hosts.pieces[arrived][0] <= ends[0][0]):
            now = hosts.pieces[arrived][0]
            hosts.arrive(now, arrived)
            arrived += 1
        else:
            now, piece = heappop(ends)
            hosts.end(now, piece)
    return hosts.line()


def main(timers, messages, cluster):
    """Does what the program's arguments say, and prints one line of key=value, processor seconds among them."""
    marks = {
        "W1": lambda size, count: timers(size, max(1, count // size)),
        "W2": lambda size, count: messages(size, max(1, count // (2 * size))),
        "W3": lambda size, count: cluster(draw(count, size)),
    }
    try:
        mark, size, count = sys.argv[1:]
        work, size, count = marks[mark], int(size), int(count)
    except (KeyError, ValueError):
        sys.exit("usage: PROGRAM W1 PROCESSES FIRINGS | W2 PAIRS MESSAGES | W3 MEAN_SECONDS TASKS")
    before = time.process_time()
    line = work(size, count)
    print(f"{line} seconds={time.process_time() - before:.6f}")
