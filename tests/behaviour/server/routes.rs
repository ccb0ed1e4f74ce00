use super::Server;

const GET_HEAD: [&str; 4] = ["/", "/me", "/metrics", "/healthz"];
const GET: [&str; 4] = [
    "/talkplace",
    "/talkplace/poll",
    "/talkplace/long-poll",
    "/talkplace/events",
];
const POST: [&str; 2] = ["/signin", "/talkplace/messages"];

#[test]
fn every_path_has_its_methods_and_names_them() {
    let server = Server::start();
    let refused = |path: &str, method: &str, allow: &str| {
        let answer = server.client().request(method, path, &[], b"");
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some(allow)),
            "{method} {path}"
        );
        if method != "HEAD" {
            answer.assert_problem(405);
        }
    };
    for method in ["OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "BREW"] {
        GET_HEAD.iter().for_each(|path| refused(path, method, "GET, HEAD"));
        GET.iter().for_each(|path| refused(path, method, "GET"));
        POST.iter().for_each(|path| refused(path, method, "POST"));
    }
    POST.iter().for_each(|path| refused(path, "GET", "POST"));
    GET_HEAD.iter().for_each(|path| refused(path, "POST", "GET, HEAD"));
}

#[test]
fn head_is_get_without_the_body() {
    let server = Server::start();
    for path in GET_HEAD {
        let mut client = server.client();
        client.send(format!("HEAD {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes());
        let bytes = String::from_utf8(client.rest()).unwrap();
        assert!(bytes.starts_with("HTTP/1.1 200 "), "{bytes}");
        assert!(bytes.ends_with("\r\n\r\n"), "{bytes}");
    }
}

#[test]
fn head_is_refused_elsewhere() {
    let server = Server::start();
    for path in GET.iter().chain(&POST) {
        let mut client = server.client();
        client.send(format!("HEAD {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes());
        let bytes = String::from_utf8(client.rest()).unwrap();
        assert!(bytes.starts_with("HTTP/1.1 405 "), "{bytes}");
    }
}

#[test]
fn an_unknown_path_is_no_path_whatever_the_method() {
    let server = Server::start();
    for path in ["/x", "/talkplace/", "/talkplace/x", "/me/", "//", "/index.html"] {
        server.get(path).assert_problem(404);
        server.client().request("POST", path, &[], b"").assert_problem(404);
    }
}

#[test]
fn the_page_and_what_it_loads_are_there() {
    let server = Server::start();
    let page = server.get("/");
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(server.get("/?pretend=ie9").status, 200);
    let text = page.text();
    let assets: Vec<&str> = text.split('"').filter(|word| word.starts_with("/page/")).collect();
    assert!(!assets.is_empty());
    for path in ["/"].iter().chain(&assets) {
        let answer = server.get(path);
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.body.is_empty());
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none';") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"));
    }
    assert_eq!(server.get("/healthz").text(), "ok");
}

#[test]
fn a_connection_serves_one_request_after_the_other() {
    let server = Server::start();
    let mut client = server.client();
    for _ in 0..3 {
        assert_eq!(client.get("/healthz").status, 200);
    }
    client.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /me HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer().text(), "ok");
    assert_eq!(client.answer().json()["id"], 0);
}

#[test]
fn http_1_0_is_served() {
    let server = Server::start();
    let mut client = server.client();
    client.send(b"GET /healthz HTTP/1.0\r\n\r\n");
    let bytes = String::from_utf8(client.rest()).unwrap();
    assert!(
        bytes.contains(" 200 OK\r\n") && bytes.ends_with("\r\n\r\nok"),
        "{bytes}"
    );
}

#[test]
fn an_absolute_target_names_the_site() {
    let server = Server::start();
    let mut client = server.client();
    client.send(b"POST http://own.example/signin HTTP/1.1\r\nHost: own.example\r\nOrigin: http://own.example\r\n\r\n");
    assert_eq!(client.answer().status, 302);
}

#[test]
fn a_request_without_a_host_or_with_two_is_malformed() {
    let server = Server::start();
    for host in ["", "Host: a\r\nHost: a\r\n", "Host: a b\r\n", "Host: http://a\r\n"] {
        let mut client = server.client();
        client.send(format!("GET /me HTTP/1.1\r\n{host}\r\n").as_bytes());
        client.answer().assert_problem(400);
    }
    for host in ["Host:\r\n", "Host: a:\r\n", "Host: [::1]:3000\r\n"] {
        let mut client = server.client();
        client.send(format!("GET /me HTTP/1.1\r\n{host}\r\n").as_bytes());
        assert_eq!(client.answer().status, 200, "{host}");
    }
}

#[test]
fn two_origins_are_malformed_wherever_they_are_sent() {
    let server = Server::start();
    let twice = [("Origin", "http://talk.place"), ("Origin", "http://talk.place")];
    for path in ["/", "/me", "/metrics", "/talkplace/poll", "/talkplace/events"] {
        server.client().request("GET", path, &twice, b"").assert_problem(400);
    }
    for path in ["/signin", "/talkplace/messages"] {
        server.client().request("POST", path, &twice, b"").assert_problem(400);
    }
}

#[test]
fn the_refusal_that_comes_first_wins() {
    let server = Server::with(|config| config.publishing.rate_per_s = Some(0.01));
    let bad = [
        ("Origin", "http://evil.example"),
        ("Cookie", "name=x"),
        ("Content-Type", "image/png"),
    ];
    let post = |path: &str, headers: &[(&str, &str)]| server.client().request("POST", path, headers, b"x");
    post("/talkplace/x", &bad).assert_problem(404);
    post("/talkplace/messages", &bad).assert_problem(403);
    post("/talkplace/messages", &bad).assert_problem(429);
    let server = Server::start();
    let post = |headers: &[(&str, &str)]| server.client().request("POST", "/talkplace/messages", headers, b"x");
    post(&bad[1..]).assert_problem(401);
    post(&bad[2..]).assert_problem(415);
    let get = |path: &str, headers: &[(&str, &str)]| server.client().request("GET", path, headers, b"");
    get("/talkplace?after=x", &bad[1..2]).assert_problem(401);
    get("/talkplace?after=x", &[]).assert_problem(426);
    get("/talkplace/poll?after=zz-1&limit=0", &[]).assert_problem(400);
}

#[test]
fn requests_that_come_at_once_are_all_answered_even_if_no_more_will_come() {
    let server = Server::start();
    server.say("a");
    for target in [
        "/healthz",
        "/talkplace/poll",
        "/talkplace/poll?after=0",
        "/talkplace/long-poll?after=1&timeout=0",
    ] {
        let mut client = server.client();
        let many = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").repeat(1_000);
        let mut writer = client.stream.get_ref().try_clone().unwrap();
        let sending = std::thread::spawn(move || {
            std::io::Write::write_all(&mut writer, many.as_bytes()).unwrap();
            writer.shutdown(std::net::Shutdown::Write).unwrap();
        });
        let answers = String::from_utf8(client.rest()).unwrap();
        sending.join().unwrap();
        assert_eq!(answers.matches("HTTP/1.1 20").count(), 1_000, "{target}");
    }
}

#[test]
fn whoever_sends_no_more_still_gets_what_is_ready() {
    let server = Server::start();
    server.say("a");
    let message = "Host: a\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nb";
    let chunks = "1\r\nx\r\n".repeat(100);
    let chunked = format!(
        "POST /talkplace/messages HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"
    );
    for (request, status) in [
        ("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 200),
        (format!("POST /talkplace/messages HTTP/1.1\r\n{message}"), 201),
        (
            "GET /talkplace/long-poll?after=0 HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            200,
        ),
        ("GET /talkplace/poll?after=2 HTTP/1.0\r\n\r\n".to_owned(), 204),
        (chunked.clone(), 201),
        (chunked.replace("1\r\nx\r\n0", "1\r\nxx\r\n0"), 400),
    ] {
        let mut client = server.client();
        client.send(request.as_bytes());
        client.stream.get_ref().shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(client.answer().status, status, "{request}");
        assert!(client.is_closed());
    }
}
