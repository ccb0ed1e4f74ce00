//! The script: who is on stage, and what they do, in order.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::wire::{Answer, Connection, text_frame};
use super::{AttackError, Crossing, Outcome, Step};

/// What the attacker would like Alice to say.
const WORDS: &str = "I owe Mallory a dinner.";
/// Where the attacker's page is.
const PORT_OF_THE_PAGE: u16 = 4000;

/// The key of RFC 6455's own example: what is in it does not matter here.
const UPGRADE: &str =
    "Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";

type Act = fn(&mut Stage) -> Result<Step, AttackError>;

/// All that happens, in order.
pub(super) const ACTS: &[Act] = &[
    two_sign_in,
    base64_is_read,
    a_cookie_is_forged,
    the_signature_is_left_out,
    a_forged_cookie_speaks,
    a_forged_cookie_upgrades,
    a_page_from_elsewhere_upgrades,
    a_page_from_elsewhere_posts,
    the_own_page_upgrades,
    a_program_upgrades,
];

/// Where it happens, and what is known so far.
pub(super) struct Stage {
    server: SocketAddr,
    /// Alice's, which only her browser and the server know.
    alice: String,
    /// Mallory's own.
    mallory: String,
    /// What Mallory has made of it.
    forged: String,
}

impl Stage {
    pub(super) fn new(server: SocketAddr) -> Self {
        Stage {
            server,
            alice: String::new(),
            mallory: String::new(),
            forged: String::new(),
        }
    }

    /// A page on another port of this very host. To a browser that is the same *site*, so `SameSite=Lax` keeps no cookie back, and
    /// another *origin*.
    fn elsewhere(&self) -> String {
        format!("http://{}", SocketAddr::new(self.server.ip(), PORT_OF_THE_PAGE))
    }

    /// One request on a connection of its own, and its answer.
    fn ask(&self, step: &mut Step, lines: &[&str], body: &str) -> Result<Answer, AttackError> {
        self.talk(step, lines, body).map(|(_, answer)| answer)
    }

    fn talk(&self, step: &mut Step, lines: &[&str], body: &str) -> Result<(Connection, Answer), AttackError> {
        let mut head: Vec<String> = lines
            .iter()
            .flat_map(|lines| lines.lines())
            .map(str::to_owned)
            .collect();
        head.insert(1, format!("Host: {}", self.server));
        if !body.is_empty() {
            head.push(format!("Content-Length: {}", body.len()));
        }
        let silent = |source| AttackError::Silent {
            server: self.server,
            source,
        };
        let text = format!("{}\r\n\r\n{body}", head.join("\r\n"));
        let mut connection = Connection::open(self.server).map_err(silent)?;
        connection.send(text.as_bytes()).map_err(silent)?;
        step.wire.push(Crossing::Request(text.replace('\r', "")));
        let answer = connection.answer().map_err(silent)?;
        step.wire.push(Crossing::Answer(answer.clone()));
        Ok((connection, answer))
    }

    /// A cookie line.
    fn cookie(cookies: &str) -> String {
        format!("Cookie: {cookies}")
    }

    /// Whether the feed has Alice saying what she never said, and how it says so.
    fn was_said(&self, step: &mut Step) -> Result<Option<String>, AttackError> {
        let answer = self.ask(step, &["GET /talkplace/poll?after=0&limit=1000 HTTP/1.1"], "")?;
        let batch: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let messages = batch["messages"].as_array().cloned().unwrap_or_default();
        let hers = messages
            .iter()
            .any(|message| message["text"] == WORDS && message["from"]["name"] == "Alice");
        Ok(hers.then(|| format!("In the feed stands: Alice says “{WORDS}” She never did.")))
    }

    fn not_ours(&self, what: &str) -> AttackError {
        AttackError::NotOurs {
            server: self.server,
            what: what.to_owned(),
        }
    }
}

fn step(title: &'static str, idea: impl Into<String>) -> Step {
    Step {
        title,
        idea: idea.into(),
        ..Step::default()
    }
}

fn two_sign_in(stage: &mut Stage) -> Result<Step, AttackError> {
    let mut step = step(
        "Two people sign in",
        "Alice does, and Mallory, who would like to be Alice.",
    );
    let form = "Content-Type: application/x-www-form-urlencoded";
    for name in ["Alice", "Mallory"] {
        let answer = stage.ask(&mut step, &["POST /signin HTTP/1.1", form], &format!("name={name}"))?;
        let cookies = answer.cookies();
        if !cookies.starts_with("name=") {
            return Err(stage.not_ours("POST /signin sets no cookie `name`"));
        }
        *(if name == "Alice" {
            &mut stage.alice
        } else {
            &mut stage.mallory
        }) = cookies;
    }
    step.outcome = Outcome::Seen("Alice’s cookie goes to Alice’s browser, Mallory’s to his.".to_owned());
    Ok(step)
}

