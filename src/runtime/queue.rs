//! Queues between threads: bounded, and with memory for what is in them only. A bounded channel of crossbeam takes, and writes to, all of
//! its slots at once: those of a node took 1.9 MB, of which hardly any was ever used.

use std::{
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use crossbeam_channel::{Receiver, Select, SendTimeoutError, Sender, TryRecvError, TrySendError, never, unbounded};

/// How long a sender that waits for room is asleep at most: it hears of what is taken, but not that the receiver is gone.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Wakes senders that wait for room.
#[derive(Debug, Default)]
struct Room {
    /// Senders that wait.
    waiting: AtomicUsize,
    lock: Mutex<()>,
    made: Condvar,
}

/// The end into which things are put.
#[derive(Debug)]
pub(super) struct QueueIn<T> {
    channel: Sender<T>,
    most: usize,
    room: Arc<Room>,
}

/// The end from which they are taken. A clone takes from the same queue.
#[derive(Debug)]
pub(super) struct QueueOut<T> {
    channel: Receiver<T>,
    room: Arc<Room>,
}

/// A queue of `most` things. Several threads that put things in at the same time may each have one more.
pub(super) fn queue<T>(most: usize) -> (QueueIn<T>, QueueOut<T>) {
    let (channel, taken) = unbounded();
    let room = Arc::new(Room::default());
    (QueueIn { channel, most, room: Arc::clone(&room) }, QueueOut { channel: taken, room })
}

/// The end of a queue into which nothing is put.
pub(super) fn no_queue<T>() -> QueueOut<T> {
    QueueOut { channel: never(), room: Arc::default() }
}

impl<T> Clone for QueueIn<T> {
    fn clone(&self) -> Self {
        Self { channel: self.channel.clone(), most: self.most, room: Arc::clone(&self.room) }
    }
}

impl<T> Clone for QueueOut<T> {
    fn clone(&self) -> Self {
        Self { channel: self.channel.clone(), room: Arc::clone(&self.room) }
    }
}

impl<T> QueueIn<T> {
    /// How many things wait.
    pub(super) fn len(&self) -> usize {
        self.channel.len()
    }

    fn is_full(&self) -> bool {
        self.channel.len() >= self.most
    }

    /// Puts it in, if there is room.
    pub(super) fn try_send(&self, thing: T) -> Result<(), TrySendError<T>> {
        if self.is_full() {
            return Err(TrySendError::Full(thing));
        }
        self.channel.send(thing).map_err(|error| TrySendError::Disconnected(error.0))
    }

    /// Puts it in as soon as there is room.
    pub(super) fn send_timeout(&self, thing: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        if self.is_full() && !self.wait(timeout) {
            return Err(SendTimeoutError::Timeout(thing));
        }
        self.channel.send(thing).map_err(|error| SendTimeoutError::Disconnected(error.0))
    }

    /// Waits for room, for about this time if none is made. Whether there is some.
    fn wait(&self, timeout: Duration) -> bool {
        let mut naps = timeout.as_millis().div_ceil(LOOK_AGAIN.as_millis());
        let mut guard = self.room.lock.lock().unwrap_or_else(PoisonError::into_inner);
        // First this, then the look: what is taken after the look is heard of.
        self.room.waiting.fetch_add(1, SeqCst);
        while naps > 0 && self.is_full() {
            let woken = self.room.made.wait_timeout(guard, timeout.min(LOOK_AGAIN));
            let (kept, nap) = woken.unwrap_or_else(PoisonError::into_inner);
            guard = kept;
            naps -= u128::from(nap.timed_out());
        }
        self.room.waiting.fetch_sub(1, SeqCst);
        !self.is_full()
    }
}

impl<T> QueueOut<T> {
    /// How many things wait.
    pub(super) fn len(&self) -> usize {
        self.channel.len()
    }

    /// Whether nothing waits.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.channel.is_empty()
    }

    /// Takes the next thing, if there is one.
    pub(super) fn try_recv(&self) -> Result<T, TryRecvError> {
        let taken = self.channel.try_recv()?;
        if self.room.waiting.load(SeqCst) > 0 {
            drop(self.room.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.room.made.notify_all();
        }
        Ok(taken)
    }

    /// Waits for something to be in it, among other things.
    pub(super) fn watch<'a>(&'a self, select: &mut Select<'a>) {
        select.recv(&self.channel);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn a_full_queue_takes_no_more_and_an_ended_one_nothing() {
        let (put, take) = queue(2);
        assert_eq!((put.try_send(1), put.try_send(2), put.try_send(3)), (Ok(()), Ok(()), Err(TrySendError::Full(3))));
        assert_eq!(put.send_timeout(3, Duration::from_millis(1)), Err(SendTimeoutError::Timeout(3)));
        assert_eq!((take.try_recv(), put.try_send(3), take.len()), (Ok(1), Ok(()), 2));
        drop(take);
        assert_eq!(put.try_send(4), Err(TrySendError::Disconnected(4)));
        assert_eq!(put.send_timeout(4, PATIENCE), Err(SendTimeoutError::Disconnected(4)));
        let (put, take) = queue(1);
        drop(put.clone());
        put.try_send(1).unwrap();
        drop(put);
        assert_eq!((take.try_recv(), take.try_recv()), (Ok(1), Err(TryRecvError::Disconnected)));
    }

    #[test]
    fn senders_that_wait_for_room_all_come_in_and_hear_of_the_end() {
        let (put, take) = queue(1);
        let senders: Vec<_> = (0..4)
            .map(|first| {
                let put = put.clone();
                thread::spawn(move || (0..1_000).try_for_each(|at| put.send_timeout(first * 1_000 + at, PATIENCE)))
            })
            .collect();
        let mut all = Vec::new();
        while all.len() < 4_000 {
            all.extend(take.try_recv());
            assert!(take.len() <= 4, "one more for each at most");
        }
        assert!(senders.into_iter().all(|sender| sender.join().unwrap() == Ok(())));
        all.sort_unstable();
        assert_eq!(all, (0..4_000).collect::<Vec<_>>());
        put.try_send(1).unwrap();
        let waits = thread::spawn(move || put.send_timeout(2, PATIENCE));
        drop(take);
        assert_eq!(waits.join().unwrap(), Err(SendTimeoutError::Disconnected(2)));
    }
}
