"""Alembic's environment: what `alembic init` sets up, and the server's refusal in the server's own words."""
import sys
from logging.config import fileConfig

from alembic import context
from sqlalchemy import engine_from_config, pool
from sqlalchemy.exc import DBAPIError


def refusal(error):
    """The parts of a server error that psycopg2 keeps apart and a traceback runs together."""
    diagnostics = error.diag
    parts = (
        ("SQLSTATE", error.pgcode),
        (diagnostics.severity or "ERROR", diagnostics.message_primary or str(error).strip()),
        ("DETAIL", diagnostics.message_detail),
        ("HINT", diagnostics.message_hint),
    )
    return "\n".join(f"{name}: {text}" for name, text in parts if text)


def run_migrations():
    settings = context.config.get_section(context.config.config_ini_section)
    engine = engine_from_config(settings, prefix="sqlalchemy.", poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()


fileConfig(context.config.config_file_name)
try:
    run_migrations()
except DBAPIError as failure:
    print(refusal(failure.orig), file=sys.stderr)
    # Raised on, it would bury those lines under a page of traceback.
    sys.exit(1)
