//! Which file of the product uses names that another defines. A name that a module re-exports belongs to the file that
//! defines it. A module that declares and re-exports others does not use them by that alone.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Source, is_name, module_path, tokens};

/// For each file, the files whose names it uses, and those names.
pub(super) type Arrows = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// What a file says of its module.
#[derive(Default)]
struct Module {
    file: String,
    children: BTreeSet<String>,
    /// Items of the module itself.
    defined: BTreeSet<String>,
    imports: Vec<Import>,
    /// Paths of more than one name, outside of imports.
    paths: BTreeSet<Vec<String>>,
    /// Single names, outside of imports.
    names: BTreeSet<String>,
}

/// `use PATH as NAME`. The name `*` stands for all.
struct Import {
    path: Vec<String>,
    name: String,
    is_public: bool,
}

#[derive(Clone, PartialEq, Debug)]
enum Target {
    Module(String),
    /// Of the module with this path, the item with this name.
    Item(String, String),
    /// Of the standard library, another crate or a function's own scope.
    Foreign,
}

/// Follows imports only this deep: more would be imports that name each other.
const MAX_DEPTH: usize = 16;

pub(super) fn arrows(sources: &[Source]) -> Arrows {
    let mut modules: BTreeMap<String, Module> = BTreeMap::new();
    for source in sources.iter().filter(|source| !source.code.is_empty()) {
        // `lib.rs`, `core.rs` and `roles.rs` are the roots of one tree.
        let module = modules.entry(module_path(&source.path)).or_default();
        module.file.clone_from(&source.path);
        module.read(&source.code);
    }
    let tree = Tree(modules);
    let mut arrows = Arrows::new();
    for (path, module) in &tree.0 {
        for (target, name) in tree.uses(path, module) {
            let file = &tree.0[&target].file;
            if *file != module.file {
                arrows.entry(module.file.clone()).or_default().entry(file.clone()).or_default().insert(name);
            }
        }
    }
    arrows
}

