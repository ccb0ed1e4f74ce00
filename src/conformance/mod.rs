//! Whether a server keeps the [contract](crate::protocol): a stranger asks it everything that can be asked from outside.
//!
//! The contract is a list of rules, and so is this module: a file for each group of them, a [`Rule`] for each sentence that can be
//! tried, and behind it a small function that sends something and looks at what comes. [`check`] tries one after the other, on a
//! server that nobody else talks to meanwhile. It says things in the feed, and signs in.
//!
//! ```text
//! rule → stranger (bytes out, bytes in) → kept, broken (sent, came, expected), or could not tell
//! ```

mod cursors;
mod events;
mod fault;
mod heads;
mod held;
mod messages;
mod methods;
mod operators;
mod origins;
mod outside;
mod patience;
mod polls;
mod publishing;
mod rule;
mod socket;
mod stranger;
mod talk;
mod visitors;
mod websocket;

use std::thread;

use fault::Fault;
pub use rule::{Finding, Rule, Verdict};
pub use stranger::Stranger;

/// Nobody takes a connection any more.
#[derive(Debug, thiserror::Error)]
#[error("the server has gone away at the rule {rule}")]
pub struct GoneAway {
    /// What was tried last.
    pub rule: &'static str,
    /// What the system says.
    pub source: std::io::Error,
}

/// All rules, in the order in which they are tried. Those that take long, or fill the feed, come last.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    [
        polls::RULES,
        cursors::RULES,
        held::RULES,
        publishing::RULES,
        messages::RULES,
        events::RULES,
        websocket::RULES,
        visitors::RULES,
        origins::RULES,
        methods::RULES,
        heads::RULES,
        operators::RULES,
        patience::RULES,
        outside::RULES,
    ]
    .into_iter()
    .flatten()
}

/// Tries these rules on a server, and tells of each as soon as it is known. Without `patience` those that take long are not tried.
///
/// # Errors
/// When nobody takes a connection any more, which no rule is about: what was asked last may have ended the server.
pub fn check(
    server: &Stranger,
    rules: &[&'static Rule],
    patience: bool,
    mut tell: impl FnMut(&Finding),
) -> Result<Vec<Finding>, GoneAway> {
    let mut findings = Vec::new();
    for together in rules.chunk_by(|one, next| one.waits() && next.waits()) {
        let found = thread::scope(|scope| {
            let asked: Vec<_> = together
                .iter()
                .map(|rule| scope.spawn(|| Finding::new(rule, rule.verdict(server, patience))))
                .collect();
            let found = asked.into_iter().map(thread::ScopedJoinHandle::join);
            found.map(|found| found.expect("no rule panics")).collect::<Vec<_>>()
        });
        found.iter().for_each(&mut tell);
        if let Some(finding) = found.iter().find(|finding| finding.verdict != Verdict::Kept) {
            let rule = finding.rule;
            server.is_there().map_err(|source| GoneAway { rule, source })?;
        }
        findings.extend(found);
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_name_of_its_own_and_stands_in_the_contract() {
        let contract = include_str!("../protocol/README.md");
        let all: Vec<&Rule> = rules().collect();
        for (at, rule) in all.iter().enumerate() {
            assert!(all[..at].iter().all(|other| other.name != rule.name), "{}", rule.name);
            assert!(rule.name.contains('.') && !rule.says.is_empty(), "{}", rule.name);
            let heading = format!("\n# {}\n", rule.section);
            assert!(
                contract.contains(&heading),
                "{}: there is no section {}",
                rule.name,
                rule.section
            );
        }
    }

    #[test]
    fn rules_of_a_group_stand_together_but_for_those_that_take_long() {
        let quick = rules().filter(|rule| rule.is_quick());
        let mut groups: Vec<&str> = quick.map(Rule::group).collect();
        groups.dedup();
        let count = groups.len();
        groups.sort_unstable();
        groups.dedup();
        assert_eq!(groups.len(), count, "{groups:?}");
    }
}
