//! How much comes along with talkplace. Under which licences, and from where, is for `cargo deny` (see deny.toml).

use std::process::Command;

use serde_json::Value;

/// Crates in the program, those of the tests aside. Whoever adds one says in Cargo.toml what it is for, and raises this.
const AT_MOST: usize = 185;

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
