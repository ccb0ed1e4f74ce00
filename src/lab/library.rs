//! The labs that are inside the binary.

use std::borrow::Cow;

use super::source::Source;

/// One lab: a folder of `labs/`, as it was when this program was built.
#[derive(Debug)]
pub struct Lab {
    /// Its folder, `NN-name`.
    pub folder: &'static str,
    /// All its files; `scenario.toml`, `README.md` and `README.zh.md` are among them.
    pub files: &'static [File],
}

/// A file of a lab.
#[derive(Debug)]
pub struct File {
    /// Its path within the lab's folder.
    pub name: &'static str,
    /// Its content.
    pub text: &'static str,
}

macro_rules! file {
    ($folder:literal, $name:literal) => {
        File {
            name: $name,
            text: include_str!(concat!("../../labs/", $folder, "/", $name)),
        }
    };
}

/// A lab with its text in both languages, its scenario, and what else it has.
macro_rules! lab {
    ($folder:literal $(, $more:literal)*) => {
        Lab {
            folder: $folder,
            files: &[
                file!($folder, "README.md"),
                file!($folder, "README.zh.md"),
                file!($folder, "scenario.toml"),
                $(file!($folder, $more)),*
            ],
        }
    };
}

/// All of them, in the order in which they are best done.
pub static LABS: &[Lab] = &[
    lab!("01-three-ways"),
    lab!("02-one-request-one-answer"),
    lab!("03-polling"),
    lab!("04-worn-out"),
    lab!("05-long-polling"),
    lab!("06-the-waiting-loop"),
    lab!("07-websocket"),
    lab!("08-broadcast"),
    lab!("09-who-is-there", "evil.html"),
    lab!(
        "10-in-between",
        "default.conf",
        "upgrade.conf",
        "impatient.conf",
        "buffered.conf"
    ),
    lab!("11-no-websocket"),
    lab!("12-four-ways"),
    lab!("13-reconnect"),
    lab!(
        "14-bring-your-own",
        "server.js",
        "websocket.js",
        "grown.js",
        "nginx.conf",
        "peers.js",
        "peers/ws.js",
        "peers/bun.js"
    ),
    lab!("15-coordinated-omission"),
];

/// The lab that a word names: `three-ways`, `01-three-ways`, `01` or `1`.
pub fn lab(word: &str) -> Option<&'static Lab> {
    LABS.iter().find(|lab| {
        let number = lab.number();
        [lab.folder, lab.name(), number, number.trim_start_matches('0')].contains(&word)
    })
}

impl Lab {
    /// Its place in the course, with two digits.
    pub fn number(&self) -> &'static str {
        self.split().0
    }

    /// Its short name.
    pub fn name(&self) -> &'static str {
        self.split().1
    }

    /// Its scenario, not yet read.
    pub fn source(&self) -> Source {
        Source {
            lab: self.name().to_owned(),
            file: format!("labs/{}/scenario.toml", self.folder),
            text: Cow::Borrowed(self.text("scenario.toml")),
        }
    }

    /// Its chapter.
    pub fn chapter(&self) -> &'static str {
        self.text("README.md")
    }

    /// The one command that the chapter is about: a run, a sweep or a search.
    pub fn command(&self) -> &'static str {
        let below = self.chapter().split_once("\n## Run\n").map(|(_, rest)| rest);
        let mut lines = below.into_iter().flat_map(str::lines);
        let line = lines.find_map(|line| line.strip_prefix("    ").filter(|line| line.starts_with("talkplace ")));
        line.expect("every chapter has a command below Run, which a test checks")
    }

    fn text(&self, name: &str) -> &'static str {
        let file = self.files.iter().find(|file| file.name == name);
        file.expect("every lab has a README.md and a scenario.toml, which a test checks")
            .text
    }

    fn split(&self) -> (&'static str, &'static str) {
        self.folder
            .split_once('-')
            .expect("every lab's folder is NN-name, which a test checks")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_lab_goes_by_each_of_its_names() {
        for word in ["three-ways", "01-three-ways", "01", "1"] {
            assert_eq!(lab(word).unwrap().name(), "three-ways", "{word}");
        }
        for word in ["", "0", "-", "three", "2-three-ways"] {
            assert!(lab(word).is_none(), "{word:?}");
        }
    }

    #[test]
    fn every_lab_has_a_question_a_text_and_a_sound_scenario() {
        for lab in LABS {
            assert!(
                lab.number().len() == 2 && lab.number().bytes().all(|b| b.is_ascii_digit()),
                "{}",
                lab.folder
            );
            let commands = ["run", "sweep", "knee"].map(|command| format!("talkplace {command} {}", lab.name()));
            assert!(
                commands.iter().any(|command| lab.command() == command),
                "{}",
                lab.command()
            );
            let scenario = lab.source().scenario(false, &[]).unwrap();
            assert!(scenario.question.ends_with('?'), "{}", lab.folder);
            assert_ne!(scenario.title, scenario.lab);
        }
    }

    #[test]
    fn a_lab_that_sweeps_does_so_in_both_forms() {
        let swept: Vec<&str> = LABS
            .iter()
            .filter(|lab| lab.source().text.contains("\n[sweep]"))
            .map(|lab| {
                let whole = lab.source().sweep(false, &[], &[]).unwrap().points.len();
                let quick = lab.source().sweep(true, &[], &[]).unwrap().points.len();
                assert!(quick > 1 && quick <= whole, "{}: {quick} of {whole} points", lab.folder);
                lab.name()
            })
            .collect();
        assert!(
            swept.contains(&"polling") && swept.contains(&"long-polling"),
            "{swept:?}"
        );
    }

    #[test]
    fn every_lab_has_a_quick_form_of_under_15_seconds() {
        for lab in LABS {
            let quick = lab.source().scenario(true, &[]).unwrap();
            let longest = (quick.sending() + quick.drain) * quick.transports.len() as u32;
            // A second for each server to start and to be connected to.
            assert!(
                longest < Duration::from_secs(15 - quick.transports.len() as u64),
                "{}",
                lab.folder
            );
        }
    }
}