/// The value of the cookie `name` among these.
fn name_of(cookies: &str) -> &str {
    let value = cookies.strip_prefix("name=").unwrap_or_default();
    value.split(';').next().unwrap_or_default()
}

fn base64_is_read(stage: &mut Stage) -> Result<Step, AttackError> {
    let mut step = step(
        "Base64 is an alphabet, and no lock",
        "Mallory looks at his own cookie. No key is needed to read it, and none to write another: echo … | base64 -d.",
    );
    let read = |cookies: &str| {
        let json = STANDARD.decode(name_of(cookies)).ok();
        json.and_then(|json| String::from_utf8(json).ok())
            .ok_or_else(|| stage.not_ours("the cookie `name` is not base64 of a text"))
    };
    // He has not seen her cookie, but who she is stands in every message of hers.
    let (own, hers) = (read(&stage.mallory)?, read(&stage.alice)?);
    let forged = STANDARD.encode(&hers);
    step.outcome = Outcome::Seen(format!(
        "{} is\n{own}\nHe would like it to be\n{hers}\nand writes\n{forged}",
        name_of(&stage.mallory)
    ));
    stage.forged = forged;
    Ok(step)
}

/// Mallory's own signature, behind what he has written himself.
fn forged(stage: &Stage) -> String {
    let own = stage.mallory.split_once("; ").map_or("", |(_, signature)| signature);
    format!("name={}; {own}", stage.forged)
}

fn a_cookie_is_forged(stage: &mut Stage) -> Result<Step, AttackError> {
    let mut step = step(
        "Forge the cookie",
        "He sends what he has written, with the signature of his own cookie behind it, and asks who he is.",
    );
    let cookie = Stage::cookie(&forged(stage));
    let answer = stage.ask(&mut step, &["GET /me HTTP/1.1", &cookie], "")?;
    step.outcome = refused_401(
        &answer,
        "The signature is of another value. Whoever does not have the server’s key cannot make the right one. Both cookies are taken back \
         (Max-Age=0), so that an honest visitor whose cookie has gone bad can sign in anew.",
        "The server takes Mallory for Alice.",
    );
    Ok(step)
}

fn the_signature_is_left_out(stage: &mut Stage) -> Result<Step, AttackError> {
    let mut step = step(
        "Leave the signature out",
        "Perhaps the server only looks at a signature that is there.",
    );
    let cookie = Stage::cookie(&format!("name={}", stage.forged));
    let answer = stage.ask(&mut step, &["GET /me HTTP/1.1", &cookie], "")?;
    step.outcome = refused_401(
        &answer,
        "A name without a signature is nobody’s.",
        "The server takes Mallory for Alice: to leave the signature out was enough.",
    );
    Ok(step)
}

fn refused_401(answer: &Answer, held: &str, broken: &str) -> Outcome {
    if answer.status == 401 {
        Outcome::Held(held.to_owned())
    } else if answer.status == 200 && answer.body.contains("Alice") {
        Outcome::Broken(broken.to_owned())
    } else {
        Outcome::Broken(format!(
            "The contract has 401 for it, and the server said {}.",
            answer.status
        ))
    }
}

fn a_forged_cookie_speaks(stage: &mut Stage) -> Result<Step, AttackError> {
    let mut step = step(
        "Speak with it",
        "Who posts is who the cookie says: it must be looked at there, too.",
    );
    let cookie = Stage::cookie(&forged(stage));
    let lines = ["POST /talkplace/messages HTTP/1.1", "Content-Type: text/plain", &cookie];
    let answer = stage.ask(&mut step, &lines, WORDS)?;
    step.outcome = judged(stage, &mut step, &answer, 401, "Nothing was said.")?;
    Ok(step)
}

fn a_forged_cookie_upgrades(stage: &mut Stage) -> Result<Step, AttackError> {
    let mut step = step(
        "Upgrade with it",
        "A WebSocket’s identity is read once, from the cookie of its upgrade. What is missed there is missed for as long as it is open.",
    );
    let cookie = Stage::cookie(&forged(stage));
    let (connection, answer) = stage.talk(&mut step, &["GET /talkplace HTTP/1.1", UPGRADE, &cookie], "")?;
    speak(stage, &mut step, connection, &answer)?;
    step.outcome = judged(stage, &mut step, &answer, 401, "It was refused before the upgrade.")?;
    Ok(step)
}

