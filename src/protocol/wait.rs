/// How long a long poll may be held.
#[derive(Debug)]
pub struct Wait;
/// Why a text is no waiting time.
#[derive(Debug)]
pub struct WaitError;
