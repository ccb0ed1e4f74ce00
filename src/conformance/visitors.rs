//! Who is there: signing in, the cookie and its signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::rule::section::{REFUSALS, REQUESTS};
use super::rule::{Found, Rule, now};
use super::stranger::{Field, MESSAGES, PLAIN};
use super::talk::Answer;
use super::{Fault, Stranger};

pub(super) const RULES: &[Rule] = &[
    now(
        "sign-in.form",
        REQUESTS,
        "signing in with a form is 302 to `/`, with the cookies `name` and `name.sig`",
        form,
    ),
    now("sign-in.json", REQUESTS, "so it is with JSON", with_json),
    now(
        "sign-in.attributes",
        REQUESTS,
        "both cookies are `HttpOnly; SameSite=Lax; Path=/`",
        attributes,
    ),
    now(
        "sign-in.ids",
        REQUESTS,
        "ids count up, and the image is the id mod 10",
        ids,
    ),
    now(
        "sign-in.nameless",
        REQUESTS,
        "who gives no name, or a blank one, is 路人甲",
        nameless,
    ),
    now(
        "sign-in.trimmed",
        REQUESTS,
        "a name is without white space at its ends",
        trimmed,
    ),
    now(
        "sign-in.name",
        REQUESTS,
        "a name has up to 64 characters, none of them for control; else 400",
        name,
    ),
    now(
        "sign-in.malformed",
        REFUSALS,
        "a body that is no form and no JSON is 400, of another type 415",
        malformed,
    ),
    now("me.visitor", REQUESTS, "`/me` is who the cookie says", me),
    now("me.guest", REQUESTS, "without one it is the guest", guest),
    now(
        "me.speaks",
        REQUESTS,
        "what a visitor posts carries who has said it",
        speaks,
    ),
    now(
        "me.websocket",
        REQUESTS,
        "so does what is said on a WebSocket: its upgrade has the cookie",
        speaks_on_websocket,
    ),
    now(
        "signature.forged",
        REFUSALS,
        "a cookie without its signature, or with another one, is 401",
        forged,
    ),
    now(
        "signature.expired",
        REFUSALS,
        "and both cookies are expired with it",
        expired,
    ),
    now(
        "signature.websocket",
        REFUSALS,
        "it is 401 before the upgrade",
        forged_websocket,
    ),
    now(
        "signature.elsewhere",
        REFUSALS,
        "other paths do not read the cookie, so that nobody is locked out",
        elsewhere,
    ),
    now("signature.alone", REFUSALS, "a signature alone is passed over", alone),
    now("signature.repeated", REFUSALS, "two cookies `name` are 400", repeated),
];

const FORM: Field<'static> = ("Content-Type", "application/x-www-form-urlencoded");
const JSON: Field<'static> = ("Content-Type", "application/json");

/// Somebody who has signed in.
pub(super) struct Visitor {
    /// The value of `Cookie`.
    pub(super) cookie: String,
    name_cookie: String,
    signature_cookie: String,
    who: Value,
}

impl Visitor {
    /// Signs in, for rules about visitors.
    pub(super) fn new(server: &Stranger, name: &str) -> Result<Visitor, Fault> {
        let body = format!("name={name}");
        let answer = server
            .post("/signin", &[FORM], body.as_bytes())
            .map_err(Fault::in_the_way)?;
        Visitor::of(&answer).map_err(Fault::in_the_way)
    }

    /// Whom an answer has signed in.
    fn of(answer: &Answer) -> Result<Visitor, Fault> {
        answer.must_be(302)?;
        let cookie = |name: &str| {
            let mut cookies = answer.fields_named("set-cookie");
            let value = cookies.find_map(|cookie| cookie.split(';').next()?.strip_prefix(&format!("{name}=")));
            let value = value.filter(|value| !value.is_empty());
            value
                .map(str::to_owned)
                .ok_or_else(|| answer.broken(format!("a cookie {name}")))
        };
        let (name, signature) = (cookie("name")?, cookie("name.sig")?);
        let who = STANDARD
            .decode(&name)
            .ok()
            .and_then(|json| serde_json::from_slice(&json).ok());
        let who: Value =
            who.ok_or_else(|| answer.broken("a cookie name with base64 of {\"id\",\"name\",\"image\"}"))?;
        let is_somebody = who["id"].is_u64() && who["name"].is_string() && who["image"].is_u64();
        answer.must(is_somebody, "a cookie name with base64 of {\"id\",\"name\",\"image\"}")?;
        Ok(Visitor {
            cookie: format!("name={name}; name.sig={signature}"),
            name_cookie: format!("name={name}"),
            signature_cookie: format!("name.sig={signature}"),
            who,
        })
    }

