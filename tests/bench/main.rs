//! Runs every benchmark of `tussock bench` on this host and writes one file: a table for people, and all figures as JSON.
//!
//! `scripts/bench.sh` starts it. The program itself measures (`src/cli/bench/`), so users can measure the same on their
//! hosts. This file has the workloads of the published figures (`src/cli/bench/FIGURES.md`), and takes medians.

use std::{
    error::Error,
    fmt::Write as _,
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    time::Instant,
};

use serde_json::{Map, Value, json};

const USAGE: &str = "\
usage: scripts/bench.sh [--runs N=5] [--only NAME]… [--out FILE=target/bench.md] [--list]
Runs the benchmarks, each N times, and writes their medians as a table and as JSON into one file.
The machine should have nothing else to do. All of them take about half an hour on two cores.";

/// A benchmark: its name, the arguments of `tussock bench`, whether that command repeats the measurement (`--runs`), and
/// the rows of the table: figure (as a path in its JSON), unit, factor.
struct Benchmark {
    name: &'static str,
    arguments: &'static [&'static str],
    repeats: bool,
    shown: &'static [(&'static str, &'static str, f64)],
}

const MIB: f64 = 1.0 / 1_048_576.0;
const SYNC: &[(&str, &str, f64)] = &[
    ("seconds", "s", 1.0),
    ("blocks_per_second", "blocks/s", 1.0),
    ("transactions_per_second", "transactions/s", 1.0),
    ("share_of_signature_ceiling", "% of the signature ceiling", 100.0),
    ("newcomer_peak_rss_bytes", "MiB peak, newcomer", MIB),
    ("newcomer_cpu_s", "s of CPU, newcomer", 1.0),
    ("provider_cpu_s", "s of CPU, provider", 1.0),
    ("database_bytes", "MiB of database", MIB),
];
const JOIN: &[(&str, &str, f64)] = &[
    ("snapshot/seconds", "s with a snapshot", 1.0),
    ("snapshot/largest_rss_bytes", "MiB at most", MIB),
    ("whole/seconds", "s with the whole history", 1.0),
    ("times_as_fast", "times as fast", 1.0),
];
const GOSSIP: &[(&str, &str, f64)] = &[
    ("block_ms", "ms, coinbase-only block", 1.0),
    ("large_block_ms", "ms, block of 500 transactions", 1.0),
    ("transaction_ms", "ms, transaction", 1.0),
];

/// In the order of the table, short ones first.
const BENCHMARKS: &[Benchmark] = &[
    Benchmark {
        name: "verify",
        arguments: &["verify"],
        repeats: false,
        shown: &[("signatures_per_second", "signatures/s on all cores", 1.0)],
    },
    Benchmark {
        name: "idle",
        arguments: &["idle", "--seconds", "20"],
        repeats: false,
        shown: &[("core_percent", "% of a core", 1.0), ("rss_mib", "MiB resident", 1.0)],
    },
    Benchmark { name: "gossip line", arguments: &["gossip"], repeats: false, shown: GOSSIP },
    Benchmark { name: "gossip mesh", arguments: &["gossip", "--topology", "mesh"], repeats: false, shown: GOSSIP },
    Benchmark {
        name: "mempool",
        arguments: &["mempool"],
        repeats: false,
        shown: &[
            ("over_http_per_second", "transactions/s over HTTP", 1.0),
            ("over_tcp_per_second", "transactions/s over TCP", 1.0),
            ("share_of_signature_ceiling", "% of the signature ceiling over TCP", 100.0),
        ],
    },
    Benchmark {
        name: "apply",
        arguments: &["apply"],
        repeats: false,
        shown: &[("transactions_per_second", "transactions/s", 1.0)],
    },
    Benchmark {
        name: "serve",
        arguments: &["serve"],
        repeats: false,
        shown: &[
            ("blocks_served_per_second", "blocks/s to eight newcomers", 1.0),
            ("provider_cpu_s", "s of CPU, provider", 1.0),
            ("provider_peak_rss_mib", "MiB peak, provider", 1.0),
        ],
    },
    Benchmark { name: "sync w1", arguments: &["sync", "--workload", "w1"], repeats: true, shown: SYNC },
    Benchmark { name: "sync w2", arguments: &["sync", "--workload", "w2"], repeats: true, shown: SYNC },
    Benchmark { name: "sync w3", arguments: &["sync", "--workload", "w3"], repeats: true, shown: SYNC },
    Benchmark { name: "join w3", arguments: &["join", "--workload", "w3"], repeats: true, shown: JOIN },
    Benchmark { name: "join w6", arguments: &["join", "--workload", "w6"], repeats: true, shown: JOIN },
    Benchmark {
        name: "start w3",
        arguments: &["start", "--blocks", "2000", "--txs-per-block", "500"],
        repeats: true,
        shown: &[("ready_ms", "ms until ready", 1.0)],
    },
];

