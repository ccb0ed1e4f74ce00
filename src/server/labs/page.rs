//! The pages of the labs: the list, and each lab with its text, its knobs and its runs.

use std::path::Path;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value, context};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};

use super::{Found, Lab, Labs};

const LIST: &str = include_str!("list.html");
const LAB: &str = include_str!("lab.html");

/// Where a chapter finds the reports, from its own folder.
const REPORTS: &str = "../../reports/";

/// Runs of a lab that are shown.
const MOST_RUNS: usize = 50;

/// The page at `/labs/` or `/labs/NN-name/`.
pub(super) fn page(labs: &Labs, path: &str) -> Option<Found> {
    let html = match path.strip_prefix("/labs/")? {
        "" => list(labs)?,
        folder => {
            let folder = folder.strip_suffix('/')?;
            lab(labs, labs.labs.iter().find(|lab| lab.folder == folder)?)?
        }
    };
    Some(Found {
        content_type: "text/html; charset=utf-8",
        bytes: html.into_bytes(),
        policy: None,
    })
}

fn list(labs: &Labs) -> Option<String> {
    let shown = labs
        .labs
        .iter()
        .map(|lab| context! { lab => Serde(lab), runs => runs(&labs.reports, &lab.name) });
    let values = context! { labs => shown.collect::<Vec<_>>(), others => others(labs) };
    render(LIST, &values)
}

fn lab(labs: &Labs, lab: &Lab) -> Option<String> {
    let text = Value::from_safe_string(text(&lab.text, &labs.reports));
    render(
        LAB,
        &context! { lab => Serde(lab), text, runs => runs(&labs.reports, &lab.name) },
    )
}

fn render(template: &str, values: &Value) -> Option<String> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.render_str(template, values).ok()
}

/// Folders with reports that belong to no lab here: runs of scenarios of one's own, and comparisons.
fn others(labs: &Labs) -> Vec<Value> {
    let entries = std::fs::read_dir(&labs.reports).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.retain(|name| labs.labs.iter().all(|lab| lab.name != *name));
    names.sort();
    let with_runs = names.into_iter().map(|name| (runs(&labs.reports, &name), name));
    let with_runs = with_runs.filter(|(runs, _)| !runs.is_empty());
    with_runs.map(|(runs, name)| context! { name, runs }).collect()
}

/// The runs of a lab that have a report, the latest first: their names are times. What is named otherwise comes last.
fn runs(reports: &Path, lab: &str) -> Vec<String> {
    let entries = std::fs::read_dir(reports.join(lab)).into_iter().flatten().flatten();
    let with_report = entries.filter(|entry| entry.path().join("index.html").is_file());
    let mut names: Vec<String> = with_report
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    let is_time = |name: &str| name.starts_with(|first: char| first.is_ascii_digit());
    names.sort_by(|a, b| is_time(b).cmp(&is_time(a)).then_with(|| b.cmp(a)));
    names.truncate(MOST_RUNS);
    names
}

/// A lab's chapter as HTML. Its links to reports and to other labs work here as they do among the files; those to anything else of
/// the project lead nowhere, and become plain text. So does a picture of a run that is not here.
fn text(markdown: &str, reports: &Path) -> String {
    let mut links = Vec::new();
    let events = Parser::new_ext(markdown, Options::ENABLE_TABLES).filter_map(|event| match event {
        Event::Start(Tag::Link { ref dest_url, .. }) => {
            let leads = leads_somewhere(dest_url);
            links.push(leads);
            leads.then_some(event)
        }
        Event::Start(Tag::Image { ref dest_url, .. }) => {
            let is_there = dest_url
                .strip_prefix(REPORTS)
                .is_some_and(|path| is_there(reports, path));
            links.push(is_there);
            is_there.then_some(event)
        }
        Event::End(TagEnd::Link | TagEnd::Image) => links.pop().unwrap_or(false).then_some(event),
        // Answers are folded away by markup of their own; any other in a text is text.
        Event::Html(ref text) | Event::InlineHtml(ref text) if is_fold(text) => Some(event),
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        event => Some(event),
    });
    let mut page = String::new();
    html::push_html(&mut page, events);
    page
}

/// Whether this is what an answer is folded away with, and nothing else.
fn is_fold(markup: &str) -> bool {
    let tags = ["<details>", "</details>", "<summary>", "</summary>"];
    let rest = tags.iter().fold(markup.to_owned(), |rest, tag| rest.replace(tag, ""));
    !rest.contains('<')
}

/// Whether a file of a run is among these reports.
fn is_there(reports: &Path, path: &str) -> bool {
    let is_inside = path.split('/').all(|part| !part.is_empty() && !part.starts_with('.'));
    is_inside && reports.join(path).is_file()
}

fn leads_somewhere(link: &str) -> bool {
    let is_outside = link.starts_with("https://");
    let is_report = link.starts_with(REPORTS) && link.matches('/').count() > 3;
    let is_lab = link
        .strip_prefix("../")
        .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    is_outside || is_report || is_lab || link.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_links_to_what_is_there() {
        let html = text(
            "[a](../../reports/x/example/) [b](../../src/lib.rs) [c](https://example.org/) [d](javascript:x) [e](../15-x/)",
            Path::new("nowhere"),
        );
        let links: Vec<&str> = html
            .split("href=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap())
            .collect();
        assert_eq!(links, ["../../reports/x/example/", "https://example.org/", "../15-x/"]);
        assert!(html.contains(" b ") && html.contains(" d "), "{html}");
    }

    #[test]
    fn a_picture_of_a_run_that_is_not_here_is_its_words() {
        let home = tempfile::tempdir().unwrap();
        let run = home.path().join("a-lab/example");
        std::fs::create_dir_all(&run).unwrap();
        std::fs::write(run.join("delay.svg"), "<svg/>").unwrap();
        let html = text(
            "![delay](../../reports/a-lab/example/delay.svg) ![bytes](../../reports/a-lab/example/bytes.svg) ![x](https://example.org/x.png) ![y](../../reports/../y)",
            home.path(),
        );
        assert_eq!(html.matches("<img").count(), 1, "{html}");
        assert!(
            html.contains("src=\"../../reports/a-lab/example/delay.svg\"") && html.contains(" bytes "),
            "{html}"
        );
    }

    #[test]
    fn markup_in_a_text_is_text() {
        let html = text(
            "a <script>harm()</script>\n\n<style>\n\n<details onclick=harm()>\n",
            Path::new("nowhere"),
        );
        for tag in ["<script", "<style", "<details"] {
            assert!(!html.contains(tag), "{html}");
        }
        let html = text(
            "<details><summary>1.</summary>\n\nBecause.\n\n</details>\n",
            Path::new("nowhere"),
        );
        assert!(
            html.contains("<details><summary>1.</summary>") && html.contains("</details>"),
            "{html}"
        );
    }

    #[test]
    fn runs_are_listed_latest_first_and_only_with_a_report() {
        let home = tempfile::tempdir().unwrap();
        for run in [
            "example",
            "2026-11-22T17-05-33",
            "2026-11-23T09-00-00",
            "2026-11-24T09-00-00",
        ] {
            std::fs::create_dir_all(home.path().join("a-lab").join(run)).unwrap();
            if run != "2026-11-24T09-00-00" {
                std::fs::write(home.path().join("a-lab").join(run).join("index.html"), "").unwrap();
            }
        }
        let names = ["2026-11-23T09-00-00", "2026-11-22T17-05-33", "example"];
        assert_eq!(runs(home.path(), "a-lab"), names);
        assert!(runs(home.path(), "no-lab").is_empty());
    }
}
