//! From a request to the handler that answers it. The order of the checks is the order in which refusals win.

use std::net::IpAddr;
use std::rc::Rc;

use hyper::body::{Body as _, Incoming};
use hyper::header::{CONNECTION, HOST, HeaderValue, LOCATION, ORIGIN, SET_COOKIE};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode, Version};

use super::answer::{self, AnswerBody, Manner};
use super::connection::{Connection, Next};
use super::labs::{self, Matter};
use super::metrics::Answer;
use super::origin::Origin;
use super::request::{body, content_type, has_token, single};
use super::sign_in::chosen_name;
use super::specimen::{self, Waiting};
use super::transport::{asks_for_upgrade, cursor, events, question, refused_stream, upgrade};
use super::{page, publish};
use crate::protocol::{Refusal, Speaker, Transport};

/// What there is to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    Page,
    Asset(&'static page::Asset),
    SignIn,
    Me,
    Publish,
    Hear(Transport),
    Metrics,
    Health,
    Labs(labs::Matter),
}

/// Answers one request.
pub(super) async fn answer(connection: Rc<Connection>, request: Request<Incoming>) -> Response<AnswerBody> {
    let route = Route::of(request.uri().path());
    let transport = match route {
        Some(Route::Hear(transport)) => Some(transport),
        _ => None,
    };
    let (head, body) = request.into_parts();
    match handle(&connection, route, &head, body).await {
        Ok(response) => response,
        Err(refusal) => {
            let metrics = &connection.worker.server.metrics;
            metrics.refused(&refusal);
            if let Some(transport) = transport {
                metrics.answered(transport, Answer::Refused);
            }
            let streamed = transport == Some(Transport::Events);
            let streamed = streamed.then(|| refused_stream(&refusal, &head.headers)).flatten();
            streamed.unwrap_or_else(|| answer::refused(&refusal))
        }
    }
}

async fn handle(
    connection: &Connection,
    route: Option<Route>,
    head: &Parts,
    incoming: Incoming,
) -> Result<Response<AnswerBody>, Refusal> {
    let (worker, server) = (&connection.worker, &connection.worker.server);
    let query = head.uri.query().unwrap_or_default();
    let is_there = |route: &Route| !matches!(route, Route::Labs(_)) || server.desk.is_some();
    let route = route.filter(is_there).ok_or(Refusal::UnknownPath)?;
    route.check_method(&head.method)?;
    if server.draining.is_cancelled() {
        return Err(Refusal::Draining);
    }
    if let Some(refused) = &connection.refused {
        return Err(refused.clone());
    }
    let address = connection.address(&head.headers);
    if route == Route::Publish {
        publish::allow(server, address)?;
        // A cookie that is not in order has its own refusal, below.
        if let Ok(speaker) = server.sign_in.speaker(&head.headers) {
            publish::allow_visitor(server, &speaker)?;
        }
    }
    // Which of two origins it is from, or which of two sites it was sent to, nobody can say. It is refused for that, but further
    // down: who is not who they say, for one, comes first.
    let (origin, site) = (single(&head.headers, &ORIGIN), site(head));
    let is_upgrade = route == Route::Hear(Transport::Websocket) && asks_for_upgrade(head.version, &head.headers);
    if (is_upgrade || head.method == Method::POST)
        && let (Ok(origin), Ok(site)) = (&origin, &site)
    {
        check_origin(connection, route, *origin, site.as_ref())?;
    }
    let speaker = match route {
        Route::Me | Route::Publish | Route::Hear(_) => server.sign_in.speaker(&head.headers)?,
        Route::Page | Route::Asset(_) | Route::Labs(_) | Route::SignIn | Route::Metrics | Route::Health => {
            Speaker::guest()
        }
    };
    if route == Route::Hear(Transport::Websocket) && !is_upgrade {
        return Err(Refusal::UpgradeRequired);
    }
    origin?;
    let site = site?;
    match route {
        Route::Page => Ok(page::index(server.desk.is_some())),
        Route::Labs(matter) => {
            let desk = server.desk.as_ref().ok_or(Refusal::UnknownPath)?;
            labs::check_place(connection.peer(), &head.headers, site.as_ref())?;
            server.sign_in.speaker(&head.headers)?;
            let path = head.uri.path();
            match matter {
                Matter::Start => {
                    let (kind, body) = read_body(connection, head, incoming).await?;
                    labs::start(desk, path, kind, &body)
                }
                Matter::Stop => Ok(labs::stop(desk)),
                _ => labs::show(worker, desk, matter, path).await,
            }
        }
        Route::Asset(asset) => Ok(asset.answer(site.as_ref())),
        Route::Metrics => Ok(answer::whole(
            StatusCode::OK,
            "text/plain; version=0.0.4",
            server.metrics_page().await,
        )),
        Route::Health => Ok(answer::whole(StatusCode::OK, "text/plain; charset=utf-8", "ok")),
        Route::SignIn => {
            let (kind, body) = read_body(connection, head, incoming).await?;
            let name = chosen_name(kind, &body)?;
            let id = connection.settled(server.feed.next_speaker()).await;
            let speaker = Speaker::new(id.map_err(publish::refusal_of)?, name);
            Ok(signed_in(&server.sign_in.cookies(&speaker)))
        }
        Route::Me => Ok(me(&speaker)),
        Route::Publish => {
            let (kind, body) = read_body(connection, head, incoming).await?;
            let receipt = publish::post(server, &speaker, address, &head.headers, kind, &body)?;
            connection.settled(publish::answer(receipt)).await
        }
        Route::Hear(transport) => match transport {
            Transport::Poll | Transport::LongPoll => match question(worker, transport, query, &head.headers)? {
                (question, None) => Ok(cursor(worker, question)),
                (mut question, Some(after)) => {
                    if server.config.waiting != Waiting::Woken {
                        specimen::hold(worker, &mut question, after).await?;
                        connection.reads_each_question();
                    }
                    connection.answer_without_hyper(question, after, manner(head, &incoming));
                    std::future::pending().await
                }
            },
            Transport::Events => {
                let (response, opened) = events(worker, head.version, query, &head.headers)?;
                connection.go_on_with(Next::Events(opened));
                Ok(response)
            }
            Transport::Websocket => {
                // How much of a body hyper has read by now is chance: the rest of it would be taken for frames.
                if !incoming.is_end_stream() {
                    return Err(Refusal::malformed("A request for a WebSocket has no body."));
                }
                let (response, upgrade) = upgrade(worker, speaker, address, head.version, query, &head.headers)?;
                connection.go_on_with(Next::Websocket(upgrade));
                Ok(response)
            }
        },
    }
}