fn a_page_from_elsewhere_upgrades(stage: &mut Stage) -> Result<Step, AttackError> {
    let origin = stage.elsewhere();
    let mut step = step(
        "A page from elsewhere opens a WebSocket",
        format!(
            "Now nothing is forged. Alice is signed in, and looks at a page of Mallory’s, {origin}. Its script opens a WebSocket to this server, and \
             her browser adds her cookie: WebSockets know no same-origin policy, and SameSite=Lax does not count ports. Only the browser’s own word \
             says where the script comes from: Origin."
        ),
    );
    let (origin, cookie) = (format!("Origin: {origin}"), Stage::cookie(&stage.alice));
    let lines = ["GET /talkplace HTTP/1.1", UPGRADE, &origin, &cookie];
    let (connection, answer) = stage.talk(&mut step, &lines, "")?;
    speak(stage, &mut step, connection, &answer)?;
    step.outcome = judged(
        stage,
        &mut step,
        &answer,
        403,
        "Origin is not the address that the request was sent to. A script cannot set it: it is the browser’s.",
    )?;
    Ok(step)
}

fn a_page_from_elsewhere_posts(stage: &mut Stage) -> Result<Step, AttackError> {
    let origin = stage.elsewhere();
    let mut step = step(
        "The same page posts",
        "A post of text/plain needs no leave beforehand (no preflight): the browser sends it, and only keeps the answer from the script.",
    );
    let lines = [
        "POST /talkplace/messages HTTP/1.1",
        "Content-Type: text/plain",
        &format!("Origin: {origin}"),
        &Stage::cookie(&stage.alice),
    ];
    let answer = stage.ask(&mut step, &lines, WORDS)?;
    step.outcome = judged(stage, &mut step, &answer, 403, "Nothing was said.")?;
    Ok(step)
}

/// Where an upgrade was granted, it is made use of.
fn speak(stage: &Stage, step: &mut Step, mut connection: Connection, answer: &Answer) -> Result<(), AttackError> {
    if answer.status != 101 {
        return Ok(());
    }
    let frame = text_frame(WORDS);
    let silent = |source| AttackError::Silent {
        server: stage.server,
        source,
    };
    connection.send(&frame).map_err(silent)?;
    step.wire.push(Crossing::Frame(frame, WORDS.to_owned()));
    // The server says it to everybody, this listener too; by then it is in the feed.
    connection.heard().map_err(silent)
}

/// Held when it was refused with the status of the contract and nothing was said in Alice's name.
fn judged(stage: &Stage, step: &mut Step, answer: &Answer, status: u16, held: &str) -> Result<Outcome, AttackError> {
    if answer.status == status {
        return Ok(Outcome::Held(held.to_owned()));
    }
    Ok(Outcome::Broken(match stage.was_said(step)? {
        Some(said) => said,
        None => format!(
            "The contract has {status} for it, and the server said {}.",
            answer.status
        ),
    }))
}

fn the_own_page_upgrades(stage: &mut Stage) -> Result<Step, AttackError> {
    let mut step = step(
        "The server’s own page opens a WebSocket",
        "A server that refuses everybody holds, too. This one has to let Alice’s own page in.",
    );
    let origin = format!("Origin: http://{}", stage.server);
    let cookie = Stage::cookie(&stage.alice);
    let answer = stage.ask(&mut step, &["GET /talkplace HTTP/1.1", UPGRADE, &origin, &cookie], "")?;
    step.outcome = let_in(&answer, "Origin and Host are the same.");
    Ok(step)
}

fn a_program_upgrades(stage: &mut Stage) -> Result<Step, AttackError> {
    let mut step = step(
        "A program opens a WebSocket",
        "What is no browser sends no Origin. It may lie about everything, and has nobody’s cookie but its own.",
    );
    let answer = stage.ask(&mut step, &["GET /talkplace HTTP/1.1", UPGRADE], "")?;
    step.outcome = let_in(
        &answer,
        "It is a guest. The check protects visitors from pages that they have open, and not the server from programs.",
    );
    Ok(step)
}

fn let_in(answer: &Answer, held: &str) -> Outcome {
    match answer.status {
        101 => Outcome::Held(held.to_owned()),
        status => Outcome::Broken(format!("It should have been let in, and was answered {status}.")),
    }
}
