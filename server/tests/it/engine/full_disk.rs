//! A disk that is full for a while: what is acknowledged is stored, the rest is refused so that Stripe sends it again, checks are answered all
//! the while, and the program goes on by itself once there is room. The disk is a small one in memory, which takes a mount namespace.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::Command;

use super::program::SECRET;
use crate::helpers::process::Process;

/// Makes the disk, then an API key on it, then does what it is told by a pipe beside the program.
const SCRIPT: &str = r#"
mount -t tmpfs -o size=16m none "$DISK" || exit 77
"$PROGRAM" api-key create --name test --mode test --scope admin > "$FOLDER/key" || exit 1
(while read -r what; do
    case "$what" in
        fill) head -c 100M /dev/zero > "$DISK/filler" 2>/dev/null ;;
        free) rm "$DISK/filler" ;;
    esac
    touch "$FOLDER/$what"
done < "$FOLDER/orders") &
exec "$PROGRAM" serve --listen 127.0.0.1:0
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_full_disk_cannot_hold_is_refused_and_stored_later() {
    let folder = tempfile::tempdir().unwrap();
    let (disk, orders) = (folder.path().join("disk"), folder.path().join("orders"));
    std::fs::create_dir(&disk).unwrap();
    if !can_mount(&disk).await {
        eprintln!("no disk can be mounted here: nothing was tested");
        return;
    }
    assert!(Command::new("mkfifo").arg(&orders).status().await.unwrap().success());
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", SCRIPT]).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("PROGRAM", env!("CARGO_BIN_EXE_tollkeeper"));
    command.env("DISK", &disk).env("FOLDER", folder.path()).env("STRIPE_WEBHOOK_SECRET", SECRET);
    command.env("DATABASE_URL", format!("sqlite://{}", disk.join("t.db").display())).current_dir(folder.path());
    let mut program = Process::of(command).await;
    let key = std::fs::read_to_string(folder.path().join("key")).unwrap().trim().to_owned();
    let mut orders = tokio::task::spawn_blocking(move || std::fs::OpenOptions::new().write(true).open(orders).unwrap())
        .await
        .unwrap();
    let mut order = async |what: &str| {
        writeln!(orders, "{what}").unwrap();
        while !folder.path().join(what).exists() {
            tokio::task::yield_now().await;
        }
    };
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let base = program.address.clone();
    let get = async |path: &str| -> (u16, Value) {
        let answer = http.get(format!("{base}{path}")).bearer_auth(&key).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    };
    let deliver = async |n: usize| -> (u16, String) {
        let body = event(n);
        let signature = standin::sign(body.as_bytes(), SECRET, wall_clock());
        let request = http.post(format!("{base}/webhooks/stripe")).header("stripe-signature", signature);
        let answer = request.body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };

    assert_eq!(deliver(0).await.0, 200);
    order("fill").await;
    let mut stored = vec![0];
    let mut refused = vec![];
    for n in 1..4000 {
        match deliver(n).await {
            (200, _) => stored.push(n),
            (503, body) => {
                assert!(body.contains("its disk is full"), "{body}");
                refused.push(n);
            }
            other => panic!("{other:?}"),
        }
        if refused.len() == 20 {
            break;
        }
    }
    assert_eq!(refused.len(), 20, "the disk was never full");
    assert_eq!(get("/v1/access?user_id=user_1&feature=pro").await.0, 200, "checks are answered all the while");
    assert_eq!(get("/healthz").await.0, 200);
    order("free").await;
    for n in refused {
        assert_eq!(deliver(n).await.0, 200, "it goes on by itself");
        stored.push(n);
    }
    for n in stored {
        assert_eq!(get(&format!("/v1/events/evt_{n}")).await.0, 200, "evt_{n} was acknowledged and is lost");
    }
    assert!(program.child.try_wait().unwrap().is_none());
}

async fn can_mount(at: &Path) -> bool {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "mount", "-t", "tmpfs", "none"]).arg(at);
    command.stderr(Stdio::null()).status().await.is_ok_and(|status| status.success())
}

fn event(n: usize) -> String {
    json!({
        "id": format!("evt_{n}"), "object": "event", "type": "customer.updated", "created": wall_clock(), "livemode": false,
        "data": {"object": {"id": format!("cus_{n}"), "object": "customer", "metadata": {}, "description": noise(n)}}
    })
    .to_string()
}

/// Two thousand letters that no file system makes smaller.
fn noise(n: usize) -> String {
    let mut state = n as u64 + 1;
    let mut letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + u8::try_from((state >> 33) % 26).unwrap())
    };
    (0..2000).map(|_| letter()).collect()
}

fn wall_clock() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().cast_signed()
}
