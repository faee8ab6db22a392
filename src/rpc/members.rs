//! The file of the nodes that may link: one id in a line. What follows a `#` is a remark.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    base::ids::NodeId,
    chain::{address::Prefix, node_id},
    node::Members,
};

/// Bytes of a file that is read: some 7,000 ids.
const MAX_BYTES: u64 = 512 * 1024;

/// Where a node's list of members is.
#[derive(Clone, Debug)]
pub struct MembersList {
    /// The file.
    pub path: PathBuf,
    /// The list as long as there is no file: that of the chain file.
    pub chain: Option<Members>,
}

impl MembersList {
    /// Reads the list.
    pub fn read(&self, prefix: &Prefix) -> Result<Members, String> {
        match &self.chain {
            Some(members) if !self.path.exists() => Ok(members.clone()),
            _ => ids(&self.path, prefix),
        }
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
    let size = fs::metadata(path).map_err(|error| at(error.to_string()))?.len();
    if size > MAX_BYTES {
        return Err(at(format!("more than {MAX_BYTES} bytes")));
    }
    let text = fs::read_to_string(path).map_err(|error| at(error.to_string()))?;
    parse(&text, prefix).map_err(at)
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
        fs::write(&path, vec![b'\n'; MAX_BYTES as usize + 1]).unwrap();
        assert!(read(&path, &prefix).is_err());
        fs::remove_file(&path).unwrap();
        assert!(read(&path, &prefix).is_err());
    }
}
