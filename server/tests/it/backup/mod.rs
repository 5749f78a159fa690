//! Backups: made while the program works, kept and removed by the clock, put back; and the move to another database.

mod by_the_clock;
mod command;
mod moving;

use std::path::Path;
use std::process::Command;

/// The program on the database of a folder.
fn run(database: &Path, args: &[&str]) -> (i32, String, String) {
    let url = store::sqlite::url_of(database).unwrap();
    run_on(&url, args)
}

fn run_on(url: &str, args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tollkeeper"))
        .args(args)
        .env_clear()
        .envs([("DATABASE_URL", url), ("LOG", "warn")])
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}
