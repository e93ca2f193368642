"""What allowed DDL costs with its audit rows: per iteration of ddl.sql, one client, against a database without the
extension in the same cluster.

BENCH_ROUNDS, BENCH_SECONDS: how many rounds, and how long each of a round's runs lasts. BENCH_TURNS: how many
iterations in each database when one client takes them in turns, and BENCH_SETS: in how many sets of databases.
"""

import glob
import os
import re
import statistics

from cluster import Cluster
from measure import Ratio, in_turns, print_surroundings, print_table, setting, verdict
from turns import Pool, compare_sessions, take_turns

ROUNDS = setting("ROUNDS", 7)
SECONDS = setting("SECONDS", 5)
TURNS = setting("TURNS", 1050)
SETS = setting("SETS", 7)
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ddl.sql")
VARIANTS = {"bare": "bare_template", "extension": "guarded_template", "preloaded": "guarded_template"}
# The heading, synchronous_commit, and what the issue asks for.
COMMITS = [("fsync on", "on", 1.05), ("fsync on, synchronous_commit off", "off", 1.08)]


databases = 0


def fresh_database(cluster, variant):
    """From its template, so nobody's catalogs have grown. Those before it stay: where many files have just been
    deleted, ext4 without a journal looks longer for a place for the next one."""
    global databases
    databases += 1
    name = f"{variant}_{databases}"
    cluster.create_database(name, VARIANTS[variant])
    if variant == "preloaded":
        cluster.preload(name)
    return name


class Run:
    """One run of pgbench: the median latency of its iterations, and each statement's mean, in milliseconds."""

    def __init__(self, cluster, variant):
        database = fresh_database(cluster, variant)
        cluster.checkpoint()
        prefix = os.path.join(cluster.directory, "latency")
        report = cluster.pgbench(database, "-f", SCRIPT, "-T", str(SECONDS), "-D", "n=0", "-r", "-l",
                                 f"--log-prefix={prefix}")
        latencies = []
        for path in glob.glob(prefix + "*"):
            with open(path, encoding="ascii") as log:
                latencies += [int(line.split()[2]) for line in log]
            os.remove(path)
        self.latency = statistics.median(latencies) / 1000
        self.statements = re.findall(r"^ +([0-9.]+) +[0-9]+ +([A-Z].*);$", report, re.MULTILINE)
        assert self.statements, report


def compare_with_pgbench(cluster, heading, target):
    runs = {variant: [] for variant in VARIANTS}
    for order in in_turns(ROUNDS, list(VARIANTS)):
        for variant in order:
            runs[variant].append(Run(cluster, variant))

    bare = [run.latency for run in runs["bare"]]
    rows = [["bare", f"{statistics.median(bare):.3f}", "", "", "", ""]]
    for variant in ("extension", "preloaded"):
        guarded = [run.latency for run in runs[variant]]
        ratio = Ratio(guarded, bare)
        rows.append([variant, f"{statistics.median(guarded):.3f}", ratio, ratio.spread(), f"<= {target}",
                     verdict(ratio.median <= target)])
    print_table(f"DDL, {heading}: milliseconds an iteration, medians of {ROUNDS} rounds of {SECONDS} s",
                ["database", "latency", "ratio", "half of them", "target", ""], rows)

    rows = []
    for place, (_, statement) in enumerate(runs["bare"][0].statements):
        means = {variant: statistics.median(float(run.statements[place][0]) for run in runs[variant])
                 for variant in VARIANTS}
        rows.append([statement] + [f"{means[variant]:.3f}" for variant in VARIANTS])
    print_table("  by statement", ["statement"] + list(VARIANTS), rows)


def iteration(cursor, number):
    """The script again, for a client of our own."""
    with open(SCRIPT, encoding="ascii") as script:
        for line in script:
            if not line.startswith(("--", "\\")):
                cursor.execute(line.replace(":n", str(number)))


def compare_in_turns(cluster, heading, target):
    """In several sets of databases: where the file system puts a database's directory is luck, and can make each file
    in it dearer by more than what is measured here."""
    found = {}
    for order in in_turns(SETS, list(VARIANTS)):
        databases = {variant: fresh_database(cluster, variant) for variant in order}
        cluster.checkpoint()
        sessions = take_turns(cluster, databases.values(), iteration, TURNS // SETS, 1)
        for variant in VARIANTS:
            found.setdefault(variant, []).append(sessions[databases[variant]])
    pooled = {variant: Pool(sessions) for variant, sessions in found.items()}
    compare_sessions(f"DDL, {heading}: one client, {TURNS} iterations in each database in turns, "
                     f"medians of {SETS} sets", pooled, 1,
                     lambda ratio: (ratio.median, ratio.median <= target), f"<= {target}")


with Cluster() as cluster:
    print_surroundings(cluster)
    cluster.create_database("bare_template")
    cluster.create_database("guarded_template", "bare_template")
    cluster.execute("guarded_template", "CREATE EXTENSION schema_guard")
    for heading, synchronous_commit, target in COMMITS:
        cluster.set("synchronous_commit", synchronous_commit)
        compare_with_pgbench(cluster, heading, target)
        compare_in_turns(cluster, heading, target)
