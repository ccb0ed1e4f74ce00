//! The server, spoken to in bytes.

mod again;
mod answers;
mod drain;
mod events;
mod holding;
pub(crate) mod http;
mod identity;
pub(crate) mod labs;
mod limits;
mod malformed;
mod metrics;
mod polling;
mod properties;
mod publishing;
mod refusals;
mod rfc6455;
mod routes;
mod specimens;
pub(crate) mod websocket;

use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;
use std::thread::JoinHandle;

use talkplace::server::{Config, bind, run};
use tokio::sync::oneshot;

use http::{Answer, Client};

/// A server of its own for one test, on a port that the system chose. Ends with the test.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    shutdown: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Server::with(|_| {})
    }

    pub(crate) fn with(set: impl FnOnce(&mut Config)) -> Self {
        Server::serve(bind("127.0.0.1:0".parse().unwrap()).unwrap(), set)
    }

    /// A server where another one was. Somebody else may hold its port for a moment.
    pub(crate) fn again(address: SocketAddr) -> Self {
        let socket = (0..1_000).find_map(|_| {
            let socket = bind(address).ok();
            if socket.is_none() {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            socket
        });
        Server::serve(socket.expect("the port is free again"), |_| {})
    }

    fn serve(socket: TcpListener, set: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config {
            workers: 2,
            ..Config::default()
        };
        set(&mut config);
        let address = socket.local_addr().unwrap();
        let (shutdown, told) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let told = async { told.await.unwrap_or(()) };
            runtime.block_on(run(vec![socket], config, told)).unwrap();
        });
        Server {
            address,
            shutdown: Some(shutdown),
            thread: Some(thread),
        }
    }

    fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// One request on a connection of its own.
    fn get(&self, target: &str) -> Answer {
        self.client().get(target)
    }

    /// Says something as a guest; gives the id.
    pub(crate) fn say(&self, text: &str) -> String {
        let answer = self.client().post("/talkplace/messages", "text/plain", text.as_bytes());
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// The cursor of the end.
    fn cursor(&self) -> String {
        self.get("/talkplace/poll").json()["next"].as_str().unwrap().to_owned()
    }

    /// Waits until the metric has this value: for what a test cannot see from outside.
    fn wait_for(&self, metric: &str, value: &str) {
        let line = format!("{metric} {value}");
        let found = (0..1_000).any(|_| {
            let page = self.get("/metrics").text();
            let found = page.lines().any(|each| each == line);
            if !found {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            found
        });
        assert!(found, "{line} never came");
    }

    /// Begins to shut down; what is given hears when the server has ended.
    pub(crate) fn shut_down(&mut self) -> mpsc::Receiver<()> {
        self.shutdown.take().unwrap().send(()).unwrap();
        let thread = self.thread.take().unwrap();
        let (ended, wait) = mpsc::channel();
        std::thread::spawn(move || {
            thread.join().unwrap();
            ended.send(()).unwrap();
        });
        wait
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.shutdown.take());
        // A server that still has connections drains; the test need not wait for that.
        drop(self.thread.take());
    }
}
