"""What Alembic runs for each upgrade; the connection, in its transaction, is the caller's."""

from alembic import context

from app.database.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
