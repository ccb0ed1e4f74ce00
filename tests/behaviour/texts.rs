//! What stands in the texts: commands that can be typed, figures that a kept run gave, chapters of one form.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::labs::{folders, text};
use crate::server::Server;
use crate::support::Home;

/// The chapters, each with the lab that its commands are about.
fn chapters() -> Vec<(String, String)> {
    let chapter = |folder: String| {
        let name = folder.split_once('-').expect("NN-name").1.to_owned();
        (format!("labs/{folder}/README.md"), name)
    };
    folders().into_iter().map(chapter).collect()
}

/// What shows how cost grows, which is no chapter.
const GROWTH: &str = "reports/growth/README.md";

/// What is written as code: blocks, and words within a line, the latter with the line breaks that an editor made taken out.
fn code(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut blocks, mut prose) = (Vec::new(), String::new());
    let mut in_fence = false;
    for line in text.lines() {
        if line.starts_with("```") {
            in_fence = !in_fence;
        } else if in_fence || line.starts_with("    ") {
            blocks.push(line.trim().to_owned());
        } else {
            prose.push_str(line);
            prose.push(' ');
        }
    }
    let words = prose.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    (joined(blocks), words)
}

/// A line that ends in a backslash goes on below.
fn joined(lines: Vec<String>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in lines {
        let (line, next_goes_on) = match line.strip_suffix('\\') {
            Some(line) => (line.to_owned(), true),
            None => (line, false),
        };
        match all.last_mut() {
            Some(last) if goes_on => last.push_str(&line),
            _ => all.push(line),
        }
        goes_on = next_goes_on;
    }
    all
}

/// The words of a command, as a shell would part them; what follows `#` is a remark.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut is_word) = (Vec::new(), String::new(), None, false);
    for c in command.chars() {
        match (c, quoted) {
            (c, Some(quote)) if c == quote => quoted = None,
            (c, Some(_)) => word.push(c),
            ('"' | '\'', None) => (quoted, is_word) = (Some(c), true),
            ('#', None) if !is_word => break,
            (c, None) if c.is_whitespace() => {
                if is_word {
                    words.push(std::mem::take(&mut word));
                }
                is_word = false;
            }
            (c, None) => {
                word.push(c);
                is_word = true;
            }
        }
    }
    if is_word {
        words.push(word);
    }
    words
}

/// The arguments of a command of this program; `None` of any other.
fn arguments(command: &str) -> Option<Vec<String>> {
    let rest = ["talkplace ", "cargo run --release -- "]
        .iter()
        .find_map(|start| command.strip_prefix(start))?;
    Some(words(&without_substitutions(rest)))
}

/// With `1` for what a shell would put in: `"$(pgrep node)"`.
fn without_substitutions(command: &str) -> String {
    let mut parts = command.split("\"$(");
    let mut rest = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, behind) = part.split_once(")\"").expect("a substitution ends");
        rest += "1";
        rest += behind;
    }
    rest
}

/// A word that stands for one of the reader's: `RUN`, `LAB/RUN`, `FILE…`.
fn is_placeholder(word: &str) -> bool {
    word.chars().any(char::is_alphabetic)
        && word
            .split(['/', '…', '*'])
            .all(|part| part.chars().all(|c| c.is_uppercase() || c == '…'))
        || word.contains("/RUN")
        || word.contains("/ANOTHER")
        || word.contains('*')
}

/// Tries a command as far as that does nothing: what measures meets a file where its folder should be made, which it only notices when all
/// that was typed is understood. Gives what is wrong with it.
fn try_it(home: &Home, arguments: &[String]) -> Result<(), String> {
    let mut words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // A server of somebody else's is reached before anything else is looked at.
    let is_reachable = !words.contains(&"--target");
    let is_spelled_out = !words.iter().any(|word| is_placeholder(word)) && words.len() > 1 && is_reachable;
    let (measures, is_harmless) = match words[0] {
        "run" | "sweep" | "knee" if is_spelled_out => (true, false),
        "labs" | "eject" | "advise" | "project" | "compare" | "report" | "verify" => {
            (false, is_spelled_out || words == ["labs"])
        }
        _ => (false, false),
    };
    // A guess that is asked for needs somebody who answers; and one text may have written a file before.
    words.retain(|word| *word != "--predict");
    if words[0] == "eject" {
        words.push("--force");
    }
    if measures {
        words.extend(["--out", "in-the-way"]);
    } else if !is_harmless {
        words.push("--help");
    }
    let ended = home.talkplace(&words);
    let is_understood = match ended.status {
        Some(0) => true,
        Some(2) => measures && ended.stderr.contains("nothing can be written into in-the-way"),
        _ => false,
    };
    if is_understood {
        Ok(())
    } else {
        Err(format!(
            "talkplace {} ended with {:?}: {}{}",
            words.join(" "),
            ended.status,
            ended.stdout,
            ended.stderr
        ))
    }
}