impl Module {
    fn read(&mut self, code: &str) {
        let tokens: Vec<&str> = tokens(code).into_iter().map(|(_, token)| token).collect();
        let token = |at: usize| tokens.get(at).copied().unwrap_or("");
        let (mut at, mut depth) = (0, 0);
        while at < tokens.len() {
            match token(at) {
                "{" => depth += 1,
                "}" => depth -= 1,
                "use" if token(at + 1) != "<" => {
                    let is_public = at > 0 && [")", "pub"].contains(&token(at - 1));
                    at += 1;
                    self.read_import(&tokens, &mut at, &[], is_public);
                }
                "mod" if token(at + 2) == ";" => {
                    self.children.insert(token(at + 1).to_owned());
                }
                "fn" | "struct" | "enum" | "trait" | "type" | "const" | "static" if depth == 0 => {
                    self.defined.insert(token(at + 1).to_owned());
                }
                "macro_rules" => {
                    self.defined.insert(token(at + 2).to_owned());
                }
                name if is_name(name) => {
                    let mut path = vec![name.to_owned()];
                    while token(at + 1) == "::" && is_name(token(at + 2)) {
                        path.push(token(at + 2).to_owned());
                        at += 2;
                    }
                    if path.len() == 1 {
                        self.names.extend(path);
                    } else {
                        self.paths.insert(path);
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// One path, or one of a group, up to what ends it.
    fn read_import(&mut self, tokens: &[&str], at: &mut usize, before: &[String], is_public: bool) {
        let mut path = before.to_vec();
        let mut name = None;
        loop {
            match tokens[*at] {
                "{" => {
                    while tokens[*at] != "}" {
                        *at += 1;
                        if tokens[*at] != "}" {
                            self.read_import(tokens, at, &path, is_public);
                        }
                    }
                    *at += 1;
                    return;
                }
                "," | ";" | "}" => break,
                "as" => {
                    *at += 1;
                    name = Some(tokens[*at].to_owned());
                }
                "*" => name = Some("*".to_owned()),
                "self" if !path.is_empty() => {}
                token if is_name(token) => path.push(token.to_owned()),
                _ => {}
            }
            *at += 1;
        }
        let Some(last) = path.last().cloned() else { return };
        self.imports.push(Import { path, name: name.unwrap_or(last), is_public });
    }
}

struct Tree(BTreeMap<String, Module>);

impl Tree {
    /// The modules whose items `module` uses, and the items' names there.
    fn uses<'a>(&'a self, path: &'a str, module: &'a Module) -> impl Iterator<Item = (String, String)> + 'a {
        let is_used = |import: &&Import| !import.is_public || module.names.contains(&import.name);
        let imports =
            module.imports.iter().filter(is_used).filter_map(|import| match self.resolve(path, &import.path, 0) {
                Target::Item(target, name) => Some((target, name)),
                Target::Module(target) if import.name == "*" => Some((target, "*".to_owned())),
                _ => None,
            });
        let paths = module.paths.iter().filter_map(|used| match self.resolve(path, used, 0) {
            Target::Item(target, name) => Some((target, name)),
            _ => None,
        });
        imports.chain(paths)
    }

    /// What `path` means in the module `from`.
    fn resolve(&self, from: &str, path: &[String], depth: usize) -> Target {
        let Some((first, rest)) = path.split_first() else { return Target::Module(from.to_owned()) };
        match first.as_str() {
            "crate" | "tussock" | "tussock_core" | "tussock_drivers" | "tussock_roles" => {
                self.walk("crate", rest, depth)
            }
            "self" => self.walk(from, rest, depth),
            "super" => {
                let parent = from.rsplit_once("::").map_or("crate", |(parent, _)| parent);
                match rest.first() {
                    Some(next) if next == "super" => self.resolve(parent, rest, depth),
                    _ => self.walk(parent, rest, depth),
                }
            }
            _ => self.look_up(from, path, depth),
        }
    }

    /// What `path` means inside `module`. A name that nothing declares there counts as an item of `module`: a macro may
    /// have made it.
    fn walk(&self, module: &str, path: &[String], depth: usize) -> Target {
        if path.is_empty() {
            return Target::Module(module.to_owned());
        }
        match self.look_up(module, path, depth) {
            Target::Foreign if path[0] != "Self" && self.imports_foreign(module, &path[0]) => Target::Foreign,
            Target::Foreign => Target::Item(module.to_owned(), path[0].clone()),
            target => target,
        }
    }

    fn imports_foreign(&self, module: &str, name: &str) -> bool {
        self.0[module].imports.iter().any(|import| import.name == name)
    }

    fn look_up(&self, from: &str, path: &[String], depth: usize) -> Target {
        let Some((module, (first, rest))) = self.0.get(from).zip(path.split_first()) else { return Target::Foreign };
        if depth > MAX_DEPTH {
            return Target::Foreign;
        }
        let child = format!("{from}::{first}");
        if module.children.contains(first) && self.0.contains_key(&child) {
            return self.walk(&child, rest, depth);
        }
        if module.defined.contains(first) {
            return Target::Item(from.to_owned(), first.clone());
        }
        for import in module.imports.iter().filter(|import| import.name == *first) {
            match self.resolve(from, &import.path, depth + 1) {
                Target::Module(found) => return self.walk(&found, rest, depth + 1),
                Target::Foreign => {}
                item @ Target::Item(..) => return item,
            }
        }
        for import in module.imports.iter().filter(|import| import.name == "*") {
            if let Target::Module(found) = self.resolve(from, &import.path, depth + 1)
                && let item @ Target::Item(..) = self.look_up(&found, path, depth + 1)
            {
                return item;
            }
        }
        Target::Foreign
    }
}

/// The groups of files in which every file uses every other, directly or through others of the group.
pub(super) fn circles(arrows: &Arrows) -> Vec<BTreeSet<String>> {
    let reachable: BTreeMap<&String, BTreeSet<&String>> =
        arrows.keys().map(|from| (from, reach(arrows, from))).collect();
    let mut circles: Vec<BTreeSet<String>> = Vec::new();
    for (from, there) in &reachable {
        let back = |to: &&&String| reachable.get(**to).is_some_and(|back| back.contains(from));
        let circle: BTreeSet<String> = there.iter().filter(back).map(|to| (*to).clone()).collect();
        if !circle.is_empty() && !circles.contains(&circle) {
            circles.push(circle);
        }
    }
    circles
}

fn reach<'a>(arrows: &'a Arrows, from: &'a String) -> BTreeSet<&'a String> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(file) = open.pop() {
        let next = arrows.get(file).into_iter().flat_map(BTreeMap::keys);
        open.extend(next.filter(|to| seen.insert(*to)));
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let sources: Vec<Source> =
            files.iter().map(|(path, text)| Source::new((*path).to_owned(), (*text).to_owned())).collect();
        circles(&arrows(&sources)).into_iter().map(|circle| circle.into_iter().collect()).collect()
    }

    #[test]
    fn a_parent_that_only_declares_and_re_exports_is_in_no_circle() {
        let parent = "mod a; mod b; pub use a::A; pub(crate) use self::b::B;";
        let files = [
            ("lib.rs", "pub mod x;"),
            ("x/mod.rs", parent),
            ("x/a.rs", "use super::B; use crate::x::b; pub struct A(B, b::C);"),
            ("x/b.rs", "pub struct B; pub struct C; #[cfg(test)] use super::A;"),
        ];
        assert!(found(&files).is_empty());
    }

    #[test]
    fn a_re_exported_name_is_that_of_the_file_that_defines_it() {
        let files = [
            ("lib.rs", "pub mod x;"),
            ("x/mod.rs", "mod a; mod b; pub use a::{A, D as E};"),
            ("x/a.rs", "use crate::x::{self, b::{C, self as other}}; pub struct A; pub struct D;"),
            ("x/b.rs", "pub struct C; fn f(a: crate::x::E) {}"),
        ];
        assert_eq!(found(&files), [["x/a.rs", "x/b.rs"]]);
    }

    #[test]
    fn a_parent_and_a_child_that_use_each_other_are_a_circle() {
        let child = "use super::{super::y::Y, Defined}; pub struct A;";
        let parent = |rest: &str| format!("mod a; pub use a::A; pub struct Defined; {rest}");
        let found = |rest| found(&[("lib.rs", "mod x; mod y;"), ("x/mod.rs", &parent(rest)), ("x/a.rs", child)]);
        assert!(found("").is_empty());
        assert!(found("fn f() -> Self { // A\n Self::new(\"A\") }").is_empty());
        assert_eq!(found("fn f(a: A) {}"), [["x/a.rs", "x/mod.rs"]]);
        assert_eq!(found("fn f(a: a::A) {}"), [["x/a.rs", "x/mod.rs"]]);
    }

    #[test]
    fn a_longer_circle_is_found_too() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c; mod d;"),
            ("a.rs", "pub struct A; use crate::b::*;"),
            ("b.rs", "pub struct B; fn f() { crate::c::g::<u8>() }"),
            ("c.rs", "pub fn g<T>() { use super::a::A; }"),
            ("d.rs", "use crate::{a::A, b::B}; pub struct D;"),
        ];
        assert_eq!(found(&files), [["a.rs", "b.rs", "c.rs"]]);
    }
}
