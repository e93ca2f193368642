"""A storm of denials: all of them in the audit, each once, whether a worker can be had or not; and no client waits
long.

BENCH_DENIALS, BENCH_CLIENTS; BENCH_WORKERS: values of max_worker_processes, separated by blanks.
"""

import multiprocessing
import statistics
import sys
import time

import psycopg2

from cluster import Cluster
from denials import denied
from measure import percentile, print_surroundings, print_table, setting, settings, verdict

DENIALS = setting("DENIALS", 10000)
CLIENTS = setting("CLIENTS", 16)
# With 1, PostgreSQL's own logical replication launcher has it, and the guard never gets a worker.
WORKERS = settings("WORKERS", [1, 8])
TARGET = 1.0  # seconds


def client(cluster, number, start, results):
    """One client's share: the tables in turn, so that all of them file and join the same requests."""
    try:
        cursor = cluster.connect("guarded", "app").cursor()
        cursor.execute("SET statement_timeout = '60s'")
        share = DENIALS // CLIENTS + (1 if number < DENIALS % CLIENTS else 0)
        start.wait()
        results.put([denied(cursor, f"DROP TABLE victim_{(number + turn) % CLIENTS}") for turn in range(share)])
    except SystemExit as end:
        results.put(str(end))
    except Exception as error:  # the parent waits for an answer from each
        results.put(f"client {number}: {error}")


def storm(cluster):
    """Returns the clients' waits and how long all of it took, in seconds."""
    start = multiprocessing.Barrier(CLIENTS + 1)
    results = multiprocessing.Queue()
    clients = [multiprocessing.Process(target=client, args=(cluster, number, start, results), daemon=True)
               for number in range(CLIENTS)]
    for process in clients:
        process.start()
    start.wait(60)
    begin = time.monotonic()
    waits = []
    for _ in clients:
        found = results.get()
        if isinstance(found, str):
            sys.exit(found)
        waits += found
    taken = time.monotonic() - begin
    for process in clients:
        process.join()
    return waits, taken


def absorb_rest(cursor):
    """Until nothing is left. 55P03: a worker is at it, and will end."""
    deadline = time.monotonic() + 120
    while True:
        try:
            cursor.execute("SELECT absorbed FROM schema_guard.absorb_journal()")
            if cursor.fetchone()[0] == 0:
                return
        except psycopg2.errors.LockNotAvailable:
            pass
        if time.monotonic() > deadline:
            sys.exit("the journal was not absorbed within 120 seconds")


def in_audit(cursor):
    cursor.execute("""
        SELECT count(*), count(DISTINCT event_id) FROM schema_guard.audit WHERE verdict = 'blocked'""")
    return cursor.fetchone()


def measure(workers):
    with Cluster(max_worker_processes=str(workers)) as cluster:
        if workers == WORKERS[0]:
            print_surroundings(cluster)
        cluster.execute("postgres", "CREATE ROLE app LOGIN")
        cluster.create_database("guarded")
        cluster.execute("guarded", *[f"CREATE TABLE victim_{number} (id integer)" for number in range(CLIENTS)],
                        *[f"ALTER TABLE victim_{number} OWNER TO app" for number in range(CLIENTS)],
                        "CREATE EXTENSION schema_guard")
        waits, taken = storm(cluster)
        observer = cluster.connect("guarded").cursor()
        at_the_end = in_audit(observer)[0]
        begin = time.monotonic()
        absorb_rest(observer)
        absorption = time.monotonic() - begin
        rows, events = in_audit(observer)
        # Two sessions may have filed the same at once; the later request then only points to the one that counts.
        observer.execute("SELECT sum(attempts) FROM schema_guard.request WHERE joined_to IS NULL")
        attempts = observer.fetchone()[0]
        milliseconds = [wait * 1000 for wait in waits]
        return [workers, f"{len(waits) / taken:.0f}", f"{statistics.median(milliseconds):.1f}",
                f"{percentile(milliseconds, 99):.1f}", f"{max(milliseconds):.0f}", at_the_end, f"{absorption:.2f}",
                rows, events, attempts, f"{DENIALS}, < {TARGET * 1000:.0f}",
                verdict(rows == events == attempts == DENIALS and max(waits) < TARGET)]


print_table(f"{DENIALS} denials from {CLIENTS} clients: waits in milliseconds",
            ["max_worker_processes", "denials/s", "median", "p99", "longest", "in the audit by the last error",
             "seconds to absorb the rest", "audit rows", "distinct", "counted by requests", "target", ""],
            [measure(workers) for workers in WORKERS])
