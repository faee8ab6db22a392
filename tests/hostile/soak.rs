//! A little of every attack, for a long time: nothing may grow.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tussock::chain::{spec::ChainSpec, testkit::BlockMaker};

use super::mixed::Mixed;
use crate::support::{
    TestNode,
    attack::{Watch, duration, folder_bytes, full, memory, rest},
};

/// Time between two steps.
const STEP: Duration = Duration::from_millis(50);
/// Bytes of log files: four of 2 MiB, and a line.
const LOG_LIMIT: u64 = 4 * (2 << 20) + 4096;

#[test]
fn all_attacks_at_a_low_rate_make_nothing_grow() {
    let mut node = TestNode::start(&["--is-bootnode", "--max-outbound", "0"]);
    node.wait(&["synced"]);
    let spec = Arc::new(ChainSpec::local());
    let watch = Watch::start(&node, BlockMaker::new(spec.clone()));
    let mut mixed = Mixed::new(node.p2p(), node.http(), &spec);
    let time = duration(Duration::from_secs(4), Duration::from_secs(3_600));
    let (start, mut samples) = (Instant::now(), Vec::new());
    while start.elapsed() < time {
        mixed.step();
        samples.push((start.elapsed().as_secs_f64(), memory(node.pid(), "VmRSS:") as f64));
        rest(STEP);
    }
    let steps = mixed.steps();
    drop(mixed);
    let logs = folder_bytes(&node.dir.join("local/logs"));
    // Caches fill during the first third.
    let settled = &samples[samples.len() / 3..];
    let slope = slope(settled);
    let figure = format!(
        "{steps} steps in {} s, {slope:+.0} KiB an hour over the last two thirds, logs {} KiB",
        time.as_secs(),
        logs / 1024
    );
    watch.finish(&mut node, "soak of everything", &figure, "flat, logs 8 MiB");
    assert!(logs <= LOG_LIMIT, "{figure}");
    assert!(!full() || time < Duration::from_secs(1_800) || slope < 512.0, "{figure}");
}

/// Growth in KiB an hour, by least squares.
fn slope(samples: &[(f64, f64)]) -> f64 {
    let count = samples.len().max(1) as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| samples.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|sample| sample.0), mean(|sample| sample.1));
    let over: f64 = samples.iter().map(|sample| (sample.0 - x) * (sample.1 - y)).sum();
    let under: f64 = samples.iter().map(|sample| (sample.0 - x).powi(2)).sum();
    if under > 0.0 { over / under * 3_600.0 } else { 0.0 }
}
