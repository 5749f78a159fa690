//! The real program by its command line: exit codes, and what stands on stdout and stderr.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tollkeeper");

/// A folder with a database of its own, and the program in it.
struct Shell {
    folder: tempfile::TempDir,
}

impl Shell {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(args).current_dir(self.folder.path()).env_clear().env("LOG", "warn").stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).output().unwrap())
    }

    fn run_with(&self, env: &[(&str, &str)], args: &[&str]) -> Ran {
        Ran::from(self.command(args).envs(env.iter().copied()).output().unwrap())
    }

    fn run_fed(&self, input: &str, args: &[&str]) -> Ran {
        let mut child =
            self.command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Ran::from(child.wait_with_output().unwrap())
    }
}

#[derive(Debug)]
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code().unwrap(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

impl Ran {
    #[track_caller]
    fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }
}

#[test]
fn a_wrong_setting_stops_the_start_with_one_line_that_names_it() {
    let shell = Shell::new();
    std::fs::write(shell.folder.path().join("empty"), "\n").unwrap();
    for (name, value, says) in [
        ("LISTEN", "here", "here"),
        ("LISTEN", "127.0.0.1:70000", "address"),
        ("PUBLIC_URL", "toll.example.com", "URL"),
        ("PUBLIC_URL", "ftp://toll.example.com", "scheme"),
        ("PUBLIC_URL", "https://toll.example.com/v1", "/v1"),
        ("DATABASE_URL", "mysql://x/y", "mysql"),
        ("DATABASE_URL", "sqlite://", "no file"),
        ("STRIPE_SECRET_KEY", "pk_test_51abcHIDDEN", "publishable"),
        ("STRIPE_SECRET_KEY", "sk_test_51aHIDDEN,rk_test_51bHIDDEN", "second key for test mode"),
        ("STRIPE_WEBHOOK_SECRET", "sk_test_HIDDEN", "API key"),
        ("STRIPE_WEBHOOK_SECRET", "a=whsec_HIDDEN,a=whsec_HIDDEN2", "two secrets"),
        ("STRIPE_WEBHOOK_SECRET", "dashboard=", "empty"),
        ("STRIPE_API_BASE", "api.stripe.com", "URL"),
        ("STRIPE_API_BASE", "https://api.stripe.com/v1", "/v1"),
        ("WEBHOOK_TOLERANCE", "0", "0 would"),
        ("WEBHOOK_TOLERANCE", "soon", "soon"),
        ("PAST_DUE_GRACE", "a week", "a week"),
        ("PERIOD_LEEWAY", "-1d", "-1d"),
        ("PAYLOAD_RETENTION", "7d", "too short"),
        ("REJECTED_RETENTION", "1h", "too short"),
        ("USER_METADATA_KEYS", "user_id,,x", "metadata key"),
        ("ADMIN_EMAIL", "nobody", "nobody"),
        ("ADMIN_EMAIL", "ada@example.com", "ADMIN_PASSWORD"),
        ("ADMIN_PASSWORD", "long enough HIDDEN", "ADMIN_EMAIL"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, here", "here"),
        ("TRUSTED_PROXIES", "0.0.0.0/0", "trusts everybody"),
        ("METRICS_LISTEN", "9000", "9000"),
        ("LOG", "info,=,x", "filter"),
        ("LOG_FORMAT", "xml", "xml"),
        ("INTAKE_BATCH", "0", "0"),
        ("STRIPE_SECRET_KEY_FILE", "nowhere", "nowhere"),
        ("STRIPE_SECRET_KEY_FILE", "empty", "empty"),
    ] {
        let mut command = shell.command(&["config"]);
        let ran = Ran::from(command.env_remove("LOG").env(name, value).output().unwrap());
        assert_eq!(ran.code, 2, "{name}={value}: {ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{name}={value}: {ran:?}");
        let variable = name.trim_end_matches("_FILE");
        let named = ["ADMIN_EMAIL", "ADMIN_PASSWORD"].contains(&variable)
            || ran.stderr.starts_with(&format!("tollkeeper: {variable}: "));
        assert!(named && ran.stderr.contains(variable), "{name}={value}: {ran:?}");
        assert!(ran.stderr.contains(says) && ran.stderr.contains("; expected "), "{name}={value}: {ran:?}");
        assert!(!ran.stderr.contains("HIDDEN"), "{name}: {ran:?}");
        assert_eq!(ran.stdout, "", "{name}={value}");
    }
    let short = shell.run_with(&[("ADMIN_EMAIL", "ada@example.com"), ("ADMIN_PASSWORD", "short")], &["serve"]);
    assert!(short.code == 2 && short.stderr.starts_with("tollkeeper: ADMIN_PASSWORD: "), "{short:?}");
    let plain = [("STRIPE_SECRET_KEY", "sk_live_51abc"), ("STRIPE_API_BASE", "http://stripe.example.com")];
    let plain = shell.run_with(&plain, &["serve"]);
    assert!(plain.code == 2 && plain.stderr.starts_with("tollkeeper: STRIPE_API_BASE: "), "{plain:?}");
    let both =
        shell.run_with(&[("STRIPE_SECRET_KEY", "sk_test_51abc"), ("STRIPE_SECRET_KEY_FILE", "empty")], &["serve"]);
    assert!(both.code == 2 && both.stderr.contains("both STRIPE_SECRET_KEY and STRIPE_SECRET_KEY_FILE"), "{both:?}");
    std::fs::write(shell.folder.path().join(".env"), "STRIPE_SECRET_KEY='sk_test_HIDDEN\n").unwrap();
    let dotenv = shell.run(&["config"]);
    assert!(dotenv.code == 2 && dotenv.stderr.contains(".env") && !dotenv.stderr.contains("HIDDEN"), "{dotenv:?}");
}

#[test]
fn config_shows_where_each_value_came_from_and_masks_secrets() {
    let shell = Shell::new();
    std::fs::write(shell.folder.path().join(".env"), "LOG_FORMAT=json\nLISTEN=127.0.0.1:4000\n").unwrap();
    std::fs::write(shell.folder.path().join("secret"), "cli=whsec_abcdefghijkl\n").unwrap();
    let env = [
        ("STRIPE_SECRET_KEY", "sk_test_51abcdefgh4242"),
        ("STRIPE_WEBHOOK_SECRET_FILE", "secret"),
        ("LISTEN", "127.0.0.1:5000"),
    ];
    let ran = shell.run_with(
        &env,
        &["config", "--json", "--listen", "127.0.0.1:6000", "--database-url", "postgres://me:HIDDEN@db/x"],
    );
    let rows = ran.json()["data"].as_array().unwrap().clone();
    let row = |name: &str| {
        let row = rows.iter().find(|row| row["name"] == name).unwrap();
        (row["value"].as_str().unwrap_or_default().to_owned(), row["source"].as_str().unwrap().to_owned())
    };
    let says = |value: &str, source: &str| (value.to_owned(), source.to_owned());
    assert_eq!(row("LISTEN"), says("127.0.0.1:6000", "flag"));
    assert_eq!(row("PUBLIC_URL"), says("http://127.0.0.1:6000", "default"));
    assert_eq!(row("LOG_FORMAT"), says("json", "env (.env)"));
    assert_eq!(row("STRIPE_SECRET_KEY"), says("sk_test_…4242", "env"));
    assert_eq!(row("STRIPE_WEBHOOK_SECRET"), says("cli=whsec_…ijkl", "file secret"));
    assert_eq!(row("PAST_DUE_GRACE"), says("7d", "default"));
    assert_eq!(row("DATABASE_URL").1, "flag");
    assert!(!ran.stdout.contains("HIDDEN") && !ran.stdout.contains("abcdefgh"), "{}", ran.stdout);
}

#[test]
fn usage_errors_end_with_2() {
    let shell = Shell::new();
    for args in [
        &["nonsense"][..],
        &["check", "user"],
        &["check", "", "pro"],
        &["check", "user", "no key"],
        &["check", "user", "pro", "--mode", "both"],
        &["sync"],
        &["sync", "--user", "u", "--all"],
        &["sync", "--customer", "nonsense"],
        &["events", "replay"],
        &["events", "list", "--status", "done"],
        &["events", "list", "--since", "yesterday"],
        &["api-key", "create", "--name", "x", "--mode", "test", "--scope", "all"],
        &["api-key", "create", "--name", " ", "--mode", "test"],
        &["staff", "add", "--email", "x", "--role", "owner"],
        &["staff", "add", "--email", "x@example.com", "--role", "boss"],
    ] {
        assert_eq!(shell.run(args).code, 2, "{args:?}");
    }
}

#[test]
fn check_and_diagnose_answer_from_the_database_alone() {
    let shell = Shell::new();
    let ran = shell.run(&["check", "nobody", "pro"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (3, "denied: unknown_user (test mode)\n"), "{ran:?}");
    let ran = shell.run(&["check", "nobody", "pro", "--json", "--mode", "live"]);
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, &answer["reason"], &answer["livemode"]), (3, &"unknown_user".into(), &true.into()));
    for id in ["cus_none", "sub_none", "evt_none", "cs_none", "nobody@example.com"] {
        assert_eq!(shell.run(&["diagnose", id]).code, 4, "{id}");
    }
    let diagnosis = shell.run(&["diagnose", "nobody", "--feature", "pro", "--json"]).json();
    assert_eq!(diagnosis["links"].as_array().unwrap().len(), 5);
    assert!(shell.run(&["diagnose", "nobody"]).stdout.contains("checkout"));
}

