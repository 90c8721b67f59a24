"""Alembic's entry: run the scripts on the connection, and in the transaction, that the caller holds."""

from alembic import context
from landfast.registry.schema.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    render_as_batch=True,
    transactional_ddl=False,  # the caller commits: all scripts, or none
)
context.run_migrations()
