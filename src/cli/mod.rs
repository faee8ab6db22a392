//! Commands, tables, JSON output.
