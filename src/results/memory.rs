use serde::{Deserialize, Serialize};

/// The memory of the server over a run, of which a scenario's window is only the middle.
///
/// Instants are seconds from the start of the warm-up; what came before it is negative.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// When every listener had been served once.
    pub listeners_in_s: f64,
    /// What was seen, in order: the first before any listener came, the last in the drain.
    pub samples: Vec<MemorySample>,
}

/// One look at the server's memory.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MemorySample {
    /// When.
    pub at_s: f64,
    /// Resident in its process, in bytes.
    pub rss_bytes: u64,
    /// Held by the kernel for what was under way on its connections, in bytes; `None` where the system does not tell.
    pub socket_buffer_bytes: Option<u64>,
}
