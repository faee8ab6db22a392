//! The views of the databases as other tools see them: through SQLite alone, while the node writes.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags, types::Value as Cell};
use serde_json::{Value, json};

use crate::support::{TempDir, TestNode, cli_on, stdout};

/// More than the rows by which tools guess the type of a column.
const BLOCKS: usize = 1_100;
/// How long the index may take to catch up with the ledger.
const PATIENCE: Duration = Duration::from_secs(60);

fn open(file: &Path) -> Connection {
    Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

/// The columns of all rows.
fn read(connection: &Connection, view: &str) -> BTreeMap<String, Vec<Cell>> {
    let mut statement = connection.prepare(&format!("SELECT * FROM {view}")).unwrap();
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut columns: BTreeMap<String, Vec<Cell>> = names.iter().map(|name| (name.clone(), Vec::new())).collect();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        for (at, name) in names.iter().enumerate() {
            columns.get_mut(name).unwrap().push(row.get(at).unwrap());
        }
    }
    columns
}

fn views(connection: &Connection) -> Vec<String> {
    let mut statement = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'view'").unwrap();
    let names = statement.query_map([], |row| row.get(0)).unwrap();
    names.map(Result::unwrap).collect()
}

fn text(cell: &Cell) -> &str {
    let Cell::Text(text) = cell else { panic!("{cell:?} is no text") };
    text
}

#[test]
fn every_view_can_be_read_by_any_tool_that_knows_sqlite() {
    let folder = TempDir::new();
    let (blocks, dir) = (BLOCKS.to_string(), folder.path());
    let made = ["generate", "--blocks", &blocks, "--txs-per-block", "1", "--seed", "4"];
    assert!(cli_on(dir, "local", &made).status.success());
    let node = TestNode::start_in(dir, &["--connect", "127.0.0.1:9"]);
    node.json(&["mine", "3"]);
    let deadline = Instant::now() + PATIENCE;
    while node.status()["indexed"] != BLOCKS + 3 {
        assert!(Instant::now() < deadline, "{}", node.status());
        node.wait(&["ready"]);
    }
    let mut seen = BTreeMap::new();
    for file in ["ledger.db", "index.db", "peers.db"] {
        let connection = open(&dir.join("local").join(file));
        for view in views(&connection) {
            let table = read(&connection, &view);
            for (column, cells) in &table {
                let mut types: Vec<_> = cells.iter().map(Cell::data_type).collect();
                types.dedup();
                let is_previous = (view.as_str(), column.as_str()) == ("v_headers", "previous");
                let nulls = usize::from(is_previous);
                assert!(types.len() <= 1 + nulls, "{file} {view}.{column}: {types:?}");
                assert!(is_previous || !cells.contains(&Cell::Null), "{file} {view}.{column}");
            }
            seen.insert(view, table);
        }
    }
    let names: Vec<&str> = seen.keys().map(String::as_str).collect();
    let all = "v_balances v_blocks v_coins v_headers v_history v_miners v_outputs v_peers v_tip v_tips v_txs";
    assert_eq!(names.join(" "), all);
    headers_are_what_the_node_says(&node, &seen["v_headers"]);
    addresses_are_what_commands_take(&node, &seen);
    one_program_s_views_and_another_s_agree(&node, &seen);
}

fn headers_are_what_the_node_says(node: &TestNode, headers: &BTreeMap<String, Vec<Cell>>) {
    let at = |column: &str, row: usize| headers[column][row].clone();
    assert_eq!((at("height", 0), at("previous", 0)), (Cell::Integer(0), Cell::Null));
    for row in [1, 2, BLOCKS + 1, BLOCKS + 3] {
        let block = node.json(&["block", &row.to_string()]);
        assert_eq!(at("height", row), Cell::Integer(i64::try_from(row).unwrap()));
        assert_eq!(
            (json!(text(&at("hash", row))), json!(text(&at("previous", row)))),
            (block["hash"].clone(), block["previous"].clone())
        );
        assert_eq!(text(&at("nonce", row)), block["nonce"].to_string());
        // What this node mines has a nonce that JavaScript keeps.
        assert!(row <= BLOCKS || block["nonce"].as_u64().unwrap() < 1 << 53, "{block}");
    }
}

fn addresses_are_what_commands_take(node: &TestNode, tables: &BTreeMap<String, BTreeMap<String, Vec<Cell>>>) {
    for view in ["v_coins", "v_outputs", "v_balances", "v_miners", "v_history"] {
        let addresses = &tables[view]["address"];
        assert!(!addresses.is_empty() && addresses.iter().all(|cell| text(cell).starts_with("ltus1")), "{view}");
    }
    let balances = &tables["v_balances"];
    for (address, balance) in balances["address"].iter().zip(&balances["balance"]).take(2) {
        let said = node.json(&["balance", text(address)]);
        assert_eq!(Cell::Integer(said["confirmed"].as_i64().unwrap()), *balance);
    }
}

/// `tussock sql` has views of its own; it computes addresses another way.
fn one_program_s_views_and_another_s_agree(node: &TestNode, tables: &BTreeMap<String, BTreeMap<String, Vec<Cell>>>) {
    for (view, table) in tables {
        let column = table.keys().next().unwrap();
        let all = format!("SELECT * FROM {view}");
        let rows = node.json(&["sql", &all, "--limit", "100000"]);
        let rows = rows.as_array().unwrap();
        assert_eq!(rows.len(), table[column].len(), "{view}");
        for (column, cells) in table {
            let cell = |cell: &Cell| match cell {
                Cell::Integer(number) => json!(number),
                Cell::Text(text) => json!(text),
                _ => Value::Null,
            };
            let differs = rows.iter().zip(cells).find(|(row, ours)| row[column] != cell(ours));
            assert!(differs.is_none(), "{view}.{column}: {differs:?}");
        }
    }
}

#[test]
fn answers_in_json_keep_the_order_of_columns() {
    let node = TestNode::start(&[]);
    let output = node.cli(&["sql", "SELECT 1 AS year, 2 AS amount, 'x' AS memo", "--json"]);
    assert_eq!(stdout(&output).trim(), r#"[{"year":1,"amount":2,"memo":"x"}]"#);
}
