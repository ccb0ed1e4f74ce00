use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Server;
use super::http::Answer;

/// Signs in with a form; gives the value of a `Cookie` header.
pub(super) fn sign_in(server: &Server, form: &str) -> String {
    let answer = server
        .client()
        .post("/signin", "application/x-www-form-urlencoded", form.as_bytes());
    assert_eq!(answer.status, 302, "{answer:?}");
    cookie_header(&answer)
}

fn cookie_header(answer: &Answer) -> String {
    let cookies = answer.headers_named("set-cookie");
    cookies
        .iter()
        .map(|cookie| cookie.split(';').next().unwrap())
        .collect::<Vec<_>>()
        .join("; ")
}

#[test]
fn signing_in_gives_the_signed_pair_and_goes_home() {
    let server = Server::start();
    let answer = server
        .client()
        .post("/signin", "application/x-www-form-urlencoded", b"name=Li+Lei");
    assert_eq!(answer.status, 302);
    assert_eq!(answer.header("location"), Some("/"));
    let cookies = answer.headers_named("set-cookie");
    assert_eq!(cookies.len(), 2);
    for cookie in &cookies {
        for attribute in ["HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(cookie.split("; ").any(|part| part == attribute), "{cookie}");
        }
    }
    let value = cookies[0].strip_prefix("name=").unwrap().split(';').next().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&STANDARD.decode(value).unwrap()).unwrap();
    assert_eq!(json, serde_json::json!({"id": 1, "name": "Li Lei", "image": 1}));
    assert!(cookies[1].starts_with("name.sig="));
}

#[test]
fn ids_count_up_and_the_avatar_is_the_id_mod_10() {
    let server = Server::start();
    let mut last = String::new();
    for _ in 0..11 {
        last = sign_in(&server, "name=x");
    }
    let me = server.client().request("GET", "/me", &[("Cookie", &last)], b"").json();
    assert_eq!(me, serde_json::json!({"id": 11, "name": "x", "image": 1}));
}

