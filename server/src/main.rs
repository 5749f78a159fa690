//! The program `tollkeeper`: reads the command line and the settings, and runs the command.

use std::process::ExitCode;

use clap::Parser;
use server::cli::{self, Cli};

fn main() -> ExitCode {
    // What is wrong with the command line is said by clap, which then ends with 2.
    let cli = Cli::parse();
    cli::main(cli)
}
