//! Log lines of simulated nodes, each with the virtual time, the node and the role that wrote it.

use std::{
    cell::Cell,
    fmt::Display,
    sync::atomic::{AtomicBool, Ordering},
};

use log::{LevelFilter, Log, Metadata, Record};

use crate::{base::time::Time, node::RoleId};

thread_local! {
    static MOMENT: Cell<(Time, Option<(usize, RoleId)>)> = const { Cell::new((Time(0), None)) };
}

/// The world's time is `now`, and no role is at work.
pub(super) fn at(now: Time) {
    MOMENT.set((now, None));
}

/// A role of a node is at work; `None`: no longer.
pub(super) fn role(now: Time, speaker: Option<(usize, RoleId)>) {
    MOMENT.set((now, speaker));
}

/// Writes each log line to standard error.
struct Narrator;

impl Log for Narrator {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tussock")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            line(record.level().as_str(), record.args());
        }
    }

    fn flush(&self) {}
}

/// Whether everything that any role hears and does is told. Not a log level, because release builds leave `trace` out.
static EVERYTHING: AtomicBool = AtomicBool::new(false);

/// Tells what a role hears or does, if everything is to be told.
pub(super) fn tell(what: &str, thing: &dyn std::fmt::Debug) {
    if EVERYTHING.load(Ordering::Relaxed) {
        line(&what.to_uppercase(), &format_args!("{thing:?}"));
    }
}

fn line(level: &str, text: &dyn Display) {
    let (time, speaker) = MOMENT.get();
    let (seconds, micros) = (time.0 / 1_000_000, time.0 % 1_000_000);
    match speaker {
        Some((node, role)) => eprintln!("{seconds}.{micros:06} node={node} role={} {level} {text}", role.name()),
        None => eprintln!("{seconds}.{micros:06} {level} {text}"),
    }
}

/// Shows the log lines of simulated nodes on standard error. A logger that is installed already stays.
pub fn install(level: LevelFilter) {
    if log::set_boxed_logger(Box::new(Narrator)).is_ok() {
        log::set_max_level(level);
        EVERYTHING.store(level == LevelFilter::Trace, Ordering::Relaxed);
    }
}