/// The command line.
struct Options {
    runs: usize,
    only: Vec<String>,
    out: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Some(options) = options()? else { return Ok(()) };
    let start = Instant::now();
    let mut results = Map::new();
    for benchmark in
        BENCHMARKS.iter().filter(|one| options.only.is_empty() || options.only.iter().any(|n| n == one.name))
    {
        eprintln!("{:>5.0} s  {}", start.elapsed().as_secs_f64(), benchmark.name);
        results.insert(benchmark.name.to_owned(), measure(benchmark, options.runs)?);
    }
    if results.is_empty() {
        return Err(format!("no benchmark has such a name\n{USAGE}").into());
    }
    let report = json!({ "machine": machine(), "version": version()?, "runs": options.runs, "results": results });
    let table = table(&report);
    let text = format!("{table}\n```json\n{}\n```\n", serde_json::to_string_pretty(&report)?);
    if let Some(folder) = options.out.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&options.out, text)?;
    print!("{table}");
    eprintln!("written to {}", options.out.display());
    Ok(())
}

/// `None` if there is nothing to run: the help or the list has been printed.
fn options() -> Result<Option<Options>, Box<dyn Error>> {
    let out = [env!("CARGO_MANIFEST_DIR"), "target", "bench.md"].iter().collect();
    let mut options = Options { runs: 5, only: Vec::new(), out };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value\n{USAGE}"));
        match word.as_str() {
            // Cargo adds this flag.
            "--bench" => {}
            "--runs" => options.runs = value()?.parse::<usize>()?.max(1),
            "--only" => options.only.push(value()?),
            "--out" => options.out = value()?.into(),
            "--list" => {
                BENCHMARKS.iter().for_each(|one| println!("{}", one.name));
                return Ok(None);
            }
            "--help" | "-h" => {
                println!("{USAGE}");
                return Ok(None);
            }
            other => return Err(format!("unknown argument {other}\n{USAGE}").into()),
        }
    }
    Ok(Some(options))
}

fn tussock(arguments: &[&str]) -> Result<String, Box<dyn Error>> {
    let program = std::env::var_os("TUSSOCK_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_tussock").into());
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("tussock {} failed: {}", arguments.join(" "), output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// The medians of a benchmark's figures over `runs` runs.
fn measure(benchmark: &Benchmark, runs: usize) -> Result<Value, Box<dyn Error>> {
    let count = runs.to_string();
    let mut arguments = vec!["bench"];
    arguments.extend(benchmark.arguments);
    arguments.push("--json");
    if benchmark.repeats {
        arguments.extend(["--runs", &count]);
        return Ok(serde_json::from_str(&tussock(&arguments)?)?);
    }
    let figures = (0..runs).map(|_| Ok(serde_json::from_str(&tussock(&arguments)?)?));
    let figures: Vec<Map<String, Value>> = figures.collect::<Result<_, Box<dyn Error>>>()?;
    let first = figures.first().cloned().unwrap_or_default();
    let medians = first.into_iter().map(|(key, value)| {
        let numbers: Vec<f64> = figures.iter().filter_map(|run| run.get(&key)?.as_f64()).collect();
        // A count is the same in every run and stays a whole number.
        let value = if value.is_f64() { json!(median(numbers)) } else { value };
        (key, value)
    });
    Ok(Value::Object(medians.collect()))
}

/// The middle number; of an even count the lower of the middle two.
fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len().saturating_sub(1) / 2).copied().unwrap_or(0.0)
}

fn version() -> Result<String, Box<dyn Error>> {
    Ok(tussock(&["--version"])?.trim().to_owned())
}

/// Cores, memory and processor, as far as the system reports them.
fn machine() -> Value {
    let field = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name))?.to_owned();
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let kib = field("/proc/meminfo", "MemTotal").and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    json!({
        "cores": std::thread::available_parallelism().map_or(1, usize::from),
        "memory_gib": kib.map(|kib| (kib / 1_048_576.0).round()),
        "processor": field("/proc/cpuinfo", "model name"),
        "system": std::env::consts::OS,
    })
}

fn table(report: &Value) -> String {
    let machine = &report["machine"];
    let mut text = format!(
        "# {} on {} cores, {} GiB ({}): medians of {} runs\n\n| benchmark | figure | |\n|---|--:|---|\n",
        report["version"].as_str().unwrap_or_default(),
        machine["cores"],
        machine["memory_gib"].as_f64().unwrap_or(0.0),
        machine["processor"].as_str().unwrap_or("unknown processor"),
        report["runs"],
    );
    for benchmark in BENCHMARKS {
        let figures = &report["results"][benchmark.name];
        for (key, unit, factor) in benchmark.shown {
            let Some(number) = figures.pointer(&format!("/{key}")).and_then(Value::as_f64) else { continue };
            let number = number * factor;
            let digits = if number >= 1000.0 { 0 } else { 2 };
            writeln!(text, "| {} | {number:.digits$} | {unit} |", benchmark.name)
                .expect("writing to a string cannot fail");
        }
    }
    text
}