/// A folder in which each lab has a run to report on, and nothing can be measured.
fn home() -> Home {
    let home = Home::new();
    home.write("in-the-way", "a file, and no folder");
    let results = text("reports/three-ways/example/results.json");
    for (_, name) in chapters() {
        home.write(&format!("reports/{name}/2026-11-22T17-05-33/results.json"), &results);
    }
    for knob in ["listeners", "rate", "size", "workers"] {
        let scenario = format!("reports/growth/{knob}.toml");
        home.write(&scenario, &text(&scenario));
    }
    home
}

/// Flags by themselves are for a command of the chapter: one of those that measure its lab, or the server.
fn try_flags(home: &Home, lab: &str, flags: &str) -> Result<(), String> {
    let commands = [
        vec!["run", lab],
        vec!["sweep", lab],
        vec!["knee", lab],
        vec!["serve"],
        vec!["check", "http://localhost:3000"],
    ];
    let mut tries = commands.iter().map(|command| {
        let command = command
            .iter()
            .map(|word| (*word).to_owned())
            .chain(words(flags))
            .collect::<Vec<_>>();
        try_it(home, &command)
    });
    let first = tries.next().expect("there are some");
    first.or_else(|error| {
        if tries.any(|tried| tried.is_ok()) {
            Ok(())
        } else {
            Err(error)
        }
    })
}

