"""The tables as the code of this version works with them; ``migrations`` makes them."""

from sqlalchemy import JSON, BigInteger, Column, Float, LargeBinary, MetaData, Table, Text

METADATA = MetaData()

RECORDS = Table(
    "audit_records",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("record", JSON(none_as_null=True), nullable=False),  # kept as written: its hash is of that
    Column("said", JSON(none_as_null=True)),  # its texts, which can be deleted
)

KEYS = Table(
    "api_keys",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("made", Float, nullable=False),
    Column("expires", Float),
    Column("revoked", Float),
    Column("requests_per_minute", BigInteger),
    Column("tokens_per_day", BigInteger),
    Column("sha256", Text, nullable=False, unique=True),
)

USAGE = Table(
    "api_key_usage",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
)

KNOWLEDGE_FILES = Table(
    "knowledge_files",
    METADATA,
    Column("path", Text, primary_key=True),  # below the folder, with /
    Column("sha256", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
)
