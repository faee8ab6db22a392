//! Hands an event to a program or an HTTP server, once. Nothing of an event reaches a command line: it is the input.

use std::{
    env, fmt, io,
    io::{Read as _, Write as _},
    net::{TcpStream, ToSocketAddrs as _},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    str::FromStr,
    time::Duration,
};

use crate::rpc::client::Deadline;

/// How long a program or server may take for an event.
const DELIVERY: Duration = Duration::from_secs(30);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(3);
/// Time between two looks whether a program has ended, or the node stops.
const LOOK: Duration = Duration::from_millis(20);
/// Bytes of an answer's head that are read.
const MAX_HEAD: usize = 8 * 1024;

/// Where events go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A program with its arguments.
    Program(Vec<String>),
    /// A server, by `HOST:PORT`, and the path there.
    Server {
        /// `HOST:PORT`.
        host: String,
        /// Begins with a slash.
        path: String,
    },
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        if scheme.is_some_and(|scheme| scheme != "http") {
            return Err("only http:// is spoken; let a proxy on this host add TLS, or name a program".to_owned());
        }
        let Some(rest) = text.strip_prefix("http://") else {
            // No shell reads it: words are what stands between spaces.
            let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            return if words.is_empty() {
                Err("name a program or an address".to_owned())
            } else {
                Ok(Self::Program(words))
            };
        };
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if host.is_empty() || host.contains('@') || !plain(host) || !plain(path) {
            return Err(format!("\"{text}\" is not an address such as http://127.0.0.1:8080/paid"));
        }
        let host = with_port(host).ok_or_else(|| format!("\"{host}\" is not HOST or HOST:PORT"))?;
        Ok(Self::Server { host, path: if path.is_empty() { "/".to_owned() } else { path.to_owned() } })
    }
}

/// `HOST:PORT`, with the usual port if there is none.
fn with_port(host: &str) -> Option<String> {
    // An IPv6 address has its colons within brackets.
    let end = if host.starts_with('[') { host.find(']')? + 1 } else { host.find(':').unwrap_or(host.len()) };
    let (name, port) = host.split_at(end);
    match port.strip_prefix(':') {
        None if port.is_empty() => Some(format!("{name}:80")),
        Some(digits) if digits.parse::<u16>().is_ok_and(|port| port > 0) && !name.is_empty() => Some(host.to_owned()),
        _ => None,
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program(words) => f.write_str(&words.join(" ")),
            Self::Server { host, path } => write!(f, "http://{host}{path}"),
        }
    }
}

impl Target {
    /// Refuses a program that is not there.
    pub fn check(&self) -> Result<(), String> {
        let Self::Program(words) = self else { return Ok(()) };
        let program = words.first().map_or("", String::as_str);
        let path = env::var_os("PATH").unwrap_or_default();
        let is_there = match program.contains('/') {
            true => Path::new(program).is_file(),
            false => env::split_paths(&path).any(|folder| folder.join(program).is_file()),
        };
        if is_there { Ok(()) } else { Err(format!("there is no program {program}")) }
    }

    /// Delivers an event. `Err` says why it must be delivered again.
    pub fn deliver(&self, event: &str, stops: &dyn Fn() -> bool) -> Result<(), String> {
        let deadline = Deadline::after(DELIVERY);
        match self {
            Self::Program(words) => run(words, event, deadline, stops),
            Self::Server { host, path } => post(host, path, event, deadline, stops),
        }
    }
}

fn run(words: &[String], event: &str, deadline: Deadline, stops: &dyn Fn() -> bool) -> Result<(), String> {
    let (program, arguments) = words.split_first().ok_or("no program")?;
    let mut command = Command::new(program);
    // A group of its own, so that what it starts ends with it.
    command.process_group(0);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| format!("cannot run {program}: {error}"))?;
    // An event fits into the pipe, so that a program which does not read it holds up nothing.
    let given = child.stdin.take().map_or(Ok(()), |mut input| writeln!(input, "{event}"));
    match given {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            end(&mut child);
            return Err(format!("cannot write to {program}: {error}"));
        }
        _ => {}
    }
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("{program}: {status}")),
            Ok(None) if !stops() && deadline.pause(LOOK) => {}
            Ok(None) => {
                end(&mut child);
                return Err(format!("{program} did not end within {} s", DELIVERY.as_secs()));
            }
            Err(error) => return Err(format!("{program}: {error}")),
        }
    }
}

/// Ends a program, and what it has started.
fn end(child: &mut Child) {
    let group = format!("-{}", child.id());
    drop(Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status());
    // One that has just ended cannot be killed, and has been waited for.
    drop(child.kill());
    drop(child.wait());
}