#[test]
fn every_command_in_a_text_can_be_typed() {
    let home = home();
    let mut all = chapters();
    let others = [
        "README.md",
        "labs/README.md",
        "labs/TEACHING.md",
        "reports/README.md",
        GROWTH,
    ];
    all.extend(others.map(|path| (path.to_owned(), "three-ways".to_owned())));
    let (mut tried, mut wrong) = (HashSet::new(), Vec::new());
    for (path, lab) in &all {
        let (blocks, spans) = code(&text(path));
        let commands: Vec<Vec<String>> = blocks
            .iter()
            .chain(&spans)
            .filter_map(|command| arguments(command))
            .collect();
        assert!(!commands.is_empty(), "{path} has no command");
        for command in commands {
            if tried.insert(command.join(" ")) {
                wrong.extend(try_it(&home, &command).err().map(|error| format!("{path}: {error}")));
            }
        }
        for flags in spans.iter().filter(|span| span.starts_with("--") && span.contains(' ')) {
            if tried.insert(format!("{lab} {flags}")) {
                wrong.extend(
                    try_flags(&home, lab, flags)
                        .err()
                        .map(|error| format!("{path}: {error}")),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried.len() > 40, "{} commands were found", tried.len());
}

#[test]
fn a_command_is_parted_as_a_shell_does_it() {
    assert_eq!(
        words("run a --limit \"x < 2s\"   # a remark"),
        ["run", "a", "--limit", "x < 2s"]
    );
    assert_eq!(words("a '' b#c"), ["a", "", "b#c"]);
    assert_eq!(joined(vec!["a \\".into(), "b".into(), "c".into()]), ["a b", "c"]);
    let (blocks, spans) = code("x `a\nb` y\n\n    talkplace labs\n\n```sh\ntalkplace run 1\n```\n");
    assert_eq!(
        (blocks, spans),
        (
            vec!["talkplace labs".into(), "talkplace run 1".into()],
            vec!["a b".into()]
        )
    );
    assert!(
        ["RUN", "FILE…", "three-ways/RUN", "handed-in/*/results.json"]
            .iter()
            .all(|word| is_placeholder(word))
    );
    assert!(
        !["three-ways", "1", "--rate", "1/s", "delay.p99 < 2s"]
            .iter()
            .any(|word| is_placeholder(word))
    );
    let home = home();
    let wrong = |command: &str| try_it(&home, &words(command)).is_err();
    assert!(!wrong("run three-ways --rate 1/s") && !wrong("sweep polling") && !wrong("report RUN"));
    for command in [
        "run three-way",
        "run three-ways --rate 1",
        "report RUN --outt x",
        "sweep three-ways",
        "labs nothing",
        "rum 1",
    ] {
        assert!(wrong(command), "{command}");
    }
}

/// The headings that every chapter has, in this order; others may stand between them.
const SKELETON: [&str; 6] = [
    "Predict first",
    "Run",
    "Read",
    "Why",
    "Turn the knob that matters",
    "Exercises",
];

#[test]
fn every_chapter_has_the_same_form() {
    for (path, name) in chapters() {
        let chapter = text(&path);
        let folder = path.split('/').nth(1).unwrap();
        let number = folder.split_once('-').unwrap().0.trim_start_matches('0');
        assert!(
            chapter.starts_with(&format!("# {number}. ")),
            "{path} begins with its number"
        );
        for part in ["**The question.**", "**What stays true"] {
            assert!(chapter.contains(part), "{path} has no {part}");
        }
        let headings: Vec<&str> = chapter.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        let known: Vec<&str> = headings
            .iter()
            .copied()
            .filter(|heading| SKELETON.contains(heading))
            .collect();
        assert_eq!(known, SKELETON, "{path}: {headings:?}");
        let answers = chapter.matches("<details><summary>Answer</summary>").count();
        assert!((2..=4).contains(&answers), "{path} has {answers} answers folded away");
        assert_eq!(answers, chapter.matches("</details>").count(), "{path}");
        let of_name = format!(" {name}");
        let (blocks, _) = code(&chapter);
        let is_run = |line: &String| {
            ["run", "sweep", "knee"]
                .iter()
                .any(|command| line.starts_with(&format!("talkplace {command}{of_name}")))
        };
        assert!(blocks.iter().any(is_run), "{path} has a command that runs it");
    }
}

#[test]
fn the_table_of_the_labs_has_them_all() {
    let table = text("labs/README.md");
    let readme = text("README.md");
    for folder in folders() {
        let scenario = text(&format!("labs/{folder}/scenario.toml"));
        let question = scenario
            .lines()
            .find_map(|line| line.strip_prefix("question = \""))
            .unwrap()
            .trim_end_matches('"');
        let row = table
            .lines()
            .find(|line| line.starts_with(&format!("| [{folder}]({folder}/)")));
        let row = row.unwrap_or_else(|| panic!("labs/README.md has no row for {folder}"));
        assert!(
            row.contains(question),
            "labs/README.md asks another question than the scenario: {row}"
        );
        let row = readme
            .lines()
            .find(|line| line.starts_with(&format!("| [{folder}](labs/{folder}/)")));
        assert!(
            row.is_some_and(|row| row.contains(question)),
            "README.md has no row for {folder}, or another question"
        );
    }
}

/// Lab 2 shows a request and its answer. The line for the hour is different every time, which is what `…` says.
#[test]
fn the_exchange_in_a_chapter_is_what_the_server_says() {
    let chapter = text("labs/02-one-request-one-answer/README.md");
    let blocks: Vec<&str> = chapter
        .split("```http\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    let [request, answer] = blocks[..] else {
        panic!("a request and an answer: {blocks:?}")
    };
    let server = Server::start();
    let mut connection = TcpStream::connect(server.address).unwrap();
    connection.write_all(request.replace('\n', "\r\n").as_bytes()).unwrap();
    let mut answered = String::new();
    while !answered.ends_with("\r\n\r\n") {
        let mut byte = [0];
        assert_eq!(connection.read(&mut byte).unwrap(), 1, "{answered}");
        answered.push(char::from(byte[0]));
    }
    let answered: Vec<&str> = answered.split("\r\n").collect();
    let told: Vec<&str> = answer.split('\n').collect();
    assert_eq!(answered.len(), told.len(), "{answered:?}");
    for (answered, told) in answered.iter().zip(told) {
        let fits = told
            .strip_suffix('…')
            .map_or(*answered == told, |start| answered.starts_with(start));
        assert!(fits, "{told}: {answered}");
    }
}

/// A page without its markup, every space the same.
fn plain(html: &str) -> String {
    let mut text = String::new();
    for part in html.split('<') {
        let words = part.split_once('>').map_or(part, |(_, words)| words);
        text.push_str(words);
        text.push(' ');
    }
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#x27;", "'")
        .replace("&#x2f;", "/")
        .replace("&amp;", "&");
    spaced(&text)
}

fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A chapter quotes the run that lies beside the project in blocks marked `figures` with its folder: every line of such a block is a row of that run's page.
#[test]
fn quoted_figures_are_those_of_the_run_that_is_kept() {
    let mut quoting = Vec::new();
    let languages = |(path, _): (String, String)| [in_chinese(&path), path];
    for path in chapters().into_iter().flat_map(languages).chain([GROWTH.to_owned()]) {
        let chapter = text(&path);
        for block in chapter.split("```figures ").skip(1) {
            let (run, block) = block.split_once('\n').unwrap();
            let rows = block.split("\n```").next().unwrap();
            let page = plain(&text(&format!("reports/{}/index.html", run.trim())));
            for row in rows.lines().filter(|row| !row.trim().is_empty()) {
                assert!(
                    page.contains(&spaced(row)),
                    "{path}: the page of {run} has no row\n{row}"
                );
            }
            quoting.push(path.clone());
        }
    }
    assert!(quoting.len() >= 20, "{quoting:?}");
}

/// The Chinese text of a chapter.
fn in_chinese(path: &str) -> String {
    path.replace("README.md", "README.zh.md")
}

#[test]
fn both_languages_of_a_chapter_have_the_same_commands_and_figures() {
    for (path, _) in chapters() {
        let (english, chinese) = (text(&path), text(&in_chinese(&path)));
        assert_eq!(code(&english).0, code(&chinese).0, "{path}");
        assert!(
            english.contains("](README.zh.md)") && chinese.contains("](README.md)"),
            "{path}"
        );
    }
}
