//! What comes along with talkplace: under which licences, from where, and how much of it.

use std::process::Command;

use serde_json::Value;

/// Licences that ask for no more than to be named.
const LICENCES: [&str; 8] = [
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "0BSD",
    "BSD-2-Clause",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Under a licence of its own (MPL-2.0), which asks nothing of those who only use it: the tests that drive a browser speak through it, and no
/// program has it in it.
const OF_TESTS: &str = "webdriver";

/// There is no TLS here, and no library that the system would have to bring.
const BANNED: [&str; 6] = [
    "openssl-sys",
    "native-tls",
    "rustls",
    "ring",
    "libz-sys",
    "libsqlite3-sys",
];

/// Crates in the program, those of the tests aside. Whoever adds one says in Cargo.toml what it is for, and raises this.
const AT_MOST: usize = 185;

/// Whether one of each group of alternatives is allowed: `(MIT OR Apache-2.0) AND Unicode-3.0`.
fn is_allowed(expression: &str) -> bool {
    let plain = expression.replace(['(', ')'], "").replace('/', " OR ");
    let mut groups = plain.split(" AND ");
    groups.all(|group| group.split(" OR ").any(|licence| LICENCES.contains(&licence.trim())))
}

fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--locked", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
#[ignore = "needs the registry"]
fn all_that_comes_along_may_come_along() {
    let metadata = metadata();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(is_allowed(licence) || name == OF_TESTS, "{name} is under {licence:?}");
        assert!(!BANNED.contains(&name), "{name} is not to come along");
        let source = package["source"].as_str();
        let is_of_crates_io = source == Some("registry+https://github.com/rust-lang/crates.io-index");
        assert!(is_of_crates_io || name == "talkplace", "{name} is from {source:?}");
    }
}

#[test]
#[ignore = "needs the registry"]
fn no_more_comes_along_than_was_agreed_to() {
    let metadata = metadata();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let node = |id: &str| nodes.iter().find(|node| node["id"] == id).unwrap();
    let mut found = vec![metadata["resolve"]["root"].as_str().unwrap()];
    let mut at = 0;
    while at < found.len() {
        for dependency in node(found[at])["deps"].as_array().unwrap() {
            let kinds = dependency["dep_kinds"].as_array().unwrap();
            let id = dependency["pkg"].as_str().unwrap();
            if kinds.iter().any(|kind| kind["kind"].is_null()) && !found.contains(&id) {
                found.push(id);
            }
        }
        at += 1;
    }
    eprintln!("{} crates, on all platforms together", found.len() - 1);
    assert!(
        found.len() - 1 <= AT_MOST,
        "{} crates, {AT_MOST} were agreed to",
        found.len() - 1
    );
}

#[test]
fn an_expression_is_allowed_when_one_of_each_group_is() {
    for allowed in [
        "MIT",
        "Apache-2.0/MIT",
        "GPL-3.0 OR MIT",
        "(MIT OR GPL-3.0) AND Unicode-3.0",
    ] {
        assert!(is_allowed(allowed), "{allowed}");
    }
    for not in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR Apache-2.0) AND AGPL-3.0"] {
        assert!(!is_allowed(not), "{not}");
    }
}
