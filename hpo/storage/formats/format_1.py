"""Format 1, of hpo 0.1.0: databases of its development, which have no number, get the columns that it reads.

Which columns an unnumbered database lacks depends on the day that it was made, so this looks. What it makes is written
out here, not taken from the present tables: these go on changing, and then formats follow this one.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "1_hpo_0.1.0"
down_revision = None

_DOUBLE = sa.Float(53)

_ADDED: dict[str, list[sa.Column[Any]]] = {
    "hpo_study": [sa.Column("stop_requested_at", _DOUBLE), sa.Column("stop_now", sa.Boolean())],
    "hpo_stage": [sa.Column("cleaned_at", _DOUBLE)],
    "hpo_design_point": [
        sa.Column("donor_key", sa.String(64)),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("claimed_at", _DOUBLE),
        sa.Column("faults", sa.JSON()),
    ],
    "hpo_trained_epoch": [sa.Column("entry", sa.String(32))],
}

_INDEXES = {
    "hpo_design_point": {"hpo_design_point_running": ["state", "recipe_key"]},
    "hpo_trained_epoch": {
        "hpo_trained_epoch_by_study": ["study", "at"],
        "hpo_trained_epoch_by_owner": ["owner", "at"],
        "hpo_trained_epoch_by_recipe": ["recipe_key", "epoch"],
    },
}


def upgrade() -> None:
    """Add what is missing, fill it, and drop what has another name now."""
    tables = sa.inspect(op.get_bind()).get_table_names()
    for table, columns in _ADDED.items():
        missing = [column for column in columns if column.name not in _columns(table)]
        if missing:
            with op.batch_alter_table(table) as batch:
                for column in missing:
                    batch.add_column(column.copy())
    if "hpo_worker" not in tables:
        _make_worker_table()
    _fill_faults()
    _fill_entries()
    for table, indexes in _INDEXES.items():
        known = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}
        for name, columns_of_index in indexes.items():
            if name not in known:
                op.create_index(name, table, columns_of_index)


def _columns(table: str) -> set[str]:
    return {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}


def _make_worker_table() -> None:
    op.create_table(
        "hpo_worker",
        sa.Column("owner", sa.String(200), primary_key=True),
        sa.Column("study", sa.String(100), primary_key=True),
        sa.Column("device", sa.String(100), nullable=False),
        sa.Column("started_at", _DOUBLE, nullable=False),
        sa.Column("seen_at", _DOUBLE, nullable=False),
        sa.Column("ended_at", _DOUBLE),
    )


def _fill_faults() -> None:
    """What was a list of reasons is a list of faults, each with a reason."""
    points = sa.table(
        "hpo_design_point",
        sa.column("id", sa.Integer),
        sa.column("owner", sa.String),
        sa.column("attempt", sa.Integer),
        sa.column("reasons", sa.JSON),
        sa.column("faults", sa.JSON),
        sa.column("finished_at", _DOUBLE),
    )
    connection, has_reasons = op.get_bind(), "reasons" in _columns("hpo_design_point")
    if has_reasons:
        found = connection.execute(
            sa.select(points.c.id, points.c.owner, points.c.attempt, points.c.reasons, points.c.finished_at)
        )
        for row in found.all():
            faults = [
                {"reason": reason, "owner": row.owner or "", "attempt": number, "at": row.finished_at or 0.0}
                for number, reason in enumerate(_listed(row.reasons), 1)
            ]
            connection.execute(points.update().where(points.c.id == row.id).values(faults=faults))
    connection.execute(points.update().where(points.c.faults.is_(None)).values(faults=[]))
    with op.batch_alter_table("hpo_design_point") as batch:
        batch.alter_column("faults", existing_type=sa.JSON(), nullable=False)
        if has_reasons:
            batch.drop_column("reasons")


def _listed(reasons: Any) -> list[str]:
    values = json.loads(reasons) if isinstance(reasons, str) else reasons
    return [str(value) for value in values or []]


def _fill_entries() -> None:
    """Give each epoch of the ledger a name of its own."""
    epochs = sa.table("hpo_trained_epoch", sa.column("id", sa.Integer), sa.column("entry", sa.String))
    connection = op.get_bind()
    nameless = connection.scalars(sa.select(epochs.c.id).where(epochs.c.entry.is_(None))).all()
    for number in nameless:
        connection.execute(epochs.update().where(epochs.c.id == number).values(entry=uuid.uuid4().hex))
    unique = sa.inspect(connection).get_unique_constraints("hpo_trained_epoch")
    is_unique = any(constraint["column_names"] == ["entry"] for constraint in unique)
    with op.batch_alter_table("hpo_trained_epoch") as batch:
        batch.alter_column("entry", existing_type=sa.String(32), nullable=False)
        if not is_unique:
            batch.create_unique_constraint("hpo_trained_epoch_entry", ["entry"])