fn post(host: &str, path: &str, event: &str, deadline: Deadline, stops: &dyn Fn() -> bool) -> Result<(), String> {
    let failed = |error: io::Error| format!("{host}: {error}");
    let mut addresses = host.to_socket_addrs().map_err(failed)?;
    let address = addresses.next().ok_or_else(|| format!("{host} has no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, CONNECT).map_err(failed)?;
    stream.set_write_timeout(Some(CONNECT)).map_err(failed)?;
    stream.set_read_timeout(Some(LOOK)).map_err(failed)?;
    let length = event.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         User-Agent: tussock\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(event.as_bytes())).map_err(failed)?;
    let (mut answer, mut piece) = (Vec::new(), [0; 1024]);
    while !answer.contains(&b'\n') && answer.len() < MAX_HEAD {
        match stream.read(&mut piece) {
            Ok(0) => return Err(format!("{host} closed the connection")),
            Ok(count) => answer.extend_from_slice(&piece[..count]),
            Err(error) if is_passing(error.kind()) => {}
            Err(error) => return Err(failed(error)),
        }
        // After each piece: a server may send them one by one.
        if !answer.contains(&b'\n') && (stops() || deadline.left().is_zero()) {
            return Err(format!("{host} did not answer within {} s", DELIVERY.as_secs()));
        }
    }
    let line = String::from_utf8_lossy(&answer);
    let code = line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)).and_then(|code| code.parse::<u16>().ok());
    match code {
        Some(200..=299) => Ok(()),
        Some(code) => Err(format!("{host} answered {code}")),
        None => Err(format!("{host} does not speak HTTP")),
    }
}

fn is_passing(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    #[test]
    fn a_target_is_a_program_or_an_address() {
        let program = |words: &[&str]| Ok(Target::Program(words.iter().map(|word| (*word).to_owned()).collect()));
        assert_eq!("/bin/tell  a b".parse(), program(&["/bin/tell", "a", "b"]));
        assert_eq!("tell $(id);".parse(), program(&["tell", "$(id);"]), "no shell reads it");
        let server = |host: &str, path: &str| Ok(Target::Server { host: host.to_owned(), path: path.to_owned() });
        assert_eq!("http://till:8080/paid?a=1".parse(), server("till:8080", "/paid?a=1"));
        assert_eq!("http://[::1]".parse(), server("[::1]:80", "/"));
        for wrong in [
            "",
            " ",
            "https://till/",
            "http://",
            "http://a@b/",
            "http:///x",
            "http://a/b c",
            "ftp://a/",
            "HTTPS://a",
            "http://a:99999/",
            "http://[::1/",
            "http://a:b/",
            "http://:1/",
        ] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_program_gets_the_event_as_its_input_and_its_exit_code_counts() {
        let deliver = |text: &str| text.parse::<Target>().unwrap().deliver("{\"memo\":\"$(exit 1)\"}", &|| false);
        assert_eq!(deliver("grep -q memo"), Ok(()));
        assert!(deliver("grep -q other").is_err());
        assert_eq!(deliver("true"), Ok(()), "it need not read it");
        assert!("/nonexistent/program".parse::<Target>().unwrap().check().is_err());
        assert!("no-such-program-anywhere x".parse::<Target>().unwrap().check().is_err());
        assert_eq!("grep -q x".parse::<Target>().unwrap().check(), Ok(()));
        assert!(deliver("/nonexistent/program").unwrap_err().contains("cannot run"));
        let stopped = "tail -f /dev/null".parse::<Target>().unwrap().deliver("{}", &|| true);
        assert!(stopped.is_err(), "a node that stops does not wait for it");
    }

    #[test]
    fn a_server_gets_the_event_as_a_post_and_its_status_counts() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = format!("http://{}/paid", listener.local_addr().unwrap()).parse::<Target>().unwrap();
        let answers = ["HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 503 Busy\r\n\r\n", "SSH-2.0\r\n", ""];
        let server = thread::spawn(move || {
            answers.map(|answer| {
                let (mut stream, _) = listener.accept().unwrap();
                let (mut asked, mut piece) = (String::new(), [0; 512]);
                while !asked.ends_with('}') {
                    let count = stream.read(&mut piece).unwrap();
                    asked.push_str(std::str::from_utf8(&piece[..count]).unwrap());
                }
                stream.write_all(answer.as_bytes()).unwrap();
                asked
            })
        });
        let said = answers.map(|_| target.deliver("{\"id\":1}", &|| false).map_err(|error| error.to_string()));
        let asked = server.join().unwrap();
        assert!(
            asked[0].starts_with("POST /paid HTTP/1.1\r\n") && asked[0].ends_with("\r\n\r\n{\"id\":1}"),
            "{asked:?}"
        );
        assert_eq!(said[0], Ok(()));
        for (at, why) in [(1, "answered 503"), (2, "does not speak HTTP"), (3, "closed")] {
            assert!(said[at].as_ref().unwrap_err().contains(why), "{said:?}");
        }
    }
}
