//! Which processor does what, and how much of it: so that an attacker on this host takes none from the node that he attacks.

use std::{fs, process::Command, time::Duration};

/// Ticks of the kernel's counters in a second, on all systems that have them.
const TICKS: u64 = 100;

/// The two cores on which attacked and attackers are kept apart.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    /// Of the nodes, and of the programs of their users.
    pub attacked: usize,
    /// Of the attackers.
    pub attackers: usize,
}

impl Cores {
    /// The first two cores, with this thread and these processes on the one of the attacked. An error says why they cannot be
    /// kept apart: then all share all cores.
    pub fn part(attacked: &[u32]) -> Result<Self, String> {
        let count = std::thread::available_parallelism().map_or(1, usize::from);
        if count < 2 {
            return Err("one core".to_owned());
        }
        let cores = Self { attacked: 0, attackers: 1 };
        // What the thread starts from here on inherits it.
        pin(cores.attacked, &this_thread()?, false)?;
        attacked.iter().try_for_each(|pid| pin(cores.attacked, &pid.to_string(), true))?;
        Ok(cores)
    }

    /// Has this thread attack from here on.
    pub fn attack(self) {
        drop(this_thread().and_then(|thread| pin(self.attackers, &thread, false)));
    }
}

/// Keeps a thread, or a process with all its threads, on a core.
fn pin(core: usize, id: &str, all_threads: bool) -> Result<(), String> {
    let flags = if all_threads { "-acp" } else { "-cp" };
    let done = Command::new("taskset").args([flags, &core.to_string(), id]).output();
    let done = done.map_err(|error| format!("no taskset: {error}"))?;
    done.status.success().then_some(()).ok_or_else(|| String::from_utf8_lossy(&done.stderr).trim().to_owned())
}

fn this_thread() -> Result<String, String> {
    let path = fs::read_link("/proc/thread-self").map_err(|error| format!("/proc/thread-self: {error}"))?;
    Ok(path.file_name().unwrap_or_default().to_string_lossy().into_owned())
}

/// Time on any core that a process has taken; zero if the system does not tell.
pub fn processor_time(pid: u32) -> Duration {
    time_in(&format!("/proc/{pid}/stat"))
}

/// The same for each of its threads, by their names.
pub fn thread_times(pid: u32) -> Vec<(String, Duration)> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let times = threads.map(|thread| {
        let name = fs::read_to_string(thread.path().join("comm")).unwrap_or_default();
        (name.trim().to_owned(), time_in(&thread.path().join("stat").to_string_lossy()))
    });
    times.collect()
}

fn time_in(path: &str) -> Duration {
    let text = fs::read_to_string(path).unwrap_or_default();
    // The name, in brackets, may hold spaces. User and system time are the 12th and 13th field behind it.
    let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1000 / TICKS)
}
