//! `cargo xtask example`: the demo, and a host application on top of it.

use crate::shell::{cargo, exec, root, run, target_dir};
use crate::{setup, take_flag, web};
use anyhow::Result;
use std::process::Command;

/// Where the host application is, below the top of the repository.
pub(crate) const FOLDER: &str = "examples/node-express";

/// Builds the program, installs the application's packages, and becomes the script that starts both.
pub(crate) fn start(mut args: Vec<String>) -> Result<()> {
    setup::node_modules(FOLDER)?;
    if !take_flag(&mut args, "--no-web") {
        web::build()?;
    }
    run(cargo().args(["build", "--package", "server", "--bin", "tollkeeper"]))?;
    let mut node = Command::new("node");
    node.current_dir(root()).env("TOLLKEEPER_BIN", target_dir()?.join("debug/tollkeeper"));
    exec(node.arg(format!("{FOLDER}/with-demo.mjs")).args(args))
}
