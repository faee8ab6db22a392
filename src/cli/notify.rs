//! Messages to the service manager (`sd_notify`).

use std::{
    env,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
    time::Duration,
};

/// Sends a state such as `READY=1` to the socket that `NOTIFY_SOCKET` names, if it is set. A failure is only logged.
pub fn tell(state: &str) {
    let Some(name) = env::var_os("NOTIFY_SOCKET") else { return };
    let address = match name.as_bytes() {
        [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest),
        _ => SocketAddr::from_pathname(&name),
    };
    let sent = address.and_then(|address| UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address));
    if let Err(error) = sent {
        log::warn!("cannot notify the service manager state={state} error=\"{error}\"");
    }
}

/// How often the service manager wants to hear `WATCHDOG=1`: twice within its time limit. `None`: never.
pub fn watchdog_interval() -> Option<Duration> {
    let number = |name: &str| env::var(name).ok()?.parse::<u64>().ok();
    let for_us = env::var_os("WATCHDOG_PID").is_none() || number("WATCHDOG_PID") == Some(std::process::id().into());
    let limit = number("WATCHDOG_USEC").filter(|limit| *limit > 0 && for_us)?;
    Some(Duration::from_micros(limit / 2))
}
