"""API keys of the service: ``python -m app.keys``."""

from common.command import read_config, run_command

HELP = """
python -m app.keys add NAME role=patient|doctor|admin|monitor   makes a key and prints it, once: only its hash is kept
python -m app.keys list                                          names, roles, limits, what was used today
python -m app.keys revoke NAME                                   from now on it opens nothing

  python -m app.keys add ward-3 role=doctor days=90
  python -m app.keys add registration-app role=patient requests_per_minute=600 tokens_per_day=2000000

Roles: patient asks and complains; doctor also corrects answers and, where serve.raw_model=true, uses the model alone;
admin also sees keys and records, and changes versions; monitor reads /metrics, and nothing else.
Keys (configs/keys.yaml): days=365 (null: for ever), requests_per_minute=null, tokens_per_day=null,
file=keys.sqlite (the service's access.keys; or postgresql://user@host/database).

With the first key every request needs one, as Authorization: Bearer KEY. A running service knows a new or revoked key
within a second. An emergency is answered whatever a key's limits.
Exit codes: 0 done, 1 failed, 2 wrong input or configuration, 130 interrupted.
"""


def main(arguments: list[str]) -> None:
    """Lists, adds or revokes keys."""
    from app.access.command import KeysConfig, make_or_list  # not needed by --help

    [config] = read_config("keys", arguments, KeysConfig)
    make_or_list(config)


if __name__ == "__main__":
    run_command(main, HELP)
