"""Records of the service: ``python -m app.audit``."""

from common.command import read_config, run_command

HELP = """
python -m app.audit verify DIR           whether the records are as they were written; else where not, by file:line
python -m app.audit prune DIR days=180   removes the files of days that are longer ago; the chain still verifies
python -m app.audit delete DIR id=ID     deletes the texts of an answer (request_id) and of feedback about it
python -m app.audit export URL out=DIR   copies records from a database into files, for data=feedback and log systems

DIR is the service's audience.records.folder; it may be a database, postgresql://user@host/database.
Each record has the hash of the one before, so a record that is changed,
removed, inserted or moved shows. Who can write the folder can also write a whole new chain, or cut off its end: keep
number and hash of the newest record elsewhere; verify prints them, and the service logs them at its start and end.
The service may run meanwhile. Keys: configs/audit.yaml.
Exit codes: 0 whole, or done; 1 the chain is broken; 2 wrong input or configuration; 130 interrupted.
"""


def main(arguments: list[str]) -> None:
    """Verifies, prunes or deletes."""
    from app.audit.command import AuditConfig, audit  # not needed by --help

    [config] = read_config("audit", arguments, AuditConfig)
    audit(config)


if __name__ == "__main__":
    run_command(main, HELP)
