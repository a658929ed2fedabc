// SPDX-License-Identifier: MIT
//
// bench-walk-peer std|tokio DIRECTORY: prints how many entries a tree has, the directory itself
// included, by their names and types alone: with the calls of Rust's standard library, or with
// Tokio's, as their users write such a walk.

use std::io;
use std::path::PathBuf;

fn walk_std(root: PathBuf) -> io::Result<u64> {
    let mut entries = 1;
    let mut waiting = vec![root];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(&directory)? {
            let entry = entry?;
            entries += 1;
            if entry.file_type()?.is_dir() {
                waiting.push(entry.path());
            }
        }
    }
    Ok(entries)
}

async fn walk_tokio(root: PathBuf) -> io::Result<u64> {
    let mut entries = 1;
    let mut waiting = vec![root];
    while let Some(directory) = waiting.pop() {
        let mut reader = tokio::fs::read_dir(&directory).await?;
        while let Some(entry) = reader.next_entry().await? {
            entries += 1;
            if entry.file_type().await?.is_dir() {
                waiting.push(entry.path());
            }
        }
    }
    Ok(entries)
}

fn main() {
    let arguments: Vec<std::ffi::OsString> = std::env::args_os().skip(1).collect();
    if arguments.len() != 2 {
        eprintln!("usage: bench-walk-peer std|tokio DIRECTORY");
        std::process::exit(2);
    }
    let root = PathBuf::from(&arguments[1]);
    let counted = if arguments[0] == "tokio" {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(walk_tokio(root))
    } else {
        walk_std(root)
    };
    match counted {
        Ok(entries) => println!("{}", entries),
        Err(error) => {
            eprintln!("bench-walk-peer: {}", error);
            std::process::exit(1);
        }
    }
}
