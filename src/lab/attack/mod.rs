//! The scripted attack of the lab about who is there: what a stranger tries, byte by byte, and what becomes of it.
//!
//! It knows of a server what everybody knows: its address and the contract. [`attack`] tells each step as it is done.

mod script;
mod wire;

pub use wire::Answer;

use std::io;
use std::net::SocketAddr;

/// One step of the attack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// What is tried.
    pub title: &'static str,
    /// Why, and what it rests on.
    pub idea: String,
    /// What crossed the wire, in order.
    pub wire: Vec<Crossing>,
    /// What became of it.
    pub outcome: Outcome,
}

/// Something that crossed the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Crossing {
    /// To the server, as text.
    Request(String),
    /// To the server: a frame, with the text that it hides.
    Frame(Vec<u8>, String),
    /// Back.
    Answer(Answer),
}

/// What became of a step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing was at stake: what is said was learned.
    #[default]
    Untried,
    /// It was only shown, and this is what to see.
    Seen(String),
    /// The server did as it should.
    Held(String),
    /// It did not: an attack got through, or an honest visitor was turned away.
    Broken(String),
}

/// Why an attack could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum AttackError {
    /// The server does not answer, or not in HTTP.
    #[error("the server on {server} does not answer: {source}")]
    Silent {
        /// Where.
        server: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// It answers, but not as the contract says.
    #[error("what listens on {server} does not speak talkplace’s contract: {what}")]
    NotOurs {
        /// Where.
        server: SocketAddr,
        /// How it showed.
        what: String,
    },
}

/// Carries out the attack, and tells each step as soon as it is done. Gives all of them.
///
/// # Errors
/// When there is nothing to attack, by [`AttackError`]. A server that does not hold is no error.
pub fn attack(server: SocketAddr, mut tell: impl FnMut(usize, &Step)) -> Result<Vec<Step>, AttackError> {
    let mut steps = Vec::new();
    let mut stage = script::Stage::new(server);
    for act in script::ACTS {
        let step = act(&mut stage)?;
        steps.push(step);
        tell(steps.len(), &steps[steps.len() - 1]);
    }
    Ok(steps)
}

#[cfg(test)]
mod tests;
