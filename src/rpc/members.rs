//! The file of the nodes that may link: one id in a line. What follows a `#` is a remark.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    base::ids::NodeId,
    chain::{address::Prefix, node_id},
    node::Members,
    store::small_file,
};

/// Bytes of a file that is read: some 7,000 ids.
const MAX_BYTES: usize = 512 * 1024;

/// What to do where the file is missing.
const NO_FILE: &str = "no such file; it has the id of each member, which this prints there: tussock members id > FILE";

/// Where a node's list of members is.
#[derive(Clone, Debug)]
pub struct MembersList {
    /// The file.
    pub path: PathBuf,
    /// The list as long as there is no file: that of the chain file.
    pub chain: Option<Members>,
    /// The file was there. If it is gone, the chain's list does not count again: somebody may have been removed since.
    was_there: Arc<AtomicBool>,
}

impl MembersList {
    /// A list in this file, or that of the chain file.
    pub fn new(path: PathBuf, chain: Option<Members>) -> Self {
        let was_there = Arc::new(AtomicBool::new(path.exists()));
        Self { path, chain, was_there }
    }

    /// Reads the list. One without members is none: nobody could link.
    pub fn read(&self, prefix: &Prefix) -> Result<Members, String> {
        let at = |problem: String| format!("{}: {problem}", self.path.display());
        let was_there = self.was_there.load(Ordering::Relaxed);
        match (&self.chain, self.path.try_exists().map_err(|error| at(error.to_string()))?) {
            (Some(members), false) if !was_there => return Ok(members.clone()),
            (Some(_), false) => {
                let advice = "put it back, or start the node again to take the list of the chain file";
                return Err(at(format!("the file is gone; {advice}")));
            }
            (_, is_there) => self.was_there.store(was_there || is_there, Ordering::Relaxed),
        }
        let members = ids(&self.path, prefix)?;
        let none =
            || at("the file names no member, so that nobody could link; write the id of a node into it".to_owned());
        (!members.is_empty()).then_some(members).ok_or_else(none)
    }
}

/// A member, as a line of the file names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who it is.
    pub node: NodeId,
    /// What the line says about it.
    pub remark: String,
}

/// Reads the members in a file.
pub fn read(path: &Path, prefix: &Prefix) -> Result<Vec<Member>, String> {
    let at = |problem: String| format!("{}: {problem}", path.display());
    let text = text(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => at(NO_FILE.to_owned()),
        _ => at(error.to_string()),
    })?;
    parse(&text, prefix).map_err(at)
}

/// The text of a file of members.
pub fn text(path: &Path) -> io::Result<String> {
    small_file::read(path, MAX_BYTES)
}

/// Reads the members in the text of a file.
pub fn parse(text: &str, prefix: &Prefix) -> Result<Vec<Member>, String> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, member(line, prefix)));
    lines
        .filter_map(|(line, member)| Some((line, member?)))
        .map(|(line, member)| member.map_err(|why| format!("line {line}: {why}")))
        .collect()
}

/// The ids of the members in a file.
pub fn ids(path: &Path, prefix: &Prefix) -> Result<Members, String> {
    Ok(read(path, prefix)?.into_iter().map(|member| member.node).collect())
}

/// The member that a line names; `None`: the line is empty, or a remark.
pub fn member(line: &str, prefix: &Prefix) -> Option<Result<Member, String>> {
    let (id, remark) = line.split_once('#').unwrap_or((line, ""));
    let member = |node| Member { node, remark: remark.trim().to_owned() };
    (!id.trim().is_empty()).then(|| node_id::parse(id, prefix).map(member))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_of_members_has_ids_and_remarks() {
        let prefix = Prefix::new("ltus").unwrap();
        let path = std::env::temp_dir().join(format!("tussock-members-{}", std::process::id()));
        let id = node_id::to_text(&NodeId([7; 32]), &prefix);
        fs::write(&path, format!("# ours\n\n{id} # the first\n")).unwrap();
        let member = Member { node: NodeId([7; 32]), remark: "the first".to_owned() };
        assert_eq!(read(&path, &prefix).unwrap(), [member]);
        assert_eq!(ids(&path, &prefix).unwrap(), Members::from([NodeId([7; 32])]));
        fs::write(&path, format!("{id}\nnonsense\n")).unwrap();
        assert!(read(&path, &prefix).unwrap_err().contains("line 2"));
        fs::write(&path, vec![b'\n'; MAX_BYTES + 1]).unwrap();
        assert!(read(&path, &prefix).is_err());
        fs::remove_file(&path).unwrap();
        assert!(read(&path, &prefix).unwrap_err().contains("no such file; it has the id of each member"));
    }

    #[test]
    fn a_list_that_was_changed_does_not_become_that_of_the_chain_again() {
        let prefix = Prefix::new("ltus").unwrap();
        let path = std::env::temp_dir().join(format!("tussock-members-changed-{}", std::process::id()));
        let [one, two] = [7, 8].map(|byte| NodeId([byte; 32]));
        let list = MembersList::new(path.clone(), Some(Members::from([one, two])));
        assert_eq!(list.read(&prefix), Ok(Members::from([one, two])));
        fs::write(&path, node_id::to_text(&one, &prefix)).unwrap();
        assert_eq!(list.read(&prefix), Ok(Members::from([one])));
        fs::remove_file(&path).unwrap();
        assert!(list.read(&prefix).unwrap_err().contains("the file is gone"));
        fs::write(&path, "# nobody\n").unwrap();
        assert!(list.read(&prefix).unwrap_err().contains("names no member"));
        assert!(MembersList::new(path.clone(), None).read(&prefix).is_err());
        fs::remove_file(&path).unwrap();
    }
}
