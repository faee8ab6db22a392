//! A headless Chromium, driven over its DevTools websocket, if one is installed.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use tussock::rpc::auth::unbase64;

use super::TempDir;

/// Names under which the browser may be installed.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
/// What looks for obstacles to people, from npm.
pub const AXE: &str = "axe-core@4.14.1";
/// The longest time for anything on a busy host.
const DEADLINE: Duration = Duration::from_secs(60);

/// A browser with one open page, killed when this is dropped.
pub struct Browser {
    child: Child,
    socket: Socket,
    session: Value,
    next: u64,
    /// Uncaught exceptions and refused loads so far.
    pub complaints: Vec<String>,
    _profile: TempDir,
}

impl Browser {
    /// Starts the browser; `None` if none is installed.
    pub fn start() -> Option<Self> {
        let runs = |name: &&str| {
            Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
        };
        let name = NAMES.into_iter().find(runs)?;
        let profile = TempDir::new();
        let mut child = Command::new(name)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--disable-dev-shm-usage", "--remote-debugging-port=0", "about:blank"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (told, address) = mpsc::channel();
        let lines = BufReader::new(child.stderr.take().unwrap());
        // Reads to the end, so that the browser never blocks on a full pipe.
        thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                if let Some((_, address)) = line.split_once("DevTools listening on ws://") {
                    drop(told.send(address.to_owned()));
                }
            }
        });
        let address = address.recv_timeout(DEADLINE).expect("the browser says where it listens");
        let socket = Socket::open(&address);
        let mut browser =
            Self { child, socket, session: Value::Null, next: 0, complaints: Vec::new(), _profile: profile };
        let target = browser.command("Target.createTarget", json!({ "url": "about:blank" }))["targetId"].clone();
        let attach = json!({ "targetId": target, "flatten": true });
        browser.session = browser.command("Target.attachToTarget", attach)["sessionId"].clone();
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            browser.command(domain, json!({}));
        }
        Some(browser)
    }

    /// Sends a command and waits for its answer; notes what the page complains about meanwhile.
    pub fn command(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let mut message = json!({ "id": self.next, "method": method, "params": params });
        if !self.session.is_null() {
            message["sessionId"] = self.session.clone();
        }
        self.socket.send(&message.to_string());
        loop {
            let mut answer: Value = serde_json::from_str(&self.socket.receive()).unwrap();
            if answer["id"] == self.next {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].take();
            }
            match answer["method"].as_str() {
                Some("Runtime.exceptionThrown") => self.complaints.push(answer["params"].to_string()),
                Some("Log.entryAdded") if answer["params"]["entry"]["source"] == "security" => {
                    self.complaints.push(answer["params"].to_string());
                }
                _ => {}
            }
        }
    }

    /// Evaluates an expression in the page; awaits a promise.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut result = self.command("Runtime.evaluate", params);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].take()
    }

    /// Opens a page and waits until it is loaded.
    pub fn open(&mut self, url: &str) {
        self.command("Page.navigate", json!({ "url": url }));
        self.until("document.readyState === 'complete'");
    }

    /// Waits until a condition holds in the page; fails the test at the deadline.
    #[track_caller]
    pub fn until(&mut self, condition: &str) {
        let milliseconds = DEADLINE.as_millis() / 2;
        let held = self.evaluate(&format!(
            "new Promise(done => {{ const look = () => {{ let holds = false; try {{ holds = !!({condition}) }} catch {{}} \
             if (holds) {{ clearInterval(timer); done(true) }} }}; const timer = setInterval(look, 30); look(); \
             setTimeout(() => done(false), {milliseconds}) }})"
        ));
        if held != true {
            let text = self.evaluate("document.body.innerText");
            panic!("does not hold in time: {condition}\n{text}\n{:?}", self.complaints);
        }
    }

    /// Saves a picture of the whole page, if the variable `TUSSOCK_SCREENSHOTS` names a folder for people to look at them.
    pub fn picture(&mut self, name: &str) {
        let Some(folder) = std::env::var_os("TUSSOCK_SCREENSHOTS") else { return };
        let shot = self.command("Page.captureScreenshot", json!({ "captureBeyondViewport": true }));
        let name: String = name.chars().map(|sign| if sign.is_alphanumeric() { sign } else { '-' }).collect();
        let bytes = unbase64(shot["data"].as_str().unwrap()).unwrap();
        fs::create_dir_all(&folder).unwrap();
        fs::write(Path::new(&folder).join(format!("{name}.png")), bytes).unwrap();
    }

    /// Loads a script of npm into the page. `false`, and a line that says so, if it cannot be installed here.
    pub fn load(&mut self, package: &str, file: &str) -> bool {
        let folder = TempDir::new();
        let npm = ["install", "--no-audit", "--no-fund", "--loglevel=error", package, "--prefix"];
        let done = Command::new("npm").args(npm).arg(folder.path()).output().is_ok_and(|done| done.status.success());
        match fs::read_to_string(folder.path().join("node_modules").join(file)) {
            Ok(script) if done => {
                self.evaluate(&(script + "; 0"));
                true
            }
            _ => {
                eprintln!("npm cannot install {package} here: the page was not looked at with it");
                false
            }
        }
    }

    /// What axe finds in the page that keeps people from using it; [`Browser::load`] has loaded it. By its default rules, and
    /// that for small targets of WCAG 2.2.
    pub fn axe(&mut self) -> Value {
        let named = "one => one.id + ' ' + one.nodes.map(node => node.html)";
        let rules = "{ rules: { 'target-size': { enabled: true } } }";
        self.evaluate(&format!("axe.run({rules}).then(found => found.violations.map({named}))"))
    }

    /// Sets the size of the window and the system's colour scheme.
    pub fn shape(&mut self, width: u32, height: u32, dark: bool) {
        let shape = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.command("Emulation.setDeviceMetricsOverride", shape);
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.command("Emulation.setEmulatedMedia", media);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The part of RFC 6455 that is needed: texts, over loopback.
struct Socket {
    stream: BufReader<TcpStream>,
}

impl Socket {
    /// `address`: `HOST:PORT/PATH`.
    fn open(address: &str) -> Self {
        let (host, path) = address.split_once('/').unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let request = format!(
            "GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        assert!(line.contains(" 101 "), "{line}");
        while line.trim() != "" {
            line.clear();
            stream.read_line(&mut line).unwrap();
        }
        Self { stream }
    }

    fn send(&mut self, text: &str) {
        // Masked with zeros: the mask protects proxies, and there is none.
        let mut frame = vec![0x81, 0x80 | 127];
        frame.extend_from_slice(&(text.len() as u64).to_be_bytes());
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(text.as_bytes());
        self.stream.get_mut().write_all(&frame).unwrap();
    }

    /// Reads the next text; joins its fragments.
    fn receive(&mut self) -> String {
        let mut text = Vec::new();
        loop {
            let mut head = [0; 2];
            self.stream.read_exact(&mut head).unwrap();
            let mut length = [0; 8];
            match head[1] & 0x7f {
                126 => self.stream.read_exact(&mut length[6..]).unwrap(),
                127 => self.stream.read_exact(&mut length).unwrap(),
                short => length[7] = short,
            }
            let mut body = vec![0; usize::try_from(u64::from_be_bytes(length)).unwrap()];
            self.stream.read_exact(&mut body).unwrap();
            // Opcodes above 7 are control frames.
            if head[0] & 0x0f < 8 {
                text.extend_from_slice(&body);
                if head[0] & 0x80 != 0 {
                    return String::from_utf8(text).unwrap();
                }
            }
        }
    }
}
