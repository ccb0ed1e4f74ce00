//! A page of another origin that would like to speak in the visitor's name: what the attack of the lab plays, in a real browser.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use serde_json::json;
use talkplace::server::SigningKey;

use super::Visitor;
use crate::server::Server;

/// The lab's page, served from another port of the same host.
fn evil() -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let page = include_str!("../../../labs/09-who-is-there/evil.html");
        for mut stream in socket.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n",
                page.len()
            );
            let _ = stream.write_all(format!("{head}Connection: close\r\n\r\n{page}").as_bytes());
        }
    });
    address
}

#[test]
#[ignore = "needs chromium"]
fn a_page_from_elsewhere_speaks_only_where_its_origin_is_not_checked() {
    // A cookie knows no ports: both servers get Alice's, and both believe it.
    let server = |check_origin| {
        Server::with(|config| {
            config.signing_key = Some(SigningKey::new(vec![7; 32]).unwrap());
            config.check_origin = check_origin;
        })
    };
    let (checks, does_not) = (server(true), server(false));
    let evil = evil();
    let visitor = Visitor::of(&checks);
    visitor.sign_in("Alice");
    for (server, outcome) in [
        (&checks, "The server did not let this page in."),
        (&does_not, "Said, in your name. Look at the chat."),
    ] {
        visitor.browser.open(&format!("http://{evil}/?{}", server.address));
        visitor.browser.wait(
            "document.querySelector('#outcome').textContent === arguments[0]",
            json!(outcome),
        );
    }
    visitor.open(&does_not, "/");
    let said = &visitor.messages(1)[0];
    assert_eq!(
        (&said["by"], &said["text"]),
        (&json!("Alice"), &json!("I owe Mallory a dinner."))
    );
    assert!(!server_has_messages(&checks));
}

fn server_has_messages(server: &Server) -> bool {
    let mut client = crate::server::http::Client::connect(server.address);
    client.get("/talkplace/poll?after=0").status == 200
}
