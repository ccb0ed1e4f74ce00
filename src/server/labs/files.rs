//! The files of a report, as a run has left them.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use sha2::{Digest as _, Sha256};

use super::Found;

/// Larger files are no part of a report.
const MOST_BYTES: u64 = 32 << 20;

/// The file at `/reports/LAB/RUN/FILE`; without FILE the report itself. `None` when there is no such file, or it is none of a report's.
pub(super) fn report(reports: &Path, path: &str) -> Option<Found> {
    let path = percent_decode_str(path.strip_prefix("/reports/")?).decode_utf8().ok()?;
    let parts: Vec<&str> = path.split('/').collect();
    let [lab, run, file] = parts[..] else { return None };
    let file = if file.is_empty() { "index.html" } else { file };
    if [lab, run, file].into_iter().any(|part| !is_name(part)) {
        return None;
    }
    let content_type = content_type(file)?;
    let reports = reports.canonicalize().ok()?;
    // A link in the folder may lead anywhere; what lies elsewhere is no report.
    let path = reports.join(lab).join(run).join(file).canonicalize().ok()?;
    let metadata = fs::metadata(&path).ok()?;
    if !path.starts_with(&reports) || !metadata.is_file() || metadata.len() > MOST_BYTES {
        return None;
    }
    let bytes = fs::read(&path).ok()?;
    let policy = Some(policy(&bytes));
    Some(Found {
        content_type,
        bytes,
        policy,
    })
}

/// A report runs no script. It carries its own style, which is let in by what it is, not by where it stands.
fn policy(page: &[u8]) -> String {
    let style = style(page).map_or("'none'".to_owned(), |style| {
        format!("'sha256-{}'", STANDARD.encode(Sha256::digest(style)))
    });
    format!(
        "default-src 'none'; style-src {style}; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )
}

fn style(page: &[u8]) -> Option<&str> {
    let page = std::str::from_utf8(page).ok()?;
    let (_, rest) = page.split_once("<style>")?;
    Some(rest.split_once("</style>")?.0)
}

fn content_type(file: &str) -> Option<&'static str> {
    match file.rsplit_once('.')?.1 {
        "html" => Some("text/html; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "json" => Some("application/json"),
        _ => None,
    }
}

/// Whether this is the name of something in a folder, and nothing that is hidden or leads out of it.
fn is_name(part: &str) -> bool {
    !part.is_empty() && !part.starts_with('.') && !part.contains(['/', '\\', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(paths: &[&str]) -> Vec<bool> {
        let home = tempfile::tempdir().unwrap();
        let run = home.path().join("reports/a-lab/a-run");
        fs::create_dir_all(&run).unwrap();
        for name in ["index.html", "delay.svg", "results.json", ".hidden.html", "notes.txt"] {
            fs::write(run.join(name), "<style>a</style>").unwrap();
        }
        fs::write(home.path().join("secret.html"), "").unwrap();
        std::os::unix::fs::symlink(home.path().join("secret.html"), run.join("link.html")).unwrap();
        let reports = home.path().join("reports");
        paths.iter().map(|path| report(&reports, path).is_some()).collect()
    }

    #[test]
    fn a_report_has_its_page_its_charts_and_its_results() {
        let there = ["", "index.html", "delay.svg", "results.json"].map(|file| format!("/reports/a-lab/a-run/{file}"));
        assert_eq!(statuses(&there.each_ref().map(String::as_str)), [true; 4]);
    }

    #[test]
    fn nothing_else_is_given_away() {
        let not_there = [
            "/reports/",
            "/reports/a-lab/",
            "/reports/a-lab/a-run",
            "/reports/a-lab/a-run/notes.txt",
            "/reports/a-lab/a-run/.hidden.html",
            "/reports/a-lab/a-run/link.html",
            "/reports/a-lab/../secret.html",
            "/reports/a-lab/%2e%2e/secret.html",
            "/reports/a-lab/a-run/..%2f..%2f..%2fsecret.html",
            "/reports/a-lab/a-run/%00.html",
            "/reports/a-lab/a-run/%ff.html",
            "/reports//a-run/index.html",
        ];
        assert_eq!(statuses(&not_there), [false; 12]);
    }

    #[test]
    fn the_style_of_a_report_is_let_in_by_its_digest() {
        let policy = policy(b"<style>a{}</style>");
        let digest = STANDARD.encode(Sha256::digest(b"a{}"));
        assert!(policy.contains(&format!("style-src 'sha256-{digest}';")), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("script"), "{policy}");
    }
}
