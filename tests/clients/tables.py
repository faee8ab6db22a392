"""Each view of the three databases of a running node, as pandas, polars with ADBC, and Datasette read it."""
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import adbc_driver_sqlite.dbapi as adbc
import pandas
import polars

FOLDER, PROGRAM, HERE = Path(os.environ["FOLDER"]), os.environ["TUSSOCK_BIN"], Path(sys.executable).parent
ADDRESSES = {"v_coins": "address", "v_outputs": "address", "v_balances": "address", "v_miners": "address"}


def report(name, problem):
    print(f"FAIL {name}: {problem}" if problem else f"ok {name}")


def views(file):
    with sqlite3.connect(f"file:{FOLDER / file}?mode=ro", uri=True) as connection:
        found = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name")
        return [name for (name,) in found]


def with_pandas(file, view):
    with sqlite3.connect(f"file:{FOLDER / file}?mode=ro", uri=True) as connection:
        return pandas.read_sql_query(f"SELECT * FROM {view}", connection).to_dict("list")


def with_polars(file, view):
    with adbc.connect(f"file:{FOLDER / file}?mode=ro") as connection:
        frame = polars.read_database(f"SELECT * FROM {view}", connection)
    return frame.to_dict(as_series=False)


def with_datasette(file, view):
    query = f"/{file.removesuffix('.db')}.json?sql=SELECT+*+FROM+{view}&_shape=array"
    limits = ["--setting", "max_returned_rows", "5000", "--setting", "sql_time_limit_ms", "20000"]
    command = [HERE / "datasette", "--get", query, *limits, FOLDER / file]
    rows = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else [])}


def balance(address):
    command = [PROGRAM, "-d", FOLDER.parent, "--chain", FOLDER.name, "balance", address, "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["confirmed"]


def is_null(value):
    return value is None or value != value


def problem_of(view, table, tip):
    for column, values in table.items():
        kinds = {type(value).__name__ for value in values if not is_null(value)}
        if len(kinds) > 1:
            return f"{column} has values of {kinds}"
    if view == "v_headers":
        if [is_null(value) for value in table["previous"]] != [height == 0 for height in table["height"]]:
            return "previous is empty elsewhere than at genesis"
        if not all(int(nonce) >= 0 and isinstance(nonce, str) for nonce in table["nonce"]):
            return "a nonce is no text, or negative"
    if view == "v_balances":
        for address, amount in list(zip(table["address"], table["balance"]))[:3]:
            if balance(address) != amount:
                return f"{address} has another balance"
    if view in ADDRESSES and not all(value.startswith("dtus1") for value in table[ADDRESSES[view]]):
        return "an address is not in the text that commands take"
    if view in ("v_blocks", "v_headers") and len(table["height"]) < tip:
        return f"{len(table['height'])} rows at height {tip}"
    return None


tip = with_pandas("ledger.db", "v_tip")["height"][0]
for tool, read in (("pandas", with_pandas), ("polars", with_polars), ("Datasette", with_datasette)):
    for file in ("ledger.db", "index.db", "peers.db"):
        for view in views(file):
            name = f"{view} with {tool}"
            try:
                report(name, problem_of(view, read(file, view), tip))
            except Exception as error:
                report(name, f"{type(error).__name__}: {error}")
