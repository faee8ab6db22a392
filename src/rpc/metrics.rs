//! `/metrics`: the Prometheus text format. Base units, `_total` on counters only, no label with an address or an id.

use std::{fmt::Write, fs, path::Path};

use crate::{
    chain::snapshot::JoinState,
    node::report::{SealingReport, SyncState},
    rpc::{
        call_stats::CallStats,
        context::Context,
        counters,
        histogram::Histogram,
        host::{resident_bytes, unix_now},
    },
    runtime::status::Status,
};

/// Clock ticks a second in /proc; 100 on every Linux.
const TICKS: f64 = 100.0;

/// The metrics as text.
pub fn render(context: &Context, calls: &CallStats) -> String {
    let mut text = Text(String::with_capacity(6 * 1024));
    node(&mut text, context);
    let status = context.node.status();
    for counter in &counters::ALL {
        let value = status.counter(counter.counter);
        text.one(&format!("tussock_{}_total", counter.key), "counter", counter.help, value);
    }
    server(&mut text, context, calls);
    process(&mut text, context);
    text.0
}

fn node(text: &mut Text, context: &Context) {
    let status = context.node.status();
    text.head("tussock_build_info", "gauge", "The program's version, in its label.");
    text.line("tussock_build_info", &[("version", &context.version)], 1);
    text.head("tussock_node_state", "gauge", "1 for the state that the node is in.");
    for state in SyncState::ALL {
        text.line("tussock_node_state", &[("state", state.name())], u8::from(state == status.state));
    }
    if let Some(tip) = &status.tip {
        text.one("tussock_chain_height", "gauge", "Height of the tip.", tip.height);
        text.one("tussock_chain_tip_timestamp_seconds", "gauge", "Unix time of the tip.", tip.time);
        let work = tip.work.to_f64();
        let log2 = if work > 0.0 { work.log2() } else { 0.0 };
        text.one("tussock_chain_work_log2", "gauge", "Binary logarithm of the chain's work in hashes.", log2);
    }
    text.one("tussock_chain_headers_height", "gauge", "Height of the best header.", status.headers);
    past(text, &status);
    if let Some(sealing) = &status.sealing {
        sealed(text, sealing);
    }
    if let Some(depth) = status.last_reorganisation {
        text.one("tussock_chain_last_reorganisation_blocks", "gauge", "Depth of the last reorganisation.", depth);
    }
    text.head("tussock_peers", "gauge", "Connected peers.");
    text.line("tussock_peers", &[("direction", "inbound")], status.inbound);
    text.line("tussock_peers", &[("direction", "outbound")], status.outbound);
    let (sent, received) =
        context.node.link_bytes().values().fold((0u64, 0u64), |(sent, received), link| {
            (sent.saturating_add(link.0), received.saturating_add(link.1))
        });
    text.head("tussock_links_bytes", "gauge", "Bytes moved over the links that are up now.");
    text.line("tussock_links_bytes", &[("direction", "sent")], sent);
    text.line("tussock_links_bytes", &[("direction", "received")], received);
    let traffic = context.traffic.traffic(context.node.total_bytes(), unix_now());
    let help = "Bytes moved over all links since the data directory was made, restarts included.";
    text.head("tussock_traffic_bytes_total", "counter", help);
    text.line("tussock_traffic_bytes_total", &[("direction", "sent")], traffic.sent);
    text.line("tussock_traffic_bytes_total", &[("direction", "received")], traffic.received);
    text.head("tussock_traffic_month_bytes", "gauge", "Bytes moved over all links in this month, by UTC.");
    text.line("tussock_traffic_month_bytes", &[("direction", "sent")], traffic.month_sent);
    text.line("tussock_traffic_month_bytes", &[("direction", "received")], traffic.month_received);
    if let Some((limit, is_reached)) = context.node.upload_limit() {
        text.one("tussock_upload_limit_bytes_per_second", "gauge", "The limit of uploads.", limit);
        let help = "1 while the limit of uploads holds something back.";
        text.one("tussock_upload_limit_reached", "gauge", help, u8::from(is_reached));
    }
    text.one("tussock_mempool_transactions", "gauge", "Transactions in the mempool.", status.mempool_count);
    text.one("tussock_mempool_bytes", "gauge", "Bytes of the transactions in the mempool.", status.mempool_bytes);
    text.one("tussock_miner_enabled", "gauge", "1 if the miner works.", u8::from(status.mining));
    let help = "Hashes a second, over the last seconds.";
    text.one("tussock_miner_hashes_per_second", "gauge", help, status.hashes_per_second);
    text.head("tussock_warnings", "gauge", "1 for each condition that an operator should know.");
    for (id, _) in status.hindrances.iter() {
        text.line("tussock_warnings", &[("kind", id.name())], 1);
    }
    for kind in status.warnings.keys() {
        text.line("tussock_warnings", &[("kind", kind)], 1);
    }
}

