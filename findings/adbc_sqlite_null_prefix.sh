#!/usr/bin/env bash
# The ADBC driver for SQLite cannot read a TEXT column whose first 1,024 rows are NULL.
#
# Guess: in a STRICT table the column says TEXT, so the Arrow column is a string column, whatever its first rows hold.
# Happens: the driver never asks for the declared type. It looks at the values of the first batch (1,024 rows by default);
# if all are NULL, it calls the column int64, and the first text in a later batch ends the query with "Type mismatch".
# The same query with ORDER BY … DESC works, as does a larger `adbc.sqlite.query.batch_rows`.
# Hurts: ledgers and event logs, where an optional column (a memo, a previous hash) is empty for the first thousand rows;
# polars.read_database_uri with the ADBC engine reads through this driver.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check adbc-driver-sqlite==1.13.0 adbc-driver-manager==1.13.0 pyarrow==26.0.1
env/bin/python - <<'PYTHON'
import sqlite3
import adbc_driver_sqlite, adbc_driver_sqlite.dbapi as adbc

print("adbc-driver-sqlite", adbc_driver_sqlite.__version__)
ledger = sqlite3.connect("ledger.db")
ledger.execute("CREATE TABLE payments (id INTEGER PRIMARY KEY, memo TEXT) STRICT")
ledger.executemany("INSERT INTO payments VALUES (?, ?)", ((id, None if id < 1024 else "paid") for id in range(1100)))
ledger.commit()

def read(query, **options):
    with adbc.connect("ledger.db") as connection, connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**options)
        try:
            cursor.execute(query)
            return str(cursor.fetch_arrow_table().schema.field("memo").type)
        except Exception as error:
            return f"{type(error).__name__}: {error}"

plain = read("SELECT memo FROM payments ORDER BY id")
descending = read("SELECT memo FROM payments ORDER BY id DESC")
larger = read("SELECT memo FROM payments ORDER BY id", **{"adbc.sqlite.query.batch_rows": 2048})
print("first 1,024 NULL:", plain)
print("other order     :", descending)
print("larger batch    :", larger)
assert "Type mismatch" in plain and "INT64" in plain, plain
assert descending == larger == "string", (descending, larger)
print("as described: the declared type is not used")
PYTHON
