"""What a TRUNCATE costs that a policy lets pass, with its audit row, against a database without the extension.

BENCH_TURNS: how many blocks of statements in each database, which one client takes in turns. BENCH_SETS: in how many
sets of databases.
"""

from cluster import Cluster
from measure import in_turns, print_surroundings, setting
from turns import Pool, compare_sessions, take_turns

TURNS = setting("TURNS", 700)
SETS = setting("SETS", 7)
REPETITIONS = 5
TARGET = 1.05
# The control is bare as well: how far its ratio is from 1 tells what a difference is worth.
VARIANTS = {"bare": "bare_template", "control": "bare_template", "guarded": "guarded_template"}


# An empty table would need no policy.
def fill(cursor, number):
    cursor.execute("INSERT INTO event VALUES (%s, clock_timestamp(), 'a row')", (number,))


def truncate(cursor, _):
    cursor.execute("TRUNCATE event")


def databases_of_set(cluster, number, order):
    names = {variant: f"{variant}_{number}" for variant in order}
    for variant, name in names.items():
        cluster.create_database(name, VARIANTS[variant])
        if variant == "guarded":
            cluster.preload(name)
    return names


def compare(cluster, heading):
    found = {}
    for number, order in enumerate(in_turns(SETS, list(VARIANTS))):
        names = databases_of_set(cluster, f"{heading.replace(' ', '_')}_{number}", order)
        cluster.checkpoint()
        sessions = take_turns(cluster, names.values(), truncate, TURNS // SETS, REPETITIONS, fill)
        for variant in VARIANTS:
            found.setdefault(variant, []).append(sessions[names[variant]])
    pooled = {variant: Pool(found[variant]) for variant in VARIANTS}
    compare_sessions(f"TRUNCATE under a policy, {heading}: {TURNS} blocks of {REPETITIONS} in each database in turns, "
                     f"medians of {SETS} sets", pooled, REPETITIONS,
                     lambda ratio: (ratio.median, ratio.median <= TARGET), f"<= {TARGET}")


with Cluster() as cluster:
    print_surroundings(cluster)
    cluster.create_database("bare_template")
    cluster.execute("bare_template", "CREATE TABLE event (id bigint PRIMARY KEY, at timestamptz, note text)")
    cluster.create_database("guarded_template", "bare_template")
    cluster.execute("guarded_template", "CREATE EXTENSION schema_guard",
                    "SELECT schema_guard.set_policy('truncate_table', 'record', 'public.event', reason => 'benchmark')")
    for heading, synchronous_commit in (("fsync on", "on"), ("synchronous_commit off", "off")):
        cluster.set("synchronous_commit", synchronous_commit)
        compare(cluster, heading)
