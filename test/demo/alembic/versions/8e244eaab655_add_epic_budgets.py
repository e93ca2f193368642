"""add epic budgets

Revision ID: 8e244eaab655
Revises:
"""
from alembic import op

revision = "8e244eaab655"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    # The chain of the demonstration begins here: production had this long ago.
    pass


def downgrade():
    op.drop_table("epic_budgets")