/// Which blocks are here, and which were verified here.
fn past(text: &mut Text, status: &Status) {
    let help = "The lowest height whose block is kept whole; 1: all are.";
    text.one("tussock_chain_kept_from_height", "gauge", help, status.kept_from.max(1));
    let help = "The lowest height whose block was verified here; 1: all were.";
    text.one("tussock_chain_verified_from_height", "gauge", help, status.verified_from());
    if let Some(JoinState::Joined { snapshot, above }) = status.joined {
        let help = "Height of the block after which the coins were taken from peers: work or seals vouch for it.";
        text.one("tussock_chain_vouched_height", "gauge", help, snapshot.height);
        let help = "Headers above that block when the node joined.";
        text.one("tussock_chain_vouched_headers_above", "gauge", help, above);
    }
    if let Some((verified, goal)) = status.history_going_on() {
        let help = "With --history, until it is done: up to this height the blocks before are verified, too.";
        text.one("tussock_chain_history_verified_height", "gauge", help, verified);
        text.one("tussock_chain_history_goal_height", "gauge", "The last height that is to be.", goal);
    }
}

/// On sealed chains.
fn sealed(text: &mut Text, sealing: &SealingReport) {
    text.one("tussock_final_height", "gauge", "Height of the last final block.", sealing.last_final.height);
    let help = "Unix time since when it is final.";
    text.one("tussock_final_since_timestamp_seconds", "gauge", help, sealing.last_final.since.0);
    text.one("tussock_sealing_view", "gauge", "The view that the node is in.", sealing.view);
    let help = "1 while nothing becomes final although something waits.";
    text.one("tussock_sealing_stuck", "gauge", help, u8::from(sealing.stuck.is_some()));
    text.one("tussock_authorities_lying", "gauge", "Authorities that provably lied.", sealing.evidence);
    text.head("tussock_authority_seen_timestamp_seconds", "gauge", "Unix time at which an authority was last heard.");
    for (number, authority) in sealing.authorities.iter().enumerate() {
        let seen = authority.seen.map_or(0, |seen| seen.0);
        text.line("tussock_authority_seen_timestamp_seconds", &[("number", &number.to_string())], seen);
    }
}

fn server(text: &mut Text, context: &Context, calls: &CallStats) {
    if let Some(height) = context.indexed.get().height {
        text.one("tussock_index_height", "gauge", "Height up to which the index is filled.", height);
    }
    let files = [
        ("tussock_db_size_bytes", "Size of the ledger's database file.", context.ledger_path.clone()),
        ("tussock_db_wal_size_bytes", "Size of its write-ahead log.", beside(&context.ledger_path, "-wal")),
        (
            "tussock_index_size_bytes",
            "Size of the index' database file.",
            context.index_path.clone().unwrap_or_default(),
        ),
    ];
    for (name, help, path) in files {
        if let Ok(data) = fs::metadata(path) {
            text.one(name, "gauge", help, data.len());
        }
    }
    text.head("tussock_rpc_requests_total", "counter", "Calls answered, by method and error code (0: none).");
    for ((method, code), count) in calls.counts() {
        text.line("tussock_rpc_requests_total", &[("method", method), ("code", &code.to_string())], count);
    }
    let help = "How long calls took, those left out that wait for something to happen.";
    text.histogram("tussock_rpc_request_duration_seconds", help, calls.seconds());
    let help = "Seconds between blocks, by their own times, of those that came since the start.";
    text.histogram("tussock_chain_block_interval_seconds", help, &context.events.intervals());
}

fn process(text: &mut Text, context: &Context) {
    text.one("process_resident_memory_bytes", "gauge", "Resident memory.", resident_bytes());
    let start = unix_now().saturating_sub(context.started.elapsed().as_secs());
    text.one("process_start_time_seconds", "gauge", "Unix time of the start.", start);
    if let Some(seconds) = cpu_seconds() {
        text.one("process_cpu_seconds_total", "counter", "Processor time, user and system.", seconds);
    }
    if let Ok(entries) = fs::read_dir("/proc/self/fd") {
        // Reading the directory holds one open.
        text.one("process_open_fds", "gauge", "Open file descriptors.", entries.count().saturating_sub(1));
    }
}

fn cpu_seconds() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name, in parentheses, may contain blanks; the fields are counted from behind it.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS)
}

fn beside(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.put(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.head(name, kind, help);
        self.line(name, &[], value);
    }

    fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        self.head(name, "histogram", help);
        let mut below = 0;
        for (bound, count) in histogram.buckets() {
            below += count;
            let bound = if bound.is_finite() { bound.to_string() } else { "+Inf".to_owned() };
            self.line(&format!("{name}_bucket"), &[("le", &bound)], below);
        }
        self.line(&format!("{name}_sum"), &[], histogram.sum());
        self.line(&format!("{name}_count"), &[], below);
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escape(value))).collect();
        if labels.is_empty() {
            self.put(format_args!("{name} {value}\n"));
        } else {
            self.put(format_args!("{name}{{{}}} {value}\n", labels.join(",")));
        }
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        self.0.write_fmt(text).expect("writing to a string cannot fail");
    }
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_s_buckets_count_everything_below_their_bound() {
        let mut histogram = Histogram::new(&[1.0, 5.0]);
        [0.5, 1.0, 3.0, 9.0].into_iter().for_each(|value| histogram.observe(value));
        let mut text = Text(String::new());
        text.histogram("x_seconds", "help", &histogram);
        let lines: Vec<&str> = text.0.lines().skip(2).collect();
        let buckets =
            ["x_seconds_bucket{le=\"1\"} 2", "x_seconds_bucket{le=\"5\"} 3", "x_seconds_bucket{le=\"+Inf\"} 4"];
        assert_eq!((&lines[..3], &lines[3..]), (&buckets[..], &["x_seconds_sum 13.5", "x_seconds_count 4"][..]));
    }
}
