"""How long a client waits for the denial of a DROP TABLE, and whether another session sees the audit row as soon as
the client has the error.

BENCH_DENIALS: how many of each kind, in blocks of 20 that take turns.
"""

import statistics
import sys
import time

from cluster import Cluster
from denials import denied
from measure import in_turns, percentile, print_surroundings, print_table, setting, verdict

DENIALS = setting("DENIALS", 400)
BLOCK = 20
TARGET = 6  # milliseconds
FREE, READ, BARE = "guarded, nobody at the table", "guarded, another session reads it", "bare, dropped and rolled back"


def dropped(cursor):
    """What PostgreSQL itself takes; a reader would make it wait for ever."""
    cursor.execute("BEGIN")
    begin = time.perf_counter()
    cursor.execute("DROP TABLE victim")
    taken = time.perf_counter() - begin
    cursor.execute("ROLLBACK")
    return taken


def rows_in_audit(cursor):
    cursor.execute("SELECT count(*) FROM schema_guard.audit WHERE verdict = 'blocked'")
    return cursor.fetchone()[0]


def block_of_denials(client, observer, times, missing):
    for _ in range(BLOCK):
        before = rows_in_audit(observer)
        times.append(denied(client, "DROP TABLE victim"))
        if rows_in_audit(observer) != before + 1:
            missing.append(len(times))
            # What is late must not be counted as the next one's row.
            settle(observer, before + 1)


def settle(observer, expected):
    deadline = time.monotonic() + 30
    while rows_in_audit(observer) != expected:
        if time.monotonic() > deadline:
            sys.exit("a denial's audit row did not come within 30 seconds")
        observer.execute("SELECT schema_guard.absorb_journal()")


with Cluster() as cluster:
    print_surroundings(cluster)
    cluster.execute("postgres", "CREATE ROLE app LOGIN")
    cluster.create_database("bare")
    cluster.execute("bare", "CREATE TABLE victim (id bigint PRIMARY KEY, v text)",
                    "INSERT INTO victim SELECT i, repeat('x', 100) FROM generate_series(1, 10000) AS i",
                    "ALTER TABLE victim OWNER TO app")
    cluster.create_database("guarded", "bare")
    cluster.execute("guarded", "CREATE EXTENSION schema_guard")

    client = cluster.connect("guarded", "app").cursor()
    bare_client = cluster.connect("bare", "app").cursor()
    reader = cluster.connect("guarded").cursor()
    observer = cluster.connect("guarded").cursor()
    denied(client, "DROP TABLE victim")
    settle(observer, 1)

    times = {FREE: [], READ: [], BARE: []}
    missing = {FREE: [], READ: []}
    for order in in_turns(-(-DENIALS // BLOCK), list(times)):
        for kind in order:
            if kind == BARE:
                times[kind] += [dropped(bare_client) for _ in range(BLOCK)]
                continue
            if kind == READ:
                reader.execute("BEGIN")
                reader.execute("LOCK TABLE victim IN ACCESS SHARE MODE")
            block_of_denials(client, observer, times[kind], missing[kind])
            if kind == READ:
                reader.execute("COMMIT")

    rows = []
    for kind, seconds in times.items():
        milliseconds = [second * 1000 for second in seconds]
        median = statistics.median(milliseconds)
        row = [kind, len(seconds), f"{median:.2f}", f"{percentile(milliseconds, 99):.2f}", f"{max(milliseconds):.2f}"]
        if kind == BARE:
            rows.append(row + ["", "", ""])
        else:
            rows.append(row + [f"{len(seconds) - len(missing[kind])} of {len(seconds)}", f"<= {TARGET}",
                               verdict(median <= TARGET and not missing[kind])])
    print_table("A denied DROP TABLE: milliseconds until the client has the error",
                ["", "times", "median", "p99", "longest", "audit row there at once", "target", ""], rows)
