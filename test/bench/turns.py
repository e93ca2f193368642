"""One client with a session in each database, which changes between them every few milliseconds. Whatever else the
machine does then hits all of them alike: this tells differences that whole runs of pgbench, seconds apart, do not.

Beside the time that the client waits it takes the processor time of the server's process, which neither the disk nor
other programs lengthen, and in which the guard's share is largest.
"""

import statistics
import time

from measure import Ratio, in_turns, print_table, verdict


class Session:
    def __init__(self, cluster, database):
        self.connection = cluster.connect(database)
        self.cursor = self.connection.cursor()
        self.cursor.execute("SELECT pg_backend_pid()")
        self.process = self.cursor.fetchone()[0]
        self.waits = []
        self.work = []

    def processor_time(self):
        """In seconds; 0 where the system does not tell."""
        try:
            with open(f"/proc/{self.process}/schedstat", encoding="ascii") as file:
                return int(file.read().split()[0]) / 1e9
        except OSError:
            return 0.0

    def take_turn(self, work, numbers, prepare):
        waited = worked = 0.0
        for number in numbers:
            if prepare is not None:
                prepare(self.cursor, number)
            used = self.processor_time()
            begin = time.perf_counter()
            work(self.cursor, number)
            waited += time.perf_counter() - begin
            worked += self.processor_time() - used
        self.waits.append(waited)
        self.work.append(worked)


def take_turns(cluster, databases, work, turns, repetitions, prepare=None):
    """Calls work(cursor, number) so often in a turn, in each database; returns the sessions by database. The first
    tenth fills the caches and counts for nothing, and so does prepare(cursor, number) before each."""
    sessions = {database: Session(cluster, database) for database in databases}
    for turn, order in enumerate(in_turns(turns, list(databases))):
        for database in order:
            sessions[database].take_turn(work, range(turn * repetitions, (turn + 1) * repetitions), prepare)
    for session in sessions.values():
        session.connection.close()
        del session.waits[:turns // 10], session.work[:turns // 10]
    return sessions


class Pool:
    """Several sessions of one kind, each with the median of its times."""

    def __init__(self, sessions):
        self.waits = [statistics.median(session.waits) for session in sessions]
        self.work = [statistics.median(session.work) for session in sessions]


def compare_sessions(heading, found, repetitions, compare, target):
    """Prints each database against the first; compare(Ratio) has the ratio that the target is for, and whether it is
    met."""
    bare, *others = found
    rows = []
    for database in others:
        for what in ("waits", "work"):
            values = [getattr(found[name], what) for name in (database, bare)]
            if min(map(sum, values)) <= 0:
                continue
            ratio, met = compare(Ratio(*values))
            its_median, bare_median = (statistics.median(value) * 1000 / repetitions for value in values)
            rows.append([database, "the client waits" if what == "waits" else "the server's process works",
                         f"{bare_median:.4f}", f"{its_median:.4f}", f"{ratio:.3f}"] +
                        ([target, verdict(met)] if what == "waits" else ["", ""]))
    print_table(heading, ["database", "milliseconds that", bare, "this one", "ratio", "target", ""], rows)
