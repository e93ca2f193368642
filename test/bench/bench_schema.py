"""A denied DROP SCHEMA ... CASCADE over many tables, against the time that PostgreSQL takes to drop them; and whether
the denial's time grows with their number and no faster.

BENCH_ROUNDS; BENCH_SIZES: numbers of tables, separated by blanks.
"""

import statistics
import time

from cluster import Cluster
from denials import denied
from measure import in_turns, print_surroundings, print_table, setting, settings, verdict

ROUNDS = setting("ROUNDS", 7)
SIZES = settings("SIZES", [500, 1000, 2000, 5000])
TARGET = 0.1  # at the largest
DROP = "DROP SCHEMA big CASCADE"
TABLES_IN_A_TRANSACTION = 500


def build(cluster, size):
    """A bare database of that size, and its copy with the extension: then neither has a history of its own."""
    bare = f"bare_{size}"
    cluster.create_database(bare)
    cluster.execute(bare, "CREATE SCHEMA big")
    for first in range(1, size + 1, TABLES_IN_A_TRANSACTION):
        last = min(size, first + TABLES_IN_A_TRANSACTION - 1)
        # The text column gives each a TOAST table.
        cluster.execute(bare, f"""
            DO $$ BEGIN
              FOR i IN {first}..{last} LOOP
                EXECUTE format('CREATE TABLE big.t%s (id bigint PRIMARY KEY, v text)', i);
              END LOOP;
            END $$""")
    # As autovacuum would leave the catalogs.
    cluster.execute(bare, "VACUUM ANALYZE")
    cluster.create_database(f"guarded_{size}", bare)
    cluster.execute(f"guarded_{size}", "CREATE EXTENSION schema_guard")


def dropped(cluster, size):
    """The statement alone: its commit, which removes the files, would come on top."""
    connection = cluster.connect(f"bare_{size}")
    cursor = connection.cursor()
    cursor.execute("BEGIN")
    begin = time.perf_counter()
    cursor.execute(DROP)
    taken = time.perf_counter() - begin
    cursor.execute("ROLLBACK")
    connection.close()
    return taken


def denied_twice(cluster, size):
    """In a new session, where nothing is in the caches, and then once more."""
    connection = cluster.connect(f"guarded_{size}")
    cursor = connection.cursor()
    times = denied(cursor, DROP), denied(cursor, DROP)
    connection.close()
    return times


# Many files are made, and none of their flushes matters; once they are there, fsync is on as in production.
with Cluster(max_locks_per_transaction="1024", fsync="off") as cluster:
    print_surroundings(cluster)
    for size in SIZES:
        build(cluster, size)
    cluster.checkpoint()
    cluster.set("fsync", "on")

    first, again, bare = ({size: [] for size in SIZES} for _ in range(3))
    for order in in_turns(ROUNDS, SIZES):
        for size in order:
            bare[size].append(dropped(cluster, size))
            one, other = denied_twice(cluster, size)
            first[size].append(one)
            again[size].append(other)

    rows = []
    per_table = {}
    for size in SIZES:
        median = {name: statistics.median(times[size]) * 1000
                  for name, times in (("first", first), ("again", again), ("bare", bare))}
        per_table[size] = median["first"] * 1000 / size
        ratio = median["first"] / median["bare"]
        rows.append([size] + [f"{median[name]:.1f}" for name in ("bare", "first", "again")] +
                    [f"{ratio:.3f}", f"{median['again'] / median['bare']:.3f}", f"{per_table[size]:.1f}"] +
                    ([f"<= {TARGET}", verdict(ratio <= TARGET)] if size == max(SIZES) else ["", ""]))
    print_table(f"A denied DROP SCHEMA CASCADE: milliseconds, medians of {ROUNDS} rounds",
                ["tables", "bare drops", "denied first in a session", "denied again", "ratio first", "ratio again",
                 "microseconds a table", "target", ""], rows)
    growth = per_table[max(SIZES)] / per_table[min(SIZES)]
    print(f"  time per table at {max(SIZES)} tables is {growth:.2f} times that at {min(SIZES)}: "
          f"{'linear or better' if growth <= 1.1 else 'more than linear'}\n")
