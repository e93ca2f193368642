"""A throw-away cluster on a socket in its own directory, for as long as a with statement lasts."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile

import psycopg2

SUPERUSER = "postgres"

# The same for both sides. No checkpoint and no autovacuum comes in between unasked.
DEFAULTS = {
    "listen_addresses": "''",
    "shared_buffers": "256MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1h",
    "autovacuum": "off",
}

# The runner ends its children with this; the with statements should get to stop their servers.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def run(*command):
    """Runs a program and returns what it printed; ends the benchmark with its messages if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Cluster:
    def __init__(self, **settings):
        self.directory = tempfile.mkdtemp(prefix="bench.")
        self.data = os.path.join(self.directory, "data")
        self.settings = {**DEFAULTS, "unix_socket_directories": f"'{self.directory}'", **settings}

    def __enter__(self):
        run("initdb", "-D", self.data, "-U", SUPERUSER, "-A", "trust", "--no-sync")
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="utf-8") as file:
            for name, value in self.settings.items():
                file.write(f"{name} = {value}\n")
        run("pg_ctl", "-D", self.data, "-l", os.path.join(self.directory, "log"), "-w", "start")
        return self

    def __exit__(self, *_):
        subprocess.run(["pg_ctl", "-D", self.data, "-m", "immediate", "stop"], stdout=subprocess.DEVNULL, check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def connect(self, database, role=SUPERUSER):
        connection = psycopg2.connect(host=self.directory, dbname=database, user=role)
        connection.autocommit = True
        return connection

    def execute(self, database, *statements):
        """Runs the statements, each on its own, and returns the rows of the last."""
        connection = self.connect(database)
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            rows = cursor.fetchall() if cursor.description else []
        connection.close()
        return rows

    def set(self, name, value):
        self.execute("postgres", f"ALTER SYSTEM SET {name} = '{value}'", "SELECT pg_reload_conf()")

    def create_database(self, name, template="template0"):
        self.execute("postgres", f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name} TEMPLATE {template}")

    def preload(self, database):
        """The library in each session of the database from its start."""
        self.execute("postgres", f"ALTER DATABASE {database} SET session_preload_libraries = 'schema_guard'")

    def pgbench(self, database, *arguments):
        return run("pgbench", "-h", self.directory, "-U", SUPERUSER, "-n", *arguments, database)

    def checkpoint(self):
        self.execute("postgres", "CHECKPOINT")
