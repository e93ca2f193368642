"""What `alembic init` sets up, without logging."""
from alembic import context
from sqlalchemy import engine_from_config, pool

settings = context.config.get_section(context.config.config_ini_section)
engine = engine_from_config(settings, prefix="sqlalchemy.", poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
