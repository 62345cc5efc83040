"""The chain at a place: files in a folder, or a table of a database."""

from contextlib import AbstractContextManager, nullcontext

from app.audit.chain import AuditChain
from app.audit.file_chain import FileChain
from app.database.place import Place, PostgresUrl, database_at
from common.files import disk_errors


def chain_at(place: Place) -> AuditChain:
    """The chain that is kept at a place.

    Raises:
        UserError: What PostgreSQL needs is not installed.
    """
    if not isinstance(place, PostgresUrl):
        return FileChain(place)
    database = database_at(place)
    from app.audit.database_chain import DatabaseChain  # needs libraries of an extra

    return DatabaseChain(database)


def errors_at(place: Place) -> AbstractContextManager[None]:
    """Turns what a disk raises into an error that says what to do; databases do that themselves."""
    return nullcontext() if isinstance(place, PostgresUrl) else disk_errors(place)
