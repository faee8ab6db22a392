//! `sql`: queries the ledger in SQL. Read-only, limited in time and rows; also works while the node runs.

use std::{
    io::{self, IsTerminal},
    sync::{
        Mutex, MutexGuard, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
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
    store::{
        adhoc::{Table, Value as Cell},
        reader::LedgerReader,
    },
};

/// `tussock sql`
#[derive(Args, Debug)]
#[command(after_help = "\
Views: v_payments, v_history, v_balances, v_mempool, v_orphaned, v_inputs,
v_fees, v_blocks, v_txs, v_outputs, v_coins, v_miners, v_tips, v_headers, v_tip,
v_peers (tussock help sql, also for questions to start from). With --csv, texts
that a spreadsheet would calculate, such as a memo that begins with =, get an
apostrophe.

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
    /// Maximum number of rows [default: 1000; with --csv all]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Time limit of the query
    #[arg(long, value_name = "TIME", default_value = "5s")]
    timeout: String,
}

/// Rows without --limit.
const DEFAULT_ROWS: usize = 1000;
/// Bytes of rows that are printed at once.
const CSV_BYTES: usize = 64 * 1024;
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
    let limit = arguments.limit.unwrap_or(if arguments.csv { usize::MAX } else { DEFAULT_ROWS });
    let printing = Stopwatch::default();
    let mut csv = Csv::new(limit, &printing);
    let interrupter = reader.interrupter();
    let (result, late) = within(
        timeout,
        &printing,
        move || interrupter.interrupt(),
        || match arguments.csv {
            true => csv.write(&reader, &arguments.statement).map(|()| Table::default()),
            false => reader.sql(&arguments.statement, limit),
        },
    );
    let table = result.map_err(|error| match error {
        _ if late => {
            let done = match csv.rows {
                0 => "no answer".to_owned(),
                rows => format!("only the first {} came", units::count(rows as u64, "row")),
            };
            let advice = "ask for less, or allow more with --timeout";
            Failure::new(Exit::TimedOut, format!("{done} within {}; {advice}", arguments.timeout))
        }
        StoreError::Other(problem) => Failure::usage(format!("sql: {problem}; see: tussock help sql")),
        error => Failure::store(&context.ledger(), &error),
    })?;
    csv.printed?;
    if table.truncated || csv.is_cut {
        output::note(&format!("only the first {limit} rows; more with --limit"));
    }
    if arguments.csv {
        return Ok(());
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

/// How long something that stops and goes on has taken.
#[derive(Default)]
struct Stopwatch(Mutex<(Duration, Option<Instant>)>);

impl Stopwatch {
    fn lock(&self) -> MutexGuard<'_, (Duration, Option<Instant>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn measure<T>(&self, act: impl FnOnce() -> T) -> T {
        self.lock().1 = Some(Instant::now());
        let result = act();
        let all = self.elapsed();
        *self.lock() = (all, None);
        result
    }

    fn elapsed(&self) -> Duration {
        let (before, since) = *self.lock();
        before + since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

/// Runs a query and interrupts it after `timeout`, in which the time for `printing` does not count: whoever reads the rows may be
/// slow. Also returns whether the time ran out.
fn within<T>(
    timeout: Duration,
    printing: &Stopwatch,
    interrupt: impl Fn() + Send,
    query: impl FnOnce() -> T,
) -> (T, bool) {
    thread::scope(|scope| {
        let (done, ended) = mpsc::channel::<()>();
        let watch = scope.spawn(move || {
            let (mut late, start) = (false, Instant::now());
            let left = || timeout.saturating_sub(start.elapsed().saturating_sub(printing.elapsed()));
            // Repeated, because an interrupt before the query has begun is lost.
            while ended.recv_timeout(left().max(Duration::from_millis(20))) == Err(RecvTimeoutError::Timeout) {
                if left().is_zero() {
                    late = true;
                    interrupt();
                }
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

/// Rows as comma-separated values (RFC 4180), printed as they come.
struct Csv<'a> {
    limit: usize,
    printing: &'a Stopwatch,
    /// On a terminal, which a text must not drive.
    shown: bool,
    /// What is not printed yet.
    text: String,
    /// Rows so far.
    rows: usize,
    /// Whether there were more.
    is_cut: bool,
    printed: Outcome,
}

impl<'a> Csv<'a> {
    fn new(limit: usize, printing: &'a Stopwatch) -> Self {
        Self {
            limit,
            printing,
            shown: io::stdout().is_terminal(),
            text: String::new(),
            rows: 0,
            is_cut: false,
            printed: Ok(()),
        }
    }

    /// What came before a failure is printed, too.
    fn write(&mut self, reader: &LedgerReader, statement: &str) -> Result<(), StoreError> {
        let result = reader.sql_rows(statement, |columns, row| self.take(columns, &row));
        if let Ok(columns) = &result
            && self.rows == 0
        {
            self.text = output::csv_line(columns);
        }
        self.print();
        result.map(drop)
    }

    /// Whether more rows are wanted.
    fn take(&mut self, columns: &[String], row: &[Cell]) -> bool {
        self.is_cut = self.rows == self.limit;
        if self.is_cut {
            return false;
        }
        if self.rows == 0 {
            self.text = output::csv_line(columns);
        }
        let cell = |cell: &Cell| if self.shown { shown_cell(cell) } else { defused(cell) };
        let line = output::csv_line(&row.iter().map(cell).collect::<Vec<_>>());
        self.text.push_str(&line);
        self.rows += 1;
        if self.text.len() >= CSV_BYTES {
            self.print();
        }
        self.printed.is_ok()
    }

    fn print(&mut self) {
        if self.printed.is_ok() && !self.text.is_empty() {
            self.printed = self.printing.measure(|| output::raw(self.text.as_bytes()));
        }
        self.text.clear();
    }
}

/// A cell for a spreadsheet, which must not calculate what others wrote.
fn defused(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => output::no_formula(text),
        cell => plain(cell),
    }
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn the_time_in_which_nobody_reads_is_not_the_query_s() {
        const TIMEOUT: Duration = Duration::from_millis(500);
        let printing = Stopwatch::default();
        let print = || {
            printing.measure(|| {
                while printing.elapsed() < 2 * TIMEOUT {
                    thread::yield_now();
                }
            });
        };
        assert!(!within(TIMEOUT, &printing, || (), print).1);
        let interrupted = AtomicBool::new(false);
        let work = || {
            while !interrupted.load(Ordering::Relaxed) {
                thread::yield_now();
            }
        };
        let interrupt = || interrupted.store(true, Ordering::Relaxed);
        assert!(within(TIMEOUT, &Stopwatch::default(), interrupt, work).1);
    }
}
