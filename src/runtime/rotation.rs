//! A log file that is set aside when it is full: `name`, `name.1`, …, the oldest last.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

/// Set to make the writer open its file again before the next line.
pub(super) static REOPEN: AtomicBool = AtomicBool::new(false);

/// A writer that keeps the newest lines in a bounded number of files. Lines are written whole, each with one system
/// call; a line is never split between files.
pub(super) struct RotatingFile {
    path: PathBuf,
    max_bytes: u64,
    files: usize,
    file: File,
    written: u64,
    line: Vec<u8>,
}

impl RotatingFile {
    /// Opens `path` to append, and makes the folder that it is in. `files` counts the current one.
    pub(super) fn open(path: &Path, max_bytes: u64, files: usize) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = append(path)?;
        let written = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), max_bytes, files, file, written, line: Vec::new() })
    }

    fn write_line(&mut self) -> io::Result<()> {
        if REOPEN.swap(false, Ordering::Relaxed)
            && let Ok(file) = append(&self.path)
        {
            self.written = file.metadata()?.len();
            self.file = file;
        }
        let bytes = self.line.len() as u64;
        if self.written > 0 && self.written + bytes > self.max_bytes {
            self.rotate()?;
        }
        let written = self.file.write_all(&self.line);
        // Also after a failure: a full disk must not make the next line twice as long.
        self.line.clear();
        self.written += bytes;
        written
    }

    fn rotate(&mut self) -> io::Result<()> {
        for number in (1..self.files).rev() {
            let from = if number == 1 { self.path.clone() } else { self.numbered(number - 1) };
            match fs::rename(&from, self.numbered(number)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        if self.files < 2 {
            fs::remove_file(&self.path)?;
        }
        self.file = append(&self.path)?;
        self.written = 0;
        Ok(())
    }

    fn numbered(&self, number: usize) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

impl Write for RotatingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.write_line()?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.line.is_empty() { Ok(()) } else { self.write_line() }
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_are_kept_in_a_bounded_number_of_files() {
        let folder = std::env::temp_dir().join(format!("tussock-rotation-{}", std::process::id()));
        let path = folder.join("a").join("log");
        let read = |name: &str| fs::read_to_string(folder.join("a").join(name)).unwrap_or_default();
        let mut log = RotatingFile::open(&path, 20, 3).unwrap();
        for number in 0..9 {
            // In pieces, as loggers write.
            write!(log, "line {number}").unwrap();
            writeln!(log).unwrap();
        }
        assert_eq!(read("log"), "line 8\n");
        assert_eq!(read("log.1"), "line 6\nline 7\n");
        assert_eq!(read("log.2"), "line 4\nline 5\n");
        assert_eq!(read("log.3"), "", "three files, no more");
        drop(log);
        let mut log = RotatingFile::open(&path, 20, 3).unwrap();
        writeln!(log, "line 9").unwrap();
        assert_eq!(read("log"), "line 8\nline 9\n", "a restart appends");
        fs::remove_dir_all(folder).unwrap();
    }
}
