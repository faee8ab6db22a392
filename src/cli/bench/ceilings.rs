//! What the host can do at best, measured in the same run as the figures.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use tussock_noise::{Key, MAX_MESSAGE_BYTES, MAX_PAYLOAD_BYTES, Opener, Sealer};

use crate::{
    base::hash::Domain,
    chain::archive::StoreError,
    cli::exit::{Exit, Failure, Outcome},
    store::ceiling::RawInsertion,
};

/// Bytes of a block of 500 transactions.
const BLOCK_BYTES: usize = 108 * 1024;
/// Duration of each measurement.
const TIME: Duration = Duration::from_millis(500);
/// Blocks in one commit of the raw insertion: about as many as in one commit of a sync.
const BLOCKS_PER_COMMIT: u32 = 1024;
/// The same for blocks full of transactions.
const FULL_BLOCKS_PER_COMMIT: u32 = 40;

/// Bytes per second that one thread hashes.
pub fn hashing() -> f64 {
    let block = vec![7; BLOCK_BYTES];
    let (start, mut blocks) = (Instant::now(), 0.0);
    while start.elapsed() < TIME {
        std::hint::black_box(Domain::FRAME.hash(std::hint::black_box(&block)));
        blocks += 1.0;
    }
    blocks * BLOCK_BYTES as f64 / start.elapsed().as_secs_f64()
}

/// Bytes per second that one thread encrypts for a link and decrypts again.
pub fn sealing() -> f64 {
    let (mut sealer, mut opener) = (Sealer::new(Key([1; 32])), Opener::new(Key([1; 32])));
    let mut message = Vec::with_capacity(MAX_MESSAGE_BYTES);
    let (start, mut messages) = (Instant::now(), 0.0);
    while start.elapsed() < TIME {
        message.resize(MAX_PAYLOAD_BYTES, 7);
        sealer.seal(&mut message, 0);
        if std::hint::black_box(opener.open(&mut message)).is_err() {
            return 0.0;
        }
        message.truncate(MAX_PAYLOAD_BYTES);
        messages += 1.0;
    }
    messages * MAX_PAYLOAD_BYTES as f64 / start.elapsed().as_secs_f64()
}

/// Bytes per second from one thread to another over a TCP connection on loopback.
pub fn loopback() -> Outcome<f64> {
    let broken = |error: std::io::Error| Failure::new(Exit::Internal, format!("cannot measure loopback: {error}"));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(broken)?;
    let mut sender = TcpStream::connect(listener.local_addr().map_err(broken)?).map_err(broken)?;
    let (mut receiver, _) = listener.accept().map_err(broken)?;
    thread::scope(|scope| {
        let start = Instant::now();
        scope.spawn(move || {
            let block = vec![7; BLOCK_BYTES];
            // Ends with the time, or when the other side closes.
            while start.elapsed() < TIME && sender.write_all(&block).is_ok() {}
        });
        let (mut buffer, mut bytes) = (vec![0; 64 * 1024], 0.0);
        loop {
            match receiver.read(&mut buffer).map_err(broken)? {
                0 => return Ok(bytes / start.elapsed().as_secs_f64()),
                got => bytes += got as f64,
            }
        }
    })
}

/// Blocks per second that SQLite can insert, without any other work: see [`RawInsertion`].
pub fn insertion(ledger: &Path, folder: &Path, blocks: u32, transactions: u32) -> Outcome<f64> {
    let per_commit = if transactions > 0 { FULL_BLOCKS_PER_COMMIT } else { BLOCKS_PER_COMMIT };
    let time = insert_raw(ledger, &folder.join("ceiling.db"), blocks, per_commit)
        .map_err(|error| Failure::new(Exit::Internal, format!("cannot measure the raw insertion: {error}")))?;
    for suffix in ["", "-wal", "-shm"] {
        // A file that stays is removed with the folder.
        drop(std::fs::remove_file(folder.join(format!("ceiling.db{suffix}"))));
    }
    Ok(f64::from(blocks) / time.as_secs_f64().max(1e-9))
}

fn insert_raw(from: &Path, to: &Path, blocks: u32, per_commit: u32) -> Result<Duration, StoreError> {
    let mut raw = RawInsertion::new(from, to, blocks)?;
    let mut time = Duration::ZERO;
    while let Some(rows) = raw.read(per_commit)? {
        let start = Instant::now();
        raw.insert(rows)?;
        time += start.elapsed();
    }
    Ok(time)
}
