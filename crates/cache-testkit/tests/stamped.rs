//! The macros stamp every test there is: one that is written and not named would never run.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The names of the functions over a backend, `pub fn name<B: Backend>()`, in the files under `folder`.
fn written(folder: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("the sources are beside this test") {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() {
            names.extend(written(&path));
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source is text");
        let module = path.file_stem().and_then(|stem| stem.to_str()).expect("a source has a name");
        let tests = text.lines().filter_map(|line| {
            let line = line.strip_prefix("pub fn ")?;
            line.split_once("<B: Backend>() {").map(|(name, _)| name)
        });
        names.extend(tests.map(|name| format!("{module}::{name}")));
    }
    names
}

/// The names that the macros give, module by module.
fn stamped(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut module = String::new();
    // Lists in brackets are of tests that a backend may be excepted from, whatever their module.
    for list in text.split('[').skip(1).filter_map(|rest| rest.split_once(']')) {
        names.extend(list.0.split_whitespace().map(str::to_owned));
    }
    for line in text.lines().take_while(|line| {
        !["__probe", "__stamp"].iter().any(|name| line.contains(&format!("macro_rules! {name}")))
    }) {
        let words = || line.split_whitespace();
        if line.trim_start().starts_with("//") || line.contains("macro") || line.contains('(') {
            continue;
        } else if line.ends_with('{') {
            module = words().rev().nth(1).unwrap_or_default().to_owned();
        } else if words()
            .all(|word| word.chars().all(|c| c.is_ascii_lowercase() || "_0123456789".contains(c)))
        {
            names.extend(words().map(|test| format!("{module}::{test}")));
        }
    }
    names
}

#[test]
fn every_test_is_stamped() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut written: BTreeSet<String> =
        ["int", "obj"].iter().flat_map(|suite| written(&source.join(suite))).collect();
    // The module of this suite is a `mod.rs`.
    for (file, module) in [("mod.rs", "key_panics"), ("calls.rs", "calls")] {
        let text = fs::read_to_string(source.join("key_panics").join(file)).unwrap();
        written.extend(text.lines().filter_map(|line| {
            let (name, _) = line.strip_prefix("pub fn ")?.split_once("<B: Backend>() {")?;
            Some(format!("{module}::{name}"))
        }));
    }
    let stamped: BTreeSet<String> = ["macros.rs", "key_panics/macros.rs"]
        .iter()
        .flat_map(|file| stamped(&fs::read_to_string(source.join(file)).unwrap()))
        .collect();
    assert!(stamped.len() > 100, "{stamped:?}");
    let is_stamped = |test: &String| {
        stamped.contains(test) || test.split_once("::").is_some_and(|(_, name)| stamped.contains(name))
    };
    let forgotten: Vec<&String> = written.iter().filter(|test| !is_stamped(test)).collect();
    assert!(forgotten.is_empty(), "{forgotten:?}");
}
