//! `talkplace serve`

mod settings;

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use talkplace::feed::{Feed, Force, Storage};
use talkplace::load;
use talkplace::server::{self, Config};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use settings::{KeepForce, Settings, read_file};

/// Where the contract says that the server is, unless told otherwise: on both loopbacks, as `localhost` may mean either.
const DEFAULT_ADDRESSES: [&str; 2] = ["127.0.0.1:3000", "[::1]:3000"];

/// The chat server: one feed, heard by short polling, long polling, events and WebSocket.
///
/// A setting is taken from its flag, else from its TALKPLACE_… variable, else from the file given with --config, else it
/// is the default. Keys of the file are the flags' names with underscores: long_poll_timeout = "25s".
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  talkplace serve\n  talkplace serve --listen 127.0.0.1:8080 --long-poll-timeout 10s\n  \
                        TALKPLACE_KEEP_MESSAGES=100 talkplace serve"
)]
pub(crate) struct ServeArgs {
    /// A TOML file with settings
    #[arg(long, env = "TALKPLACE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    /// End when standard input is closed: whoever started the server takes it along, however it ends
    #[arg(long, hide = true)]
    until_stdin_closes: bool,
}

/// Serves until a signal, then drains.
pub(crate) fn serve(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let file = args.config.as_deref().map(read_file).transpose()?.unwrap_or_default();
    let settings = args.settings.or(file);
    let sockets = open(settings.listen.as_deref())?;
    let (file, force) = (settings.keep.clone(), settings.keep_force);
    if settings.without_origin_check == Some(true) {
        only_here(&sockets)?;
    }
    let config = settings.resolve()?;
    let feed = open_feed(&config, file, force)?;
    until_signal(feed, sockets, config, args.until_stdin_closes)
}

/// Serves a feed on these sockets until a signal, then drains.
pub(crate) fn until_signal(
    feed: Feed,
    sockets: Vec<TcpListener>,
    mut config: Config,
    until_stdin_closes: bool,
) -> anyhow::Result<ExitCode> {
    // Each connection is a file. One too many that is accepted can be told so, and one that is not can only wait.
    let (limit, room) = room_for_connections(load::raise_file_limit());
    if room < config.limits.connections {
        let asked = std::mem::replace(&mut config.limits.connections, room);
        warn!(
            limit,
            asked,
            connections = room,
            "the system allows fewer files than --max-connections needs"
        );
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let signals = Signals::listen().context("cannot listen for signals")?;
        announce(&sockets)?;
        server::run_with(feed, sockets, config, signals.end(until_stdin_closes))
            .await
            .context("the server failed")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What ends the server.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Completes at the first signal. The second one ends the process at once.
    async fn end(mut self, until_stdin_closes: bool) {
        tokio::select! {
            _ = self.next() => {}
            () = stdin_closed(), if until_stdin_closes => {}
        }
        tokio::spawn(async move {
            let number = self.next().await;
            info!("second signal: ending at once");
            std::process::exit(128 + number);
        });
    }

    /// The number of the next signal.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.terminate.recv() => SignalKind::terminate().as_raw_value(),
            _ = self.interrupt.recv() => SignalKind::interrupt().as_raw_value(),
        }
    }
}

async fn stdin_closed() {
    // A thread that blocks in `read`: it must not keep the process from ending, so it is not one of the runtime's.
    let (closed, wait) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        drop(closed);
    });
    let _ = wait.await;
}

/// Files beside the connections: what the server needs itself, and the connections that are told that there is no place.
const FILES_BESIDE: u64 = 96;

/// The limit of files, and how many connections fit in: half of it where it is low, so that the rest is for those who are told.
fn room_for_connections(limit: u64) -> (u64, usize) {
    let room = limit.saturating_sub(FILES_BESIDE).max(limit / 2).max(1);
    (limit, usize::try_from(room).unwrap_or(usize::MAX))
}

/// The feed in its file, or one in memory.
fn open_feed(config: &Config, file: Option<PathBuf>, force: Option<KeepForce>) -> anyhow::Result<Feed> {
    let Some(file) = file else {
        if force.is_some() {
            bail!("--keep-force is about the file of --keep, and there is none");
        }
        return Ok(Feed::new(config.keep));
    };
    let storage = Storage {
        file,
        force: force.map_or(Force::Always, |KeepForce(force)| force),
        labels_for: config.publishing.remember,
        labels_at_most: config.publishing.remember_at_most,
    };
    Ok(Feed::open(config.keep, &storage)?)
}

fn open(listen: Option<&[SocketAddr]>) -> anyhow::Result<Vec<TcpListener>> {
    if let Some(addresses) = listen {
        return addresses.iter().map(|address| bind(*address)).collect();
    }
    let mut sockets = Vec::new();
    for address in DEFAULT_ADDRESSES {
        let address: SocketAddr = address.parse().expect("the default addresses are addresses");
        match bind(address) {
            // Some machines have no IPv6 at all; `localhost` is 127.0.0.1 there.
            Err(error) if address.is_ipv6() && !is_taken(&error) => warn!("no IPv6 here: {error:#}"),
            socket => sockets.push(socket?),
        }
    }
    Ok(sockets)
}

/// Refuses sockets that somebody else than this computer can reach.
fn only_here(sockets: &[TcpListener]) -> anyhow::Result<()> {
    for socket in sockets {
        let address = socket.local_addr()?;
        if !address.ip().to_canonical().is_loopback() {
            bail!(
                "--without-origin-check is for lessons on this computer alone, and {address} can be reached from others"
            );
        }
    }
    Ok(())
}

/// Opens a socket to listen on.
pub(crate) fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    server::bind(address)
        .with_context(|| format!("cannot listen on {address} (--listen chooses another address, port 0 a free one)"))
}

fn is_taken(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::AddrInUse)
}

/// One line a socket on stdout: whoever started the server reads there which port it was given, and that it is ready.
fn announce(sockets: &[TcpListener]) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    for socket in sockets {
        writeln!(stdout, "listening on http://{}", socket.local_addr()?)?;
    }
    stdout.flush()?;
    Ok(())
}
