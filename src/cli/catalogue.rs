//! The labs of this program, as the server shows them.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use talkplace::lab::LABS;
use talkplace::results::knob::KEYS;
use talkplace::server::{Knob, Lab, Labs};

/// All labs, with runs below this folder.
pub(crate) fn labs(reports: &Path) -> anyhow::Result<Labs> {
    let labs = LABS.iter().map(|lab| {
        let whole = lab.source().scenario(false, &[])?;
        let quick = lab.source().scenario(true, &[])?;
        let knobs = KEYS.iter().filter(|key| !key.is_words_only()).map(|key| Knob {
            key: key.name.to_owned(),
            help: key.help.to_owned(),
            value: key.get(&whole),
            quick: key.get(&quick),
        });
        Ok(Lab {
            folder: lab.folder.to_owned(),
            name: lab.name().to_owned(),
            title: whole.title.clone(),
            question: whole.question.clone(),
            text: lab.chapter().to_owned(),
            knobs: knobs.collect(),
        })
    });
    Ok(Labs {
        reports: absolute(reports)?,
        program: std::env::current_exe().context("the system does not tell where this program is")?,
        labs: labs.collect::<anyhow::Result<_>>()?,
    })
}

fn absolute(folder: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(folder).with_context(|| format!("{} is no folder", folder.display()))
}
