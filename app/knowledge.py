"""The knowledge base of several replicas: ``python -m app.knowledge``."""

from common.command import read_config, run_command

HELP = """
python -m app.knowledge DIR to=postgresql://user@host/database [domain=documents]

Puts the files of a folder into a database, in the place of those that are there. Services read them from there:
  python -m app model=RUN domain=hospital knowledge.path=postgresql://user@host/database
The folder is read first, as the service of that domain reads it; one that is damaged is not published. Services that
run keep what they have read until they start again; the version of the knowledge base stands in every citation.
Keys: configs/knowledge.yaml. The password goes into a file (PGPASSFILE). pip install 'xinglin[postgres]'
Exit codes: 0 done, 1 failed, 2 wrong input or configuration, 130 interrupted.
"""


def main(arguments: list[str]) -> None:
    """Publishes one folder."""
    from app.database.command import PublishConfig, publish_folder  # not needed by --help

    [config] = read_config("knowledge", arguments, PublishConfig)
    publish_folder(config)


if __name__ == "__main__":
    run_command(main, HELP)
