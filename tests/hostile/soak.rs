//! A little of everything for as long as is wanted: nothing may grow.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tussock::chain::{spec::ChainSpec, testkit::BlockMaker};

use super::strokes::Strokes;
use crate::support::{
    TestNode,
    attack::{Watch, duration, folder_bytes, full, memory, rest},
};

/// Time between two strokes.
const STROKE: Duration = Duration::from_millis(50);
/// Log files: four of 2 MiB, and a line.
const LOG_LIMIT: u64 = 4 * (2 << 20) + 4096;

#[test]
fn everything_at_a_low_rate_makes_nothing_grow() {
    let mut node = TestNode::start(&["--is-bootnode", "--max-outbound", "0"]);
    node.wait(&["synced"]);
    let spec = Arc::new(ChainSpec::local());
    let watch = Watch::start(&node, BlockMaker::new(spec.clone()));
    let mut strokes = Strokes::new(node.p2p(), node.http(), &spec);
    let time = duration(Duration::from_secs(4), Duration::from_secs(3_600));
    let (start, mut samples) = (Instant::now(), Vec::new());
    while start.elapsed() < time {
        strokes.next();
        samples.push((start.elapsed().as_secs_f64(), memory(node.pid(), "VmRSS:") as f64));
        rest(STROKE);
    }
    let done = strokes.done();
    drop(strokes);
    let logs = folder_bytes(&node.dir.join("local/logs"));
    // The first third warms caches up.
    let settled = &samples[samples.len() / 3..];
    let slope = slope(settled);
    let figure = format!(
        "{done} strokes in {} s, {slope:+.0} KiB an hour over the last two thirds, logs {} KiB",
        time.as_secs(),
        logs / 1024
    );
    watch.finish(&mut node, "soak of everything", &figure, "flat, logs 8 MiB");
    assert!(logs <= LOG_LIMIT, "{figure}");
    assert!(!full() || time < Duration::from_secs(1_800) || slope < 512.0, "{figure}");
}

/// KiB an hour, by least squares.
fn slope(samples: &[(f64, f64)]) -> f64 {
    let count = samples.len().max(1) as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| samples.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|sample| sample.0), mean(|sample| sample.1));
    let over: f64 = samples.iter().map(|sample| (sample.0 - x) * (sample.1 - y)).sum();
    let under: f64 = samples.iter().map(|sample| (sample.0 - x).powi(2)).sum();
    if under > 0.0 { over / under * 3_600.0 } else { 0.0 }
}