#[test]
fn without_a_name_one_is_a_passer_by() {
    let server = Server::start();
    let mut client = server.client();
    for (kind, body) in [
        ("application/x-www-form-urlencoded", &b"name=%E3%80%80+"[..]),
        ("application/x-www-form-urlencoded", b"nickname=x"),
        ("application/json", br#"{"name":"  "}"#),
        ("application/json", b"{}"),
    ] {
        let answer = client.post("/signin", kind, body);
        assert_eq!(answer.status, 302, "{answer:?}");
        let me = client
            .request("GET", "/me", &[("Cookie", &cookie_header(&answer))], b"")
            .json();
        assert_eq!(me["name"], "路人甲");
    }
    let bare = client.request("POST", "/signin", &[], b"");
    assert_eq!(bare.status, 302);
    let guest = client.get("/me").json();
    assert_eq!(guest, serde_json::json!({"id": 0, "name": "路人甲", "image": 0}));
}

#[test]
fn a_name_that_is_too_long_or_not_text_is_refused() {
    let server = Server::start();
    let form = "application/x-www-form-urlencoded";
    let post = |kind: &str, body: &str| server.client().post("/signin", kind, body.as_bytes());
    assert_eq!(post(form, &format!("name={}", "%E8%B7%AF".repeat(64))).status, 302);
    post(form, &format!("name={}", "n".repeat(65))).assert_problem(400);
    post(form, "name=a%07b").assert_problem(400);
    post(form, "name=%C3%28").assert_problem(400);
    post(form, "name=a&name=b").assert_problem(400);
    post("application/json", r#"{"name":7}"#).assert_problem(400);
    post("application/json", r#"["Li"]"#).assert_problem(400);
    post("text/plain", "Li").assert_problem(415);
}

#[test]
fn what_is_said_carries_who_said_it() {
    let server = Server::start();
    let cookie = sign_in(&server, "name=%E6%9D%8E%E9%9B%B7");
    let headers = [("Content-Type", "text/plain"), ("Cookie", cookie.as_str())];
    server.client().request("POST", "/talkplace/messages", &headers, b"hi");
    let from = server.get("/talkplace/poll?after=0").json()["messages"][0]["from"].clone();
    assert_eq!(from, serde_json::json!({"id": 1, "name": "李雷", "image": 1}));
}

#[test]
fn nobody_speaks_in_anothers_name() {
    let server = Server::start();
    let cookie = sign_in(&server, "name=Li");
    let [name, signature] = cookie.split("; ").collect::<Vec<_>>().try_into().unwrap();
    let forged = format!("name={}", STANDARD.encode(r#"{"id":1,"name":"Li","image":2}"#));
    for cookie in [
        name.to_owned(),
        format!("{forged}; {signature}"),
        format!("{name}; name.sig=x"),
        "name=x".into(),
        "name=".into(),
    ] {
        for path in [
            "/me",
            "/talkplace/poll",
            "/talkplace/long-poll",
            "/talkplace/events",
            "/talkplace",
        ] {
            let answer = server.client().request("GET", path, &[("Cookie", &cookie)], b"");
            answer.assert_problem(401);
            let expired = answer.headers_named("set-cookie");
            assert!(
                expired.len() == 2 && expired.iter().all(|cookie| cookie.contains("Max-Age=0")),
                "{expired:?}"
            );
        }
        assert_eq!(
            server.client().request("GET", "/", &[("Cookie", &cookie)], b"").status,
            200,
            "nobody is locked out"
        );
    }
    let alone = server.client().request("GET", "/me", &[("Cookie", signature)], b"");
    assert_eq!(alone.json()["id"], 0, "a signature alone is passed over");
    let alone = server
        .client()
        .request("GET", "/me", &[("Cookie", "name.sig=x; name.sig=y")], b"");
    assert_eq!(alone.json()["id"], 0, "however often");
    let twice = format!("{cookie}; {name}");
    server
        .client()
        .request("GET", "/me", &[("Cookie", &twice)], b"")
        .assert_problem(400);
}

#[test]
fn a_key_from_a_file_keeps_sign_ins_over_a_restart() {
    let key = || Some(talkplace::server::SigningKey::new(vec![7; 32]).unwrap());
    let first = Server::with(|config| config.signing_key = key());
    let cookie = sign_in(&first, "name=Li");
    drop(first);
    let second = Server::with(|config| config.signing_key = key());
    let me = second.client().request("GET", "/me", &[("Cookie", &cookie)], b"");
    assert_eq!(me.json()["name"], "Li");
    let stranger = Server::start();
    stranger
        .client()
        .request("GET", "/me", &[("Cookie", &cookie)], b"")
        .assert_problem(401);
}

#[test]
fn a_page_of_another_origin_neither_writes_nor_signs_in() {
    let server = Server::with(|config| config.origins.push("https://friend.example".parse().unwrap()));
    let post = |path: &str, origin: &str| {
        let headers = [("Content-Type", "application/json"), ("Origin", origin)];
        server
            .client()
            .request("POST", path, &headers, br#"{"text":"a","name":"a"}"#)
    };
    for path in ["/signin", "/talkplace/messages"] {
        for own in [
            "http://talk.place",
            "http://TALK.place:80",
            "https://talk.place",
            "https://friend.example:443",
        ] {
            assert!([201, 302].contains(&post(path, own).status), "{own}");
        }
        for other in [
            "http://evil.example",
            "http://talk.place:8080",
            "null",
            "talk.place",
            "",
        ] {
            post(path, other).assert_problem(403);
        }
    }
    let read = server
        .client()
        .request("GET", "/talkplace/poll", &[("Origin", "http://evil.example")], b"");
    assert_eq!(read.status, 200, "reading is not writing");
}

#[test]
fn a_cookie_is_read_however_it_is_written() {
    let server = Server::start();
    let cookie = sign_in(&server, "name=Li");
    let [name, signature] = cookie.split("; ").collect::<Vec<_>>().try_into().unwrap();
    let quoted = cookie.replace('=', "=\"").replace("; ", "\"; ") + "\"";
    let me = |fields: &[u8]| {
        let mut client = server.client();
        client.send(&[b"GET /me HTTP/1.1\r\nHost: a\r\n", fields, b"\r\n\r\n"].concat());
        client.answer()
    };
    for fields in [
        format!("Cookie: {signature};{name}").into_bytes(),
        format!("Cookie: {name}\r\nCookie: {signature}").into_bytes(),
        format!("Cookie: {quoted}").into_bytes(),
        [
            format!("Cookie: {name}; a=").as_bytes(),
            b"\xff\xfe; =; ;b; Name=x; ",
            signature.as_bytes(),
        ]
        .concat(),
    ] {
        assert_eq!(
            me(&fields).json()["name"],
            "Li",
            "{:?}",
            String::from_utf8_lossy(&fields)
        );
    }
    me(b"Cookie: name=\xff; name.sig=\xff").assert_problem(401);
    me(b"Cookie: name=\xff").assert_problem(401);
}

#[test]
fn a_former_key_lets_in_and_signs_nothing() {
    let key = |byte| Some(talkplace::server::SigningKey::new(vec![byte; 32]).unwrap());
    let before = Server::with(|config| config.signing_key = key(1));
    let old = sign_in(&before, "name=Li");
    let during = Server::with(|config| (config.signing_key, config.former_signing_key) = (key(2), key(1)));
    let new = sign_in(&during, "name=Han");
    let after = Server::with(|config| config.signing_key = key(2));
    let me = |server: &Server, cookie: &str| server.client().request("GET", "/me", &[("Cookie", cookie)], b"");
    assert_eq!(me(&during, &old).json()["name"], "Li");
    assert_eq!(me(&during, &new).json()["name"], "Han");
    assert_eq!(me(&after, &new).json()["name"], "Han");
    me(&after, &old).assert_problem(401);
    // Neither key signs for the other's cookie.
    let [name, _] = old.split("; ").collect::<Vec<_>>().try_into().unwrap();
    let [_, signature] = new.split("; ").collect::<Vec<_>>().try_into().unwrap();
    me(&during, &format!("{name}; {signature}")).assert_problem(401);
}
