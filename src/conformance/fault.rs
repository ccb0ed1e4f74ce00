/// Why a rule is not known to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The server did something else.
    Broken {
        /// What was sent.
        sent: String,
        /// What came.
        came: String,
        /// What should have come.
        expected: String,
    },
    /// Something that has to be there before the rule can be tried is not.
    Untold(String),
}

impl Fault {
    pub(super) fn untold(why: impl Into<String>) -> Fault {
        Fault::Untold(why.into())
    }

    pub(super) fn broken(sent: impl Into<String>, came: impl Into<String>, expected: impl Into<String>) -> Fault {
        Fault::Broken {
            sent: sent.into(),
            came: came.into(),
            expected: expected.into(),
        }
    }

    /// The same where the rule is about something else, which needed this first.
    pub(super) fn in_the_way(self) -> Fault {
        match self {
            Fault::Broken { sent, came, .. } => {
                Fault::Untold(format!("it needs an answer to {sent}, and there came {came}"))
            }
            untold => untold,
        }
    }
}
