//! The labs in the browser: their texts, their runs and reports, and a run started from a form.
//!
//! Only for whoever sits at this computer: a run takes all of it for a minute.

mod desk;
mod files;
mod page;
mod progress;

use std::net::IpAddr;
use std::path::PathBuf;

use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderValue, LOCATION};
use hyper::{Response, StatusCode};
use serde::Serialize;

use super::answer::{self, AnswerBody};
use super::origin::Origin;
use super::page::secure_page;
use super::request::ContentType;
use super::worker::Worker;
use crate::protocol::Refusal;
pub(super) use desk::Desk;
pub(super) use progress::Progress;

/// The labs that can be read and run in a browser.
#[derive(Debug, Clone)]
pub struct Labs {
    /// Where the folders of runs are kept, `LAB/RUN`.
    pub reports: PathBuf,
    /// The program that a run is started with: `PROGRAM run LAB`.
    pub program: PathBuf,
    /// The labs, in the order in which they are best done.
    pub labs: Vec<Lab>,
}

/// One lab.
#[derive(Debug, Clone, Serialize)]
pub struct Lab {
    /// Its folder, `NN-name`.
    pub folder: String,
    /// Its name, by which it is run and its runs are filed.
    pub name: String,
    /// What it is called.
    pub title: String,
    /// The one question that it answers.
    pub question: String,
    /// Its chapter, in Markdown.
    pub text: String,
    /// What can be turned.
    pub knobs: Vec<Knob>,
}

/// Something that can be turned for a run.
#[derive(Debug, Clone, Serialize)]
pub struct Knob {
    /// Its name, as in a scenario.
    pub key: String,
    /// One line about it.
    pub help: String,
    /// Its value in the lab's scenario.
    pub value: String,
    /// Its value in the lab's short form.
    pub quick: String,
}

/// A page or a file that is there.
struct Found {
    content_type: &'static str,
    bytes: Vec<u8>,
    /// What a browser may do with it, where that is less than with a page of the server's own.
    policy: Option<String>,
}

/// What there is to ask for, below `/labs/` and `/reports/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Matter {
    /// `/labs/` and `/labs/NN-name/`
    Page,
    /// `/labs/NN-name/runs`
    Start,
    /// `/labs/stop`
    Stop,
    /// `/labs/events`
    Events,
    /// `/reports/LAB/RUN/FILE`
    File,
}

impl Matter {
    pub(super) fn of(path: &str) -> Option<Matter> {
        if path.starts_with("/reports/") {
            return Some(Matter::File);
        }
        let rest = path.strip_prefix("/labs/")?;
        Some(match rest {
            "stop" => Matter::Stop,
            "events" => Matter::Events,
            _ if rest.ends_with("/runs") => Matter::Start,
            _ => Matter::Page,
        })
    }

    /// The value of `Allow`.
    pub(super) fn methods(self) -> &'static str {
        match self {
            Matter::Page | Matter::File => "GET, HEAD",
            Matter::Events => "GET",
            Matter::Start | Matter::Stop => "POST",
        }
    }
}

/// Lets in who comes from this computer, to this computer by one of its own names. A page elsewhere may have a name that leads
/// here (DNS rebinding), and would then be of the same origin.
///
/// # Errors
/// [`Refusal::NotFromHere`] for everybody else.
pub(super) fn check_place(peer: IpAddr, headers: &HeaderMap, site: Option<&Origin>) -> Result<(), Refusal> {
    let is_local_name = match site {
        Some(Origin::Site { host, .. }) => ["localhost", "127.0.0.1", "[::1]"].contains(&host.as_str()),
        _ => false,
    };
    let is_forwarded = ["forwarded", "x-forwarded-for", "via"]
        .iter()
        .any(|name| headers.contains_key(*name));
    if peer.to_canonical().is_loopback() && is_local_name && !is_forwarded {
        Ok(())
    } else {
        Err(Refusal::NotFromHere)
    }
}

/// Answers a GET.
pub(super) async fn show(
    worker: &Worker,
    desk: &Desk,
    matter: Matter,
    path: &str,
) -> Result<Response<AnswerBody>, Refusal> {
    if matter == Matter::Events {
        return Ok(progress::events(worker, desk));
    }
    let (labs, path) = (desk.labs(), path.to_owned());
    // Files are read where waiting for the disk keeps nobody else waiting.
    let read = tokio::task::spawn_blocking(move || match matter {
        Matter::File => files::report(&labs.reports, &path),
        _ => page::page(&labs, &path),
    });
    let found = read.await.ok().flatten().ok_or(Refusal::UnknownPath)?;
    let mut response = answer::whole(StatusCode::OK, found.content_type, found.bytes);
    let headers = response.headers_mut();
    secure_page(headers);
    if let Some(policy) = found.policy.and_then(|policy| HeaderValue::try_from(policy).ok()) {
        headers.insert("content-security-policy", policy);
    }
    Ok(response)
}

/// Starts a run of the lab in the path, with the knobs of the form.
pub(super) fn start(
    desk: &Desk,
    path: &str,
    kind: Option<ContentType>,
    body: &Bytes,
) -> Result<Response<AnswerBody>, Refusal> {
    let labs = desk.labs();
    let folder = path.strip_prefix("/labs/").and_then(|rest| rest.strip_suffix("/runs"));
    let lab = labs.labs.iter().find(|lab| Some(lab.folder.as_str()) == folder);
    let lab = lab.ok_or(Refusal::UnknownPath)?;
    if kind != Some(ContentType::Form) {
        return Err(Refusal::UnsupportedType("A run is started by a form."));
    }
    let fields = form_urlencoded::parse(body).into_owned().collect::<Vec<_>>();
    desk.start(lab, &fields)?;
    Ok(back_to(&format!("/labs/{}/", lab.folder)))
}

/// Stops the run that is under way, as ctrl-C would.
pub(super) fn stop(desk: &Desk) -> Response<AnswerBody> {
    desk.stop();
    back_to("/labs/")
}

/// For a browser without scripts; one with scripts does not follow it.
fn back_to(path: &str) -> Response<AnswerBody> {
    let mut response = answer::empty(StatusCode::SEE_OTHER);
    let path = HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static("/labs/"));
    response.headers_mut().insert(LOCATION, path);
    response
}