#[test]
fn a_new_key_stands_alone_on_stdout_and_can_be_revoked() {
    let shell = Shell::new();
    let made = shell.run(&["api-key", "create", "--name", "app", "--mode", "live", "--scope", "write"]);
    assert_eq!(made.code, 0, "{made:?}");
    let key = made.stdout.trim_end();
    assert!(server::auth::api_key::is_well_formed(key) && key.starts_with("tk_live_"), "{made:?}");
    assert!(!made.stderr.contains(key));
    let list = shell.run(&["api-key", "list", "--json"]);
    assert!(!list.stdout.contains(key));
    let row = list.json()["data"][0].clone();
    assert_eq!((&row["name"], &row["scope"], &row["livemode"]), (&"app".into(), &"write".into(), &true.into()));
    let id = row["id"].as_str().unwrap();
    assert_eq!(shell.run(&["api-key", "revoke", id]).code, 0);
    assert_eq!(shell.run(&["api-key", "revoke", id]).code, 4);
    assert!(shell.run(&["api-key", "list"]).stdout.contains("revoked"));
}

#[test]
fn a_key_has_an_end_and_addresses_and_another_takes_its_place() {
    let shell = Shell::new();
    let create = ["api-key", "create", "--name", "app", "--mode", "test"];
    let with = |more: &[&'static str]| [&create[..], more].concat();
    for (wrong, says) in [
        (["--expires", "soon"], "--expires"),
        (["--expires", "2020-01-01"], "future"),
        (["--address", "10.0.0.1/8"], "10.0.0.1 for the address"),
        (["--check-rate", "0"], "--check-rate"),
    ] {
        let refused = shell.run(&with(&wrong));
        assert!(refused.code == 2 && refused.stderr.contains(says) && refused.stdout.is_empty(), "{refused:?}");
    }
    let all =
        ["--expires", "90d", "--address", "203.0.113.0/24,::1", "--address", "198.51.100.7", "--request-rate", "20"];
    let old = shell.run(&with(&all));
    assert!(old.code == 0 && old.stderr.contains("only from 203.0.113.0/24 ::1 198.51.100.7"), "{old:?}");
    let listed = || shell.run(&["api-key", "list", "--json"]).json()["data"].as_array().unwrap().clone();
    let id = listed()[0]["id"].as_str().unwrap().to_owned();

    let refused = shell.run(&["api-key", "rotate", &id, "--overlap", "long"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert_eq!(shell.run(&["api-key", "rotate", "key_unknown"]).code, 4);
    let new = shell.run(&["api-key", "rotate", &id, "--overlap", "7d"]);
    assert_eq!(new.code, 0, "{new:?}");
    assert!(server::auth::api_key::is_well_formed(new.stdout.trim_end()) && new.stdout != old.stdout, "{new:?}");
    assert!(!new.stderr.contains(new.stdout.trim_end()));
    assert_eq!(shell.run(&["api-key", "rotate", &id]).code, 4, "it was replaced already");
    let keys = listed();
    let (new, old) = (&keys[0], &keys[1]);
    assert_eq!((&new["replaces"], &old["replaced_by"]), (&old["id"], &new["id"]));
    for same in ["name", "scope", "livemode", "addresses", "check_rate", "request_rate"] {
        assert_eq!(new[same], old[same], "{same}");
    }
    assert_eq!((&new["request_rate"], &new["check_rate"]), (&20.into(), &100_000.into()));
    let end = |key: &Value| domain::Timestamp::parse(key["expires_at"].as_str().unwrap()).unwrap().secs();
    let now = domain::Timestamp::parse(new["created_at"].as_str().unwrap()).unwrap().secs();
    assert_eq!((end(old) - now, end(new) - now), (7 * 86_400, 90 * 86_400));

    let id = new["id"].as_str().unwrap();
    let last = shell.run(&["api-key", "rotate", id, "--overlap", "none", "--expires", "never"]);
    assert!(last.code == 0 && last.stderr.contains("revoked"), "{last:?}");
    let keys = listed();
    assert!(keys[0]["expires_at"].is_null() && keys[1]["revoked_at"].is_string(), "{keys:?}");
    assert!(shell.run(&["api-key", "list"]).stdout.contains(&format!("replaced by {id}")));
}

#[test]
fn staff_are_added_listed_and_disabled() {
    let shell = Shell::new();
    let link = shell.run(&["staff", "setup-link", "--public-url", "https://toll.example.com"]);
    assert!(link.stdout.starts_with("https://toll.example.com/admin/setup?token="), "{link:?}");
    let add = ["staff", "add", "--email", "Ada@example.com", "--role", "owner", "--password-stdin"];
    assert_eq!(shell.run_fed("short\n", &add).code, 2);
    let added = shell.run_fed("four words in a row\n", &add);
    assert_eq!((added.code, added.stdout.as_str()), (0, ""), "{added:?}");
    assert_eq!(shell.run_fed("four words in a row\n", &add).code, 1);
    assert_eq!(shell.run(&["staff", "setup-link"]).code, 1);
    let made_up = shell.run(&["staff", "add", "--email", "sam@example.com", "--role", "support"]);
    assert_eq!((made_up.code, made_up.stdout.trim_end().len()), (0, 24), "{made_up:?}");
    assert_eq!(shell.run(&["staff", "reset-password", "--email", "sam@example.com"]).code, 0);
    assert_eq!(shell.run(&["staff", "reset-password", "--email", "nobody@example.com"]).code, 4);
    assert_eq!(shell.run(&["staff", "reset-2fa", "--email", "sam@example.com"]).code, 1, "there is none");
    assert_eq!(shell.run(&["staff", "reset-2fa", "--email", "nobody@example.com"]).code, 4);
    assert_eq!(shell.run(&["staff", "disable", "--email", "sam@example.com"]).code, 0);
    assert_eq!(shell.run(&["staff", "disable", "--email", "ada@example.com"]).code, 1, "the last owner stays");
    let list = shell.run(&["staff", "list", "--json"]);
    assert!(!list.stdout.contains("argon2"), "{list:?}");
    assert_eq!(list.json()["data"].as_array().unwrap().len(), 2);
}

#[test]
fn somebody_is_invited_and_the_audit_log_vouches_for_it() {
    let shell = Shell::new();
    let empty = shell.run(&["audit", "verify"]);
    assert_eq!((empty.code, empty.stdout.as_str()), (0, "\n"), "{empty:?}");
    let invite = [
        "staff",
        "invite",
        "--email",
        "eve@example.com",
        "--role",
        "owner",
        "--public-url",
        "https://toll.example.com",
    ];
    let invited = shell.run(&invite);
    assert_eq!(invited.code, 0, "{invited:?}");
    assert!(invited.stdout.starts_with("https://toll.example.com/admin/invite?token="), "{invited:?}");
    assert_eq!(shell.run(&invite).code, 1, "somebody has this address");
    let chain = shell.run(&["audit", "verify", "--json"]).json();
    assert_eq!((&chain["holds"], &chain["entries"]), (&true.into(), &2.into()), "{chain}");
    let head = chain["head"].as_str().unwrap();
    assert_eq!(shell.run(&["api-key", "create", "--name", "shop", "--mode", "test"]).code, 0);
    assert_eq!(shell.run(&["audit", "verify", "--since", head]).code, 0, "the chain goes on from there");
    assert_eq!(shell.run(&["audit", "verify", "--since", &"0".repeat(64)]).code, 1, "another chain");
}

#[test]
fn the_webhook_log_is_read_and_put_back_in_line() {
    let shell = Shell::new();
    assert_eq!(shell.run(&["migrate"]).code, 0);
    assert_eq!(shell.run(&["events", "list", "--json"]).json()["data"], serde_json::json!([]));
    assert_eq!(shell.run(&["events", "list", "--since", "2h", "--status", "failed,dead"]).code, 0);
    assert_eq!(shell.run(&["events", "show", "evt_none"]).code, 4);
    assert_eq!(shell.run(&["events", "replay", "evt_none"]).code, 4);
    assert_eq!(shell.run(&["events", "replay", "--failed"]).code, 0);
    assert_eq!(shell.run(&["events", "replay", "evt_none", "--failed"]).code, 2);
    assert_eq!(shell.run(&["events", "replay", "--failed", "--rate", "0"]).code, 2);
    let dry =
        shell.run(&["events", "replay", "--type", "customer.*", "--failed", "--dry-run", "--rate", "50", "--json"]);
    let dry = dry.json();
    assert_eq!(
        (&dry["object"], &dry["status"], &dry["matched"]),
        (&"replay".into(), &"done".into(), &0.into()),
        "{dry}"
    );
    assert_eq!(shell.run(&["events", "replay", "--since", "2026-01-01T00:00:00Z"]).code, 0);
    let sync = shell.run(&["sync", "--customer", "cus_x"]);
    assert!(sync.code == 1 && sync.stderr.contains("STRIPE_SECRET_KEY"), "{sync:?}");
    let key = [("STRIPE_SECRET_KEY", "sk_test_51abc")];
    assert_eq!(shell.run_with(&key, &["sync", "--user", "nobody"]).code, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fetch_missing_reads_stripes_list() {
    let stripe = standin::Standin::start(standin::Options::default()).await.unwrap();
    let shell = Shell::new();
    assert_eq!(shell.run(&["events", "fetch-missing", "--since", "yesterday"]).code, 2);
    let no_key = shell.run(&["events", "fetch-missing"]);
    assert!(no_key.code == 1 && no_key.stderr.contains("STRIPE_SECRET_KEY"), "{no_key:?}");
    let base = stripe.base_url();
    let env = [("STRIPE_SECRET_KEY", "sk_test_51abc"), ("STRIPE_API_BASE", base.as_str())];
    stripe.control().create_customer(Some("cus_1"), None, None, serde_json::json!({ "user_id": "user_1" }));
    let fetched = shell.run_with(&env, &["events", "fetch-missing", "--json"]).json();
    assert_eq!((&fetched["listed"], &fetched["fetched"]), (&1.into(), &1.into()), "{fetched}");
    assert_eq!(fetched["never_delivered"][0]["reason"], "endpoint_absent", "{fetched}");
    let listed = shell.run(&["events", "list", "--json"]).json();
    assert_eq!(listed["data"][0]["origin"], "fetched", "{listed}");
    let known = shell.run(&["diagnose", "user_1"]);
    assert!(known.stdout.contains("cus_1 is user_1, by customer_metadata"), "it took effect: {known:?}");
    assert!(known.stdout.contains("events: Stripe sends us nothing"), "{known:?}");
    let again = shell.run_with(&env, &["events", "fetch-missing", "--since", "60d"]);
    assert!(again.code == 0 && again.stdout.contains("1 events, 0 fetched"), "{again:?}");
    assert!(again.stderr.contains("Stripe keeps events for 30 days"), "{again:?}");
    stripe.control().set_faults(standin::Faults { fail_paths: vec![("/v1/events".into(), 401)], ..Default::default() });
    let refused = shell.run_with(&env, &["events", "fetch-missing"]);
    assert!(refused.code == 1 && refused.stderr.contains("API key"), "{refused:?}");
}

#[test]
fn help_and_completion_need_no_settings() {
    let shell = Shell::new();
    let broken = [("LISTEN", "nonsense")];
    let help = shell.run_with(&broken, &["help"]);
    assert_eq!(help.code, 0);
    for setting in server::config::SETTINGS.iter().filter(|setting| !setting.hidden) {
        assert!(help.stdout.contains(&format!("[env: {}", setting.name)), "{}", setting.name);
    }
    assert!(!help.stdout.contains("INTAKE_BATCH"));
    assert!(shell.run_with(&broken, &["completion", "bash"]).stdout.contains("tollkeeper"));
}

/// Serves on a free port until dropped.
struct Served {
    child: std::process::Child,
    // Held open: a program whose stderr is gone is not what is tested.
    stderr: BufReader<std::process::ChildStderr>,
    address: String,
    lines: Vec<String>,
}

impl Served {
    fn start(shell: &Shell, env: &[(&str, &str)]) -> Self {
        let mut command = shell.command(&["serve", "--listen", "127.0.0.1:0"]);
        let mut child = command.env("LOG", "info").envs(env.iter().copied()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut served = Self { child, stderr, address: String::new(), lines: vec![] };
        while served.address.is_empty() {
            let mut line = String::new();
            let read = served.stderr.read_line(&mut line).unwrap();
            assert_ne!(read, 0, "it did not start: {:?}", served.lines);
            if let Some((_, rest)) = line.split_once("address=") {
                served.address = rest.split(' ').next().unwrap_or_default().to_owned();
            }
            served.lines.push(line);
        }
        served
    }

    fn stop(mut self) -> i32 {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It has ended already when it was stopped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_serves_until_it_is_told_to_stop_and_commands_work_meanwhile() {
    let shell = Shell::new();
    let served = Served::start(&shell, &[]);
    let link = served.lines.iter().find(|line| line.contains("/admin/setup?token=")).expect("a setup link");
    assert!(link.trim().starts_with(&format!("http://{}", served.address)), "{link}");
    let ready = shell.run_with(&[("LISTEN", &served.address)], &["healthcheck"]);
    assert_eq!((ready.code, ready.stdout.as_str()), (0, "ready\n"), "{ready:?}");

    let key = shell.run(&["api-key", "create", "--name", "app", "--mode", "test"]).stdout;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let url = format!("http://{}/v1/access?user_id=u&feature=pro", served.address);
    let status = runtime
        .block_on(async { reqwest::Client::new().get(url).bearer_auth(key.trim_end()).send().await.unwrap().status() });
    assert_eq!(status, reqwest::StatusCode::OK);

    let taken = shell.run(&["serve", "--listen", &served.address]);
    assert!(taken.code == 1 && taken.stderr.contains("LISTEN"), "{taken:?}");
    let address = served.address.clone();
    assert_eq!(served.stop(), 0);
    assert_eq!(shell.run_with(&[("LISTEN", &address)], &["healthcheck"]).code, 1);
}

#[test]
fn the_first_owner_comes_from_the_settings_once() {
    let shell = Shell::new();
    let owner = [("ADMIN_EMAIL", "ada@example.com"), ("ADMIN_PASSWORD", "four words in a row")];
    let served = Served::start(&shell, &owner);
    assert!(!served.lines.iter().any(|line| line.contains("/admin/setup")), "{:?}", served.lines);
    assert_eq!(served.stop(), 0);
    let other = [("ADMIN_EMAIL", "eve@example.com"), ("ADMIN_PASSWORD", "four other words here")];
    let served = Served::start(&shell, &other);
    assert!(served.lines.iter().any(|line| line.contains("ignored")), "{:?}", served.lines);
    assert_eq!(served.stop(), 0);
    let staff = shell.run(&["staff", "list", "--json"]).json();
    assert_eq!(staff["data"].as_array().unwrap().len(), 1);
    assert_eq!(staff["data"][0]["email"], "ada@example.com");
}

#[tokio::test]
async fn a_person_is_exported_and_erased_by_command() {
    use domain::Livemode;
    let shell = Shell::new();
    assert_eq!(shell.run(&["migrate"]).code, 0);
    let url = format!("sqlite://{}", shell.folder.path().join("data/tollkeeper.db").display());
    let put = async || {
        let store = store::open(&url, store::Options::default()).await.unwrap();
        let author = store::records::Author::new("cli", domain::Timestamp::from_secs(1_795_305_600));
        store
            .put_user(Livemode::Test, "user_ada", Some("ada@example.com"), Some("Ada Lovelace"), &author)
            .await
            .unwrap();
        store.close().await;
    };
    put().await;
    let nobody = shell.run(&["export", "--user", "user_zoe"]);
    assert!(
        nobody.code == 4 && nobody.stderr.contains("nothing is kept about \"user_zoe\" in test mode"),
        "{nobody:?}"
    );
    assert_eq!(shell.run(&["erase"]).code, 2, "whom?");
    assert_eq!(shell.run(&["export", "--user", "user_ada", "--customer", "cus_1"]).code, 2);
    let export = shell.run(&["export", "--user", "user_ada"]).json();
    assert_eq!(export["kept"]["application_users"][0]["email"], "ada@example.com");

    // Nobody is at the terminal, and nobody said yes.
    let asked = shell.run(&["erase", "--user", "user_ada"]);
    assert!(
        asked.code == 2 && asked.stderr.contains("--yes") && asked.stdout.contains("application users: 1"),
        "{asked:?}"
    );
    let plan = shell.run(&["erase", "--user", "user_ada", "--json"]);
    assert_eq!(plan.code, 3, "{plan:?}");
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!((&plan["erased"], &plan["kept"]["application_users"]), (&Value::from(false), &Value::from(1)));
    let args = ["erase", "--user", "user_ada", "--yes", "--vacuum", "--json", "--reason", "they asked"];
    let erased = shell.run(&args).json();
    assert!(erased["person"]["pseudonym"].as_str().unwrap().starts_with("erased_"), "{erased}");
    assert_eq!(shell.run(&args).code, 4, "there is nobody of this id any more");
    let bytes = std::fs::read(shell.folder.path().join("data/tollkeeper.db")).unwrap();
    for name in ["user_ada", "ada@example.com", "Lovelace"] {
        assert!(!bytes.windows(name.len()).any(|window| window == name.as_bytes()), "{name}");
    }
    assert_eq!(shell.run(&["audit", "verify"]).code, 0);
}
