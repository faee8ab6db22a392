//! `sql`: queries the ledger in SQL. Read-only, limited in time and rows; also works while the node runs.

use std::{
    io::{self, IsTerminal},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use clap::Args;
use serde_json::{Value, json};

use super::{
    context::Context,
    datadir,
    exit::{Exit, Failure, Outcome},
    offline,
    output::{self, Rows},
    units,
};
use crate::{
    base::hash::{hex, unhex},
    chain::{archive::StoreError, memo},
    rpc::client::Deadline,
    store::adhoc::{Interrupter, Table, Value as Cell},
};

/// `tussock sql`
#[derive(Args, Debug)]
#[command(after_help = "\
Views: v_payments, v_history, v_balances, v_mempool, v_orphaned, v_inputs,
v_fees, v_blocks, v_txs, v_outputs, v_coins, v_miners, v_tips, v_headers, v_tip,
v_peers (tussock help sql, also for questions to start from).

Examples:
  tussock sql 'SELECT height, hash FROM v_blocks ORDER BY height DESC LIMIT 5'
  tussock sql 'SELECT count(*), sum(amount) FROM v_coins' --json
  tussock sql 'SELECT * FROM v_payments WHERE height > 100' --csv > payments.csv")]
pub struct SqlArgs {
    /// One SELECT statement
    #[arg(value_name = "SELECT …")]
    statement: String,
    /// As comma-separated values (RFC 4180), with a line of the columns' names
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Maximum number of rows
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit: usize,
    /// Time limit of the query
    #[arg(long, value_name = "TIME", default_value = "5s")]
    timeout: String,
}

/// How long a query waits for a node to index its latest blocks.
const INDEX_WAIT: Duration = Duration::from_millis(500);
/// Calls in one batch: as many as a node answers.
const CALLS: usize = 50;
/// Time between two looks at how far it has come.
const INDEX_POLL: Duration = Duration::from_millis(20);

/// Runs the command.
pub fn run(context: &Context, arguments: &SqlArgs) -> Outcome {
    let timeout = units::parse_duration(&arguments.timeout)
        .map_err(|problem| Failure::usage(format!("--timeout {}: {problem}", arguments.timeout)))?;
    complete_index(context);
    let reader = offline::reader(context)?;
    let folder = context.folder();
    // The rest of the views need no node.
    let asks_mempool = arguments.statement.to_ascii_lowercase().contains("v_mempool");
    let waiting = if asks_mempool { waiting(context)? } else { None };
    let [index, peers] = [datadir::INDEX, datadir::PEERS].map(|name| folder.join(name));
    let joined = reader.join(&index, &peers, waiting.as_deref(), context.spec().prefix);
    joined.map_err(|error| Failure::store(&context.ledger(), &error))?;
    let (result, late) = within(timeout, reader.interrupter(), || reader.sql(&arguments.statement, arguments.limit));
    let table = result.map_err(|error| match error {
        _ if late => Failure::new(
            Exit::TimedOut,
            format!("no answer within {}; ask for less, or allow more with --timeout", arguments.timeout),
        ),
        StoreError::Other(problem) => Failure::usage(format!("sql: {problem}; see: tussock help sql")),
        error => Failure::store(&context.ledger(), &error),
    })?;
    if table.truncated {
        output::note(&format!("only the first {} rows; more with --limit", arguments.limit));
    }
    if arguments.csv {
        return output::raw(csv(&table, io::stdout().is_terminal()).as_bytes());
    }
    output::line(&if context.json { objects(&table) } else { text(&table) })
}

/// The transactions in the mempool of the node; `None` if none runs. Those that leave it meanwhile are not among them.
fn waiting(context: &Context) -> Outcome<Option<Vec<Vec<u8>>>> {
    let Ok(remote) = context.remote() else { return Ok(None) };
    let ids = remote.call("getrawmempool", json!([]))?;
    let mut waiting = Vec::new();
    for ids in output::items(&ids).chunks(CALLS) {
        let calls = ids.iter().map(|id| ("getrawtransaction", json!([id]))).collect();
        let answers = remote.batch(calls)?;
        waiting.extend(answers.iter().filter_map(Value::as_str).filter_map(unhex));
    }
    Ok(Some(waiting))
}

/// Lets a running node index its latest blocks, which it otherwise does a few at a time. A node that does not answer soon is
/// left alone: the views tell how far the index has come.
fn complete_index(context: &Context) {
    let Ok(remote) = context.remote() else { return };
    let deadline = Deadline::after(INDEX_WAIT);
    while let Ok(status) = remote.call_within("status", json!([]), INDEX_WAIT)
        && status["indexed"].as_u64().is_some_and(|indexed| Some(indexed) < status["height"].as_u64())
        && deadline.pause(INDEX_POLL)
    {}
}

/// Runs a query and interrupts it after `timeout`. Also returns whether the time ran out.
fn within<T>(timeout: Duration, interrupter: Interrupter, query: impl FnOnce() -> T) -> (T, bool) {
    thread::scope(|scope| {
        let (done, ended) = mpsc::channel::<()>();
        let watch = scope.spawn(move || {
            let mut late = false;
            let mut deadline = timeout;
            // Repeated, because an interrupt before the query has begun is lost.
            while ended.recv_timeout(deadline) == Err(RecvTimeoutError::Timeout) {
                late = true;
                interrupter.interrupt();
                deadline = Duration::from_millis(20);
            }
            late
        });
        let result = query();
        drop(done);
        (result, watch.join().unwrap_or(false))
    })
}

/// Each row as an object whose fields are in the order of the columns.
fn objects(table: &Table) -> String {
    let value = |cell: &Cell| match cell {
        Cell::Null => Value::Null,
        Cell::Integer(number) => json!(number),
        Cell::Real(number) => json!(number),
        Cell::Text(text) => json!(text),
        Cell::Bytes(bytes) => json!(hex(bytes)),
    };
    let names: Vec<String> = table.columns.iter().map(|name| json!(name).to_string()).collect();
    let object = |row: &Vec<Cell>| {
        let fields: Vec<String> = names.iter().zip(row).map(|(name, cell)| format!("{name}:{}", value(cell))).collect();
        format!("{{{}}}", fields.join(","))
    };
    let rows: Vec<String> = table.rows.iter().map(object).collect();
    format!("[{}]", rows.join(if io::stdout().is_terminal() { ",\n " } else { "," }))
}

/// RFC 4180. `shown`: on a terminal, which a text must not drive.
fn csv(table: &Table, shown: bool) -> String {
    let cell = |cell: &Cell| if shown { shown_cell(cell) } else { plain(cell) };
    let row = |row: &Vec<Cell>| output::csv_line(&row.iter().map(cell).collect::<Vec<_>>());
    output::csv_line(&table.columns) + &table.rows.iter().map(row).collect::<String>()
}

fn plain(cell: &Cell) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Integer(number) => number.to_string(),
        Cell::Real(number) => number.to_string(),
        Cell::Text(text) => text.clone(),
        Cell::Bytes(bytes) => hex(bytes),
    }
}

/// The same on one line, without signs that could drive a terminal.
fn shown_cell(cell: &Cell) -> String {
    let safe = |c: char| match c {
        '\n' => " ".to_owned(),
        c if memo::text(c.to_string().as_bytes()).is_some() => c.to_string(),
        c => c.escape_default().to_string(),
    };
    plain(cell).chars().map(safe).collect()
}

fn text(table: &Table) -> String {
    // Columns with a number in the first row are aligned to the right.
    let is_number = |column: usize| {
        let first = table.rows.first().and_then(|row| row.get(column));
        matches!(first, Some(Cell::Integer(_) | Cell::Real(_)))
    };
    let heads: Vec<String> = table
        .columns
        .iter()
        .enumerate()
        .map(|(at, name)| if is_number(at) { format!(">{name}") } else { name.clone() })
        .collect();
    let mut rows = Rows::new(&heads.iter().map(String::as_str).collect::<Vec<_>>());
    for row in &table.rows {
        rows.row(row.iter().map(shown_cell));
    }
    rows.text("no rows")
}
