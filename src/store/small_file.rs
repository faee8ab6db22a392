//! Files that people or this program keep beside the databases: regular, and small enough to be read at once.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

/// Reads the whole file. Anything that is no regular file of at most `most` bytes is an error: a pipe would be read for ever.
pub fn read_bytes(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let (about, most) = (fs::metadata(path)?, most as u64);
    let (mut bytes, refused) = (Vec::new(), || io::Error::other(format!("it is no file of at most {most} bytes")));
    if !about.is_file() || about.len() > most {
        return Err(refused());
    }
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    // It may have grown since.
    (bytes.len() as u64 <= most).then_some(bytes).ok_or_else(refused)
}

/// Reads the whole file as text.
pub fn read(path: &Path, most: usize) -> io::Result<String> {
    String::from_utf8(read_bytes(path, most)?).map_err(|_| io::Error::other("it is no text"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::TempDir;

    #[test]
    fn a_file_is_read_up_to_its_bound_and_nothing_else_is() {
        let dir = TempDir::new();
        let path = dir.join("file");
        fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), "12345");
        assert!(read(&path, 4).is_err());
        fs::write(&path, [0xff]).unwrap();
        assert!(read(&path, 4).unwrap_err().to_string().contains("no text"));
        assert!(read(path.parent().unwrap(), 4).is_err(), "a folder");
        assert_eq!(read(&dir.join("none"), 4).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
