//! Threads, channels, the clock, signals, start and stop order.

pub mod board;
pub mod handle;
