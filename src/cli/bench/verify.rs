//! How many signatures per second this host can check at best.

use std::{
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use serde_json::json;

use super::ceilings;
use crate::{
    base::{hash::Domain, limits, rng::Rng},
    chain::key::{Claim, SecretKey, verify_batch},
    cli::{
        exit::{Exit, Failure, Outcome},
        output,
    },
};

/// Distinct messages, and usually keys, in the measured batch. Too many for the processor's caches.
const CLAIMS: u32 = 1_024;

/// Arguments of `bench verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Duration of the measurement
    #[arg(long, default_value_t = 2, value_name = "SECONDS")]
    seconds: u64,
    /// Number of threads [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// The result of a measurement.
#[derive(Clone, Copy, Debug)]
pub struct Ceiling {
    /// Signatures per second of all threads together.
    pub signatures_per_second: f64,
    /// Number of threads.
    pub threads: usize,
}

/// Runs `bench verify`.
pub fn run(args: &VerifyArgs, json: bool) -> Outcome {
    let ceiling = measure(Duration::from_secs(args.seconds.max(1)), args.threads)?;
    let (hashing, sealing, loopback) = (ceilings::hashing(), ceilings::sealing(), ceilings::loopback()?);
    if json {
        return output::json(&json!({
            "signatures_per_second": ceiling.signatures_per_second.round(),
            "threads": ceiling.threads,
            "hashed_bytes_per_second": hashing.round(),
            "encrypted_bytes_per_second": sealing.round(),
            "loopback_bytes_per_second": loopback.round(),
        }));
    }
    output::line(&format!(
        "{:.0} signatures/s on {} threads; {:.0} MiB/s hashed and {:.0} MiB/s encrypted and decrypted on one; \
         {:.0} MiB/s over loopback",
        ceiling.signatures_per_second,
        ceiling.threads,
        hashing / 1048576.0,
        sealing / 1048576.0,
        loopback / 1048576.0
    ))
}

/// Measures with the batch size of the node.
pub fn measure(time: Duration, threads: Option<usize>) -> Outcome<Ceiling> {
    measure_keys(time, threads, CLAIMS)
}

/// The same with this number of keys.
pub fn measure_keys(time: Duration, threads: Option<usize>, keys: u32) -> Outcome<Ceiling> {
    let threads = threads.unwrap_or_else(cores).max(1);
    let claims = claims(keys);
    let start = Instant::now();
    let counts: Vec<usize> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|number| {
                let claims = &claims;
                scope.spawn(move || count(claims, start, time, number as u64))
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or(0)).collect()
    });
    let elapsed = start.elapsed().as_secs_f64();
    if counts.contains(&0) {
        return Err(Failure::new(Exit::Internal, "a batch of valid signatures was refused: a bug"));
    }
    Ok(Ceiling { signatures_per_second: counts.iter().sum::<usize>() as f64 / elapsed, threads })
}

/// Number of cores that this process may use.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

fn claims(keys: u32) -> Vec<Claim> {
    let claim = |number: u32| {
        let key = SecretKey::well_known(number % keys.max(1));
        let hash = Domain::MESSAGE.hash(&number.to_le_bytes());
        Claim { public_key: key.public_key(), hash, signature: key.sign(&hash) }
    };
    (0..CLAIMS).map(claim).collect()
}

/// Number of signatures that one thread checks in the given time; 0 if one is wrong.
fn count(claims: &[Claim], start: Instant, time: Duration, seed: u64) -> usize {
    let mut rng = Rng::from_number(seed);
    let mut done = 0;
    while start.elapsed() < time {
        for batch in claims.chunks(limits::VERIFY_BATCH) {
            if !verify_batch(batch, &mut rng) {
                return 0;
            }
            done += batch.len();
        }
    }
    done
}
