"""A denied statement, with its time."""

import sys
import time

import psycopg2

BLOCKED = "SG001"


def denied(cursor, statement):
    """Sends it and returns the seconds until the guard's error is here. Anything else ends the benchmark."""
    begin = time.perf_counter()
    try:
        cursor.execute(statement)
    except psycopg2.Error as error:
        taken = time.perf_counter() - begin
        if error.pgcode != BLOCKED:
            sys.exit(f"{statement}: SQLSTATE {error.pgcode}, not {BLOCKED}: {error}")
        return taken
    sys.exit(f"{statement} was not denied")