    /// The same person with another image, and the signature of before.
    fn forged(&self) -> String {
        let mut who = self.who.clone();
        who["id"] = json!(1_000_000);
        format!("name={}; {}", STANDARD.encode(who.to_string()), self.signature_cookie)
    }
}

fn sign_in(server: &Stranger, fields: &[Field], body: &str) -> Result<(Answer, Visitor), Fault> {
    let answer = server.post("/signin", fields, body.as_bytes())?;
    let visitor = Visitor::of(&answer)?;
    Ok((answer, visitor))
}

fn form(server: &Stranger) -> Found {
    let (answer, visitor) = sign_in(server, &[FORM], "name=%E6%9D%8E+%E9%9B%B7")?;
    answer.must_have("location", "/")?;
    answer.must(visitor.who["name"] == "李 雷", "a cookie for 李 雷")
}

fn with_json(server: &Stranger) -> Found {
    let (answer, visitor) = sign_in(server, &[JSON], r#"{"name":"\u674e 雷"}"#)?;
    answer.must_have("location", "/")?;
    answer.must(visitor.who["name"] == "李 雷", "a cookie for 李 雷")
}

fn attributes(server: &Stranger) -> Found {
    let (answer, _) = sign_in(server, &[FORM], "name=check")?;
    for cookie in answer
        .fields_named("set-cookie")
        .filter(|cookie| cookie.starts_with("name"))
    {
        let attributes: Vec<String> = cookie.split(';').map(|part| part.trim().to_ascii_lowercase()).collect();
        let has_all = ["httponly", "samesite=lax", "path=/"]
            .iter()
            .all(|one| attributes.iter().any(|there| there == one));
        if !has_all {
            return Err(Fault::broken("POST /signin", cookie, "HttpOnly; SameSite=Lax; Path=/"));
        }
    }
    Ok(())
}

fn ids(server: &Stranger) -> Found {
    let (_, first) = sign_in(server, &[FORM], "name=check")?;
    let (answer, second) = sign_in(server, &[FORM], "name=check")?;
    let [before, after] = [&first, &second].map(|visitor| visitor.who["id"].as_u64().unwrap_or_default());
    answer.must(after > before && before > 0, format!("an id above {before}"))?;
    answer.must(second.who["image"] == after % 10, format!("the image {}", after % 10))
}

fn nameless(server: &Stranger) -> Found {
    for (fields, body) in [
        (&[FORM][..], "name="),
        (&[FORM], "name=%E3%80%80+%09"),
        (&[FORM], "colour=red"),
        (&[JSON], "{}"),
        (&[], ""),
    ] {
        let (answer, visitor) = sign_in(server, fields, body)?;
        answer.must(visitor.who["name"] == "路人甲", "a cookie for 路人甲")?;
    }
    Ok(())
}

fn trimmed(server: &Stranger) -> Found {
    let (answer, visitor) = sign_in(server, &[FORM], "name=%E3%80%80+check+%E3%80%80")?;
    answer.must(visitor.who["name"] == "check", "a cookie for \"check\"")
}

fn name(server: &Stranger) -> Found {
    let (answer, visitor) = sign_in(server, &[FORM], &format!("name={}", "%E8%B7%AF".repeat(64)))?;
    answer.must(
        visitor.who["name"] == "路".repeat(64),
        "a cookie for a name of 64 characters",
    )?;
    for name in [&"n".repeat(65)[..], "a%07b", "a%0Ab", "%C3%28"] {
        server
            .post("/signin", &[FORM], format!("name={name}").as_bytes())?
            .must_refuse(400)?;
    }
    Ok(())
}

fn malformed(server: &Stranger) -> Found {
    for body in ["{", "[]", "[\"check\"]", r#"{"name":7}"#] {
        server.post("/signin", &[JSON], body.as_bytes())?.must_refuse(400)?;
    }
    server.post("/signin", &[FORM], b"name=a&name=b")?.must_refuse(400)?;
    server.post("/signin", &[PLAIN], b"check")?.must_refuse(415).map(drop)
}

fn me(server: &Stranger) -> Found {
    let visitor = Visitor::new(server, "check")?;
    let answer = server.get_with("/me", &[("Cookie", &visitor.cookie)])?;
    answer.must_be(200)?;
    answer.must(answer.json()? == visitor.who, visitor.who.to_string())
}

fn guest(server: &Stranger) -> Found {
    let answer = server.get("/me")?;
    answer.must_be(200)?;
    let guest = json!({ "id": 0, "name": "路人甲", "image": 0 });
    answer.must(answer.json()? == guest, guest.to_string())
}

fn speaks(server: &Stranger) -> Found {
    let visitor = Visitor::new(server, "check")?;
    let end = server.end()?;
    server
        .post(MESSAGES, &[PLAIN, ("Cookie", &visitor.cookie)], b"check: by a visitor")?
        .accepted()?;
    let answer = server.get(&format!("/talkplace/poll?after={end}"))?;
    answer.must(
        answer.batch()?.messages[0]["from"] == visitor.who,
        format!("from {}", visitor.who),
    )
}

fn speaks_on_websocket(server: &Stranger) -> Found {
    let visitor = Visitor::new(server, "check")?;
    let end = server.end()?;
    let (answer, mut socket) = server.upgrade("", &[("Cookie", &visitor.cookie)])?;
    answer.must_be(101)?;
    socket.say("check: by a visitor");
    // It is in the feed when it has come back.
    socket.text()?;
    let answer = server.get(&format!("/talkplace/poll?after={end}"))?;
    answer.must(
        answer.batch()?.messages[0]["from"] == visitor.who,
        format!("from {}", visitor.who),
    )
}

fn forgeries(visitor: &Visitor) -> [String; 4] {
    [
        visitor.name_cookie.clone(),
        visitor.forged(),
        format!("{}; name.sig=x", visitor.name_cookie),
        "name=x; name.sig=x".to_owned(),
    ]
}

fn forged(server: &Stranger) -> Found {
    let visitor = Visitor::new(server, "check")?;
    for cookie in forgeries(&visitor) {
        let cookie = ("Cookie", &cookie[..]);
        for path in [
            "/me",
            "/talkplace",
            "/talkplace/poll",
            "/talkplace/long-poll",
            "/talkplace/events",
        ] {
            server.get_with(path, &[cookie])?.must_refuse(401)?;
        }
        server
            .post(MESSAGES, &[PLAIN, cookie], b"check: by nobody")?
            .must_refuse(401)?;
    }
    Ok(())
}

fn expired(server: &Stranger) -> Found {
    let visitor = Visitor::new(server, "check")?;
    let answer = server.get_with("/me", &[("Cookie", &visitor.forged())])?;
    answer.must_be(401)?;
    for name in ["name=", "name.sig="] {
        let mut cookies = answer
            .fields_named("set-cookie")
            .filter(|cookie| cookie.starts_with(name));
        let is_expired = cookies.any(|cookie| cookie.to_ascii_lowercase().contains("max-age=0"));
        answer.must(is_expired, format!("set-cookie: {name}; Max-Age=0"))?;
    }
    Ok(())
}

fn forged_websocket(server: &Stranger) -> Found {
    let visitor = Visitor::new(server, "check")?;
    for cookie in forgeries(&visitor) {
        let (answer, _) = server.upgrade("", &[("Cookie", &cookie)])?;
        answer.must_refuse(401)?;
    }
    Ok(())
}

fn elsewhere(server: &Stranger) -> Found {
    let cookie = ("Cookie", "name=x; name.sig=x");
    for path in ["/", "/healthz"] {
        server.get_with(path, &[cookie])?.must_be(200)?;
    }
    server.post("/signin", &[FORM, cookie], b"name=check")?.must_be(302)
}

fn alone(server: &Stranger) -> Found {
    let answer = server.get_with("/me", &[("Cookie", "name.sig=x")])?;
    answer.must_be(200)?;
    answer.must(answer.json()?["id"] == 0, "the guest")
}

fn repeated(server: &Stranger) -> Found {
    let visitor = Visitor::new(server, "check")?;
    let twice = format!("{}; {}", visitor.cookie, visitor.name_cookie);
    server.get_with("/me", &[("Cookie", &twice)])?.must_refuse(400)?;
    server
        .get_with("/me", &[("Cookie", &visitor.cookie), ("Cookie", &visitor.name_cookie)])?
        .must_refuse(400)
        .map(drop)
}
