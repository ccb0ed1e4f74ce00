//! hyper and tokio, and nothing of a chat: what is left of the floor once a library reads the requests and tasks are woken.
//!
//! It answers as the floor does, whatever is asked: every connection is a task of one thread, a poll that waits is a future in hyper,
//! an event stream a body. It is what talkplace would be if it had nothing to do, and did it all through hyper.

use std::cell::Cell;
use std::convert::Infallible;
use std::io::{self, Write as _};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, UPGRADE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::wire::{Prepared, SPOKEN};

type Body = UnsyncBoxBody<Bytes, Infallible>;

struct Bare {
    said: watch::Sender<usize>,
    event: Bytes,
    batch: Bytes,
    cursor: Bytes,
}

/// Serves on a port of its own, prints where, and ends with its stdin, as the real server does.
pub(crate) fn serve() -> io::Result<()> {
    std::thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(Default::default())?;
    runtime.block_on(async {
        let socket = TcpListener::bind("127.0.0.1:0").await?;
        writeln!(io::stdout(), "listening on {}", socket.local_addr()?)?;
        let prepared = Prepared::new();
        let bare = Arc::new(Bare {
            said: watch::Sender::new(0),
            event: prepared.event_alone.into(),
            batch: prepared.batch_alone.into(),
            cursor: Bytes::from_static(prepared.first_alone),
        });
        loop {
            let (stream, _) = socket.accept().await?;
            stream.set_nodelay(true)?;
            tokio::task::spawn_local(connection(Arc::clone(&bare), stream));
        }
    })
}

async fn connection(bare: Arc<Bare>, stream: TcpStream) {
    let speaks = Cell::new(false);
    let service = service_fn(|request| {
        speaks.set(request.uri().path() == "/talkplace");
        Box::pin(answer(Arc::clone(&bare), request))
    });
    let http = http1::Builder::new()
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service);
    let Ok(parts) = http.without_shutdown().await else {
        return;
    };
    let mut stream = parts.io.into_inner();
    let mut buffer = vec![0; 64 * 1024];
    while speaks.get()
        && let Ok(taken @ 1..) = stream.read(&mut buffer).await
    {
        bare.said.send_modify(|said| *said += taken / SPOKEN);
    }
}

async fn answer(bare: Arc<Bare>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let has_cursor = request.uri().query().is_some();
    Ok(match request.uri().path() {
        "/talkplace/poll" if has_cursor => {
            let mut response = json(Bytes::new());
            *response.status_mut() = StatusCode::NO_CONTENT;
            *response.body_mut() = Empty::new().boxed_unsync();
            response.headers_mut().remove(CONTENT_TYPE);
            response
        }
        "/talkplace/long-poll" if has_cursor => {
            let mut said = bare.said.subscribe();
            let _ = said.changed().await;
            json(bare.batch.clone())
        }
        "/talkplace/events" => {
            let said = bare.said.subscribe();
            let events = stream::unfold((bare, said, 0), |(bare, mut said, mut left)| async move {
                if left == 0 {
                    let before = *said.borrow();
                    said.changed().await.ok()?;
                    left = *said.borrow() - before;
                }
                let event = Frame::data(bare.event.clone());
                Some((Ok(event), (bare, said, left - 1)))
            });
            let mut response = Response::new(StreamBody::new(events).boxed_unsync());
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, "text/event-stream".parse().expect("a header's value"));
            headers.insert(CACHE_CONTROL, "no-store".parse().expect("a header's value"));
            response
        }
        "/talkplace" => {
            let mut response = Response::new(Empty::new().boxed_unsync());
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            let headers = response.headers_mut();
            headers.insert(CONNECTION, "upgrade".parse().expect("a header's value"));
            headers.insert(UPGRADE, "websocket".parse().expect("a header's value"));
            response
        }
        _ => json(bare.cursor.clone()),
    })
}

fn json(body: Bytes) -> Response<Body> {
    let mut response = Response::new(Full::new(body).boxed_unsync());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, "application/json".parse().expect("a header's value"));
    headers.insert(CACHE_CONTROL, "no-store".parse().expect("a header's value"));
    response
}
