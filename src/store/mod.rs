//! SQLite: schema, migrations, ledger and peer book queries.
