//! `talkplace open`

use std::process::ExitCode;

use anyhow::Context as _;
use talkplace::feed::Feed;
use talkplace::server::Config;

use super::args::OpenArgs;
use super::{catalogue, serve, terminal};

/// Serves the labs on a free port of this computer, and shows them in the browser.
pub(crate) fn open(args: &OpenArgs) -> anyhow::Result<ExitCode> {
    let socket = serve::bind(([127, 0, 0, 1], 0).into())?;
    let address = format!("http://{}/labs/", socket.local_addr()?);
    let config = Config {
        labs: Some(catalogue::labs(&args.reports)?),
        ..Config::default()
    };
    terminal::say(&format!("The labs are at {address}; ctrl-C ends it"));
    if !args.no_browser {
        // Connections wait at the socket until the server takes them.
        if let Err(error) = ::open::that_detached(&address).context("no browser could be started") {
            terminal::say(&format!("{error:#}; open the address in one"));
        }
    }
    serve::until_signal(Feed::new(config.keep), vec![socket], config, false)
}
