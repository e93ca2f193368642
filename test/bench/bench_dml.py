"""What the guard costs work that is no DDL: throughput of pgbench's own scripts, with the library in each session
from its start, against a copy of the database without it.

BENCH_ROUNDS, BENCH_SECONDS: many short rounds resolve a small difference better than a few long ones. BENCH_SCALE.
BENCH_TURNS: how many blocks of transactions in each database when one client takes them in turns.
"""

import random
import re
import statistics

from cluster import Cluster
from measure import Ratio, in_turns, print_surroundings, print_table, setting, verdict
from turns import compare_sessions, take_turns

ROUNDS = setting("ROUNDS", 21)
SECONDS = setting("SECONDS", 2)
SCALE = setting("SCALE", 10)
TURNS = setting("TURNS", 400)
TARGET = 0.995
DATABASES = ["bare", "guarded"]
SCRIPTS = [("select only", "select-only"), ("TPC-B-like", "tpcb-like")]


def throughput(cluster, database, script, clients):
    report = cluster.pgbench(database, "-b", script, "-T", str(SECONDS), "-c", str(clients), "-j", str(clients),
                             "-M", "prepared")
    return float(re.search(r"tps = ([0-9.]+) \(without", report).group(1))


def select_only(cursor, _):
    cursor.execute("SELECT abalance FROM pgbench_accounts WHERE aid = %s", [random.randint(1, 100000 * SCALE)])
    cursor.fetchone()


def tpcb_like(cursor, _):
    account, branch, teller = (random.randint(1, rows * SCALE) for rows in (100000, 1, 10))
    delta = random.randint(-5000, 5000)
    cursor.execute("BEGIN")
    cursor.execute("UPDATE pgbench_accounts SET abalance = abalance + %s WHERE aid = %s", [delta, account])
    cursor.execute("SELECT abalance FROM pgbench_accounts WHERE aid = %s", [account])
    cursor.execute("UPDATE pgbench_tellers SET tbalance = tbalance + %s WHERE tid = %s", [delta, teller])
    cursor.execute("UPDATE pgbench_branches SET bbalance = bbalance + %s WHERE bid = %s", [delta, branch])
    cursor.execute("INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (%s, %s, %s, %s, now())",
                   [teller, branch, account, delta])
    cursor.execute("END")


def compare_in_turns(cluster):
    """Throughput is the inverse of time: the ratios here are of bare to guarded, to have the same target. The control
    is bare as well: how far its ratio is from 1 tells what a difference is worth."""
    for name, transaction, repetitions in (("select only", select_only, 200), ("TPC-B-like", tpcb_like, 20)):
        found = take_turns(cluster, ["bare", "control", "guarded"], transaction, TURNS, repetitions)
        compare_sessions(f"DML, {name}: one client, {TURNS} blocks of {repetitions} transactions in each database in "
                         "turns, medians", found, repetitions,
                         lambda ratio: (1 / ratio.median, 1 / ratio.median >= TARGET), f">= {TARGET}")


# A commit that waits for the disk hides what the processor does, and its time varies more than the target's half
# percent.
with Cluster(synchronous_commit="off") as cluster:
    print_surroundings(cluster)
    cluster.create_database("bare")
    cluster.pgbench("bare", "-i", "-q", "-s", str(SCALE))
    cluster.create_database("control", "bare")
    cluster.create_database("guarded", "bare")
    cluster.execute("guarded", "CREATE EXTENSION schema_guard")
    cluster.preload("guarded")

    rows = []
    for name, script in SCRIPTS:
        for clients in (1, 2):
            found = {database: [] for database in DATABASES}
            cluster.checkpoint()
            for database in DATABASES:  # into the caches
                throughput(cluster, database, script, clients)
            for order in in_turns(ROUNDS, DATABASES):
                for database in order:
                    found[database].append(throughput(cluster, database, script, clients))
            ratio = Ratio(found["guarded"], found["bare"])
            rows.append([name, clients] + [f"{statistics.median(found[database]):.0f}" for database in DATABASES] +
                        [ratio, ratio.spread(), f">= {TARGET}", verdict(ratio.median >= TARGET)])
    print_table(f"DML: transactions a second, synchronous_commit off, medians of {ROUNDS} rounds of {SECONDS} s",
                ["script", "clients"] + DATABASES + ["ratio", "half of them", "target", ""], rows)
    compare_in_turns(cluster)
