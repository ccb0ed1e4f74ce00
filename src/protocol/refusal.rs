/// Why a request is not served.
#[derive(Debug)]
pub enum Refusal {}
