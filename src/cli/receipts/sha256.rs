//! The SHA-256 of a file: what `sha256sum` prints, so that people can compare.

use std::{fs::File, io::Read as _, path::Path};

use sha2::{Digest as _, Sha256};

use crate::{
    base::hash::Hash,
    cli::exit::{Failure, Outcome},
};

/// Bytes read at a time.
const CHUNK: usize = 64 * 1024;

/// Of a file of any size.
pub(super) fn of_file(path: &Path) -> Outcome<Hash> {
    let failed = |error| Failure::input(path, &error);
    let mut file = File::open(path).map_err(failed)?;
    let (mut hasher, mut chunk) = (Sha256::new(), vec![0; CHUNK]);
    loop {
        match file.read(&mut chunk).map_err(failed)? {
            0 => return Ok(Hash(hasher.finalize().into())),
            read => hasher.update(chunk.get(..read).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_everybody_computes() {
        let path = std::env::temp_dir().join(format!("tussock-sha256-{}", std::process::id()));
        std::fs::write(&path, "abc").unwrap();
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of_file(&path).unwrap().to_string(), known);
        std::fs::write(&path, vec![b'a'; 1_000_000]).unwrap();
        let known = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
        assert_eq!(of_file(&path).unwrap().to_string(), known);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(of_file(&path).unwrap_err().exit as u8, 4);
    }
}