impl Route {
    fn of(path: &str) -> Option<Route> {
        Some(match path {
            "/" => Route::Page,
            "/signin" => Route::SignIn,
            "/me" => Route::Me,
            "/talkplace" => Route::Hear(Transport::Websocket),
            "/talkplace/poll" => Route::Hear(Transport::Poll),
            "/talkplace/long-poll" => Route::Hear(Transport::LongPoll),
            "/talkplace/events" => Route::Hear(Transport::Events),
            "/talkplace/messages" => Route::Publish,
            "/metrics" => Route::Metrics,
            "/healthz" => Route::Health,
            _ if Matter::of(path).is_some() => Route::Labs(Matter::of(path)?),
            _ => Route::Asset(page::asset(path)?),
        })
    }

    fn check_method(self, method: &Method) -> Result<(), Refusal> {
        let allow = match self {
            Route::Page | Route::Me | Route::Metrics | Route::Health => "GET, HEAD",
            Route::Asset(_) | Route::Hear(_) => "GET",
            Route::SignIn | Route::Publish => "POST",
            Route::Labs(matter) => matter.methods(),
        };
        let allowed = allow.split(", ").any(|allowed| allowed == method.as_str());
        if allowed {
            Ok(())
        } else {
            Err(Refusal::WrongMethod { allow })
        }
    }
}

/// How a poll is answered. A connection goes on behind it only where nothing else may follow the request: no body that is not read.
fn manner(head: &Parts, incoming: &Incoming) -> Manner {
    let goes_on =
        head.version == Version::HTTP_11 && !has_token(&head.headers, &CONNECTION, "close") && incoming.is_end_stream();
    Manner {
        version: head.version,
        ends: !goes_on,
    }
}

/// The site that the request was sent to: of the request line when it has one (RFC 9112, section 3.2.2), else of `Host`.
fn site(head: &Parts) -> Result<Option<Origin>, Refusal> {
    let host = single(&head.headers, &HOST)?;
    let host = match (head.uri.authority(), host) {
        (Some(authority), _) => authority.as_str(),
        (None, Some(host)) => host,
        (None, None) if head.version == Version::HTTP_11 => {
            return Err(Refusal::malformed("A request of HTTP/1.1 has a Host."));
        }
        (None, None) => return Ok(None),
    };
    // An empty Host is allowed, and names no site.
    if host.is_empty() {
        return Ok(None);
    }
    Origin::of_host(host)
        .map(Some)
        .map_err(|_| Refusal::malformed("The Host is not a host."))
}

/// Lets in who is no browser, a page of this site, and a page of an origin that is allowed.
fn check_origin(
    connection: &Connection,
    route: Route,
    origin: Option<&str>,
    site: Option<&Origin>,
) -> Result<(), Refusal> {
    let Some(origin) = origin else { return Ok(()) };
    let origin: Origin = origin.parse().map_err(|_| Refusal::OtherOrigin)?;
    let config = &connection.worker.server.config;
    let own = Some(&origin) == site;
    // Who starts a lab starts a program: that is never part of the lesson.
    let is_here = connection.peer().to_canonical().is_loopback() && !matches!(route, Route::Labs(_));
    let is_lesson = !config.check_origin && is_here;
    if own || is_lesson || config.origins.contains(&origin) {
        Ok(())
    } else {
        Err(Refusal::OtherOrigin)
    }
}

async fn read_body(
    connection: &Connection,
    head: &Parts,
    incoming: Incoming,
) -> Result<(Option<super::request::ContentType>, bytes::Bytes), Refusal> {
    let config = &connection.worker.server.config;
    let kind = content_type(&head.headers)?;
    let max_text = config.publishing.max_text;
    let patience = config.limits.body_timeout;
    let whole = connection
        .settled(body(incoming, publish::max_body(max_text), max_text, patience))
        .await?;
    Ok((kind, whole))
}

fn me(speaker: &Speaker) -> Response<AnswerBody> {
    answer::json(
        StatusCode::OK,
        serde_json::to_vec(speaker).expect("a speaker is always JSON"),
    )
}

fn signed_in(cookies: &[String]) -> Response<AnswerBody> {
    let mut response = answer::empty(StatusCode::FOUND);
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::from_static("/"));
    for cookie in cookies {
        headers.append(
            SET_COOKIE,
            HeaderValue::try_from(cookie).expect("base64 is a header value"),
        );
    }
    response
}

/// The address that a visitor speaks from.
pub(super) fn forwarded_for(headers: &hyper::HeaderMap) -> Option<IpAddr> {
    // Each proxy appends who it was asked by: only the last entry is one that our own proxy has seen.
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}
