//! One Chromium, its driver, and waiting for what it shows.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// Longer than anything that a test waits for, on a machine that has others to serve.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at the page.
const LOOK: Duration = Duration::from_millis(50);

/// A browser with a profile of its own. It ends with the test, whatever becomes of it.
pub(super) struct Browser {
    client: Client,
    runtime: Runtime,
    driver: Driver,
    _profile: tempfile::TempDir,
}

/// ChromeDriver, on a port that it was given by the system.
struct Driver {
    child: Child,
    address: String,
}

/// A command of ChromeDriver's own that WebDriver does not have.
#[derive(Debug)]
struct Own {
    path: &'static str,
    body: Value,
}

impl Browser {
    pub(super) fn start() -> Self {
        let driver = Driver::start();
        let profile = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1400,1000",
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let capabilities = json!({
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let client = runtime.block_on(async {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            builder.capabilities(capabilities.as_object().unwrap().clone());
            builder.connect(&driver.address).await.unwrap()
        });
        Browser {
            client,
            runtime,
            driver,
            _profile: profile,
        }
    }

    pub(super) fn open(&self, address: &str) {
        self.runtime.block_on(self.client.goto(address)).unwrap();
    }

    /// Opens a window beside those that there are, and goes on in it.
    pub(super) fn open_window(&self) {
        let opened = async {
            let window = self.client.new_window(true).await?;
            self.client.switch_to_window(window.handle).await
        };
        self.runtime.block_on(opened).unwrap();
    }

    /// Closes the window, and goes on in the first one that is left.
    pub(super) fn close_window(&self) {
        let closed = async {
            self.client.close_window().await?;
            let left = self.client.windows().await?;
            self.client.switch_to_window(left[0].clone()).await
        };
        self.runtime.block_on(closed).unwrap();
    }

    /// Runs this in every page from now on, before any script of the page's own.
    pub(super) fn before_each_page(&self, script: &str) {
        let params = json!({ "source": script });
        let command = json!({ "cmd": "Page.addScriptToEvaluateOnNewDocument", "params": params });
        self.own("goog/cdp/execute", command);
    }

    /// What a script gives; `arguments[0]` is the argument.
    pub(super) fn js(&self, script: &str, argument: Value) -> Value {
        self.runtime
            .block_on(self.client.execute(script, vec![argument]))
            .unwrap()
    }

    /// Waits until an expression is true.
    pub(super) fn wait(&self, expression: &str, argument: Value) {
        let began = Instant::now();
        let script = format!("return Boolean({expression})");
        while self.js(&script, argument.clone()) != true {
            if began.elapsed() > PATIENCE {
                let page = self.js("return document.body.innerText", json!(null));
                panic!(
                    "never true: {expression}, {argument}\n{}",
                    page.as_str().unwrap_or_default()
                );
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Presses keys on what the selector finds.
    pub(super) fn type_into(&self, selector: &str, keys: &str) {
        let typed = async {
            let found = self.client.find(Locator::Css(selector)).await?;
            found.send_keys(keys).await
        };
        self.runtime.block_on(typed).unwrap();
    }

    pub(super) fn click(&self, selector: &str) {
        let clicked = async { self.client.find(Locator::Css(selector)).await?.click().await };
        self.runtime.block_on(clicked).unwrap();
    }

    /// Checks that nothing went wrong on the page since the last look.
    pub(super) fn assert_quiet(&self) {
        assert_eq!(self.complaints(|_| true), Vec::<String>::new());
    }

    /// The same where requests were bound to fail.
    pub(super) fn assert_quiet_but_for_the_network(&self) {
        let is_ours = |entry: &Value| {
            entry["source"] != "network" && !entry["message"].to_string().contains("WebSocket connection to")
        };
        assert_eq!(self.complaints(is_ours), Vec::<String>::new());
    }

    fn complaints(&self, counts: impl Fn(&Value) -> bool) -> Vec<String> {
        let log = self.own("se/log", json!({ "type": "browser" }));
        let entries = log.as_array().unwrap().iter();
        let complaints =
            entries.filter(|entry| ["SEVERE", "WARNING"].contains(&entry["level"].as_str().unwrap_or_default()));
        complaints.filter(|entry| counts(entry)).map(Value::to_string).collect()
    }

    fn own(&self, path: &'static str, body: Value) -> Value {
        self.runtime
            .block_on(self.client.issue_cmd(Own { path, body }))
            .unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Asked to close it takes its children along; what is left goes with the driver's process group.
        let client = self.client.clone();
        let _ = self
            .runtime
            .block_on(async { tokio::time::timeout(PATIENCE, client.close()).await });
        self.driver.end();
    }
}

impl Driver {
    fn start() -> Self {
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("chromedriver starts (Debian has it as chromium-driver)");
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut lines = stdout.lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        // Whatever else it says must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Driver {
            child,
            address: format!("http://127.0.0.1:{}", port.expect("it says on which port it is")),
        }
    }

    fn end(&mut self) {
        let _ = killpg(Pid::from_raw(self.child.id() as i32), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.end();
    }
}

impl WebDriverCompatibleCommand for Own {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}
