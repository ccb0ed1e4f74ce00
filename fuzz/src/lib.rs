//! What the targets share: a real server in this process, spoken to over its socket.
//!
//! The server's threads are in this process, so that the fuzzer is guided by what they do, and a panic in one of them is found.

mod client;

pub use client::{Answer, Client, UPGRADE, field, post};

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Duration;

use talkplace::server::{Config, bind, run};

static ADDRESS: LazyLock<SocketAddr> = LazyLock::new(|| {
    let mut config = Config {
        workers: 1,
        // Held for a moment only: a fuzzer has no time.
        long_poll_timeout: Duration::from_millis(1),
        long_poll_cap: Duration::from_millis(1),
        ..Config::default()
    };
    config.publishing.rate_per_s = None;
    config.keep.messages = 100;
    let socket = bind("127.0.0.1:0".parse().expect("an address")).expect("loopback has ports");
    let address = socket.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(run(vec![socket], config, std::future::pending::<()>()))
    });
    address
});

/// Where the server is. It starts with the first call and ends with the process.
pub fn address() -> SocketAddr {
    *ADDRESS
}
