// SPDX-License-Identifier: MIT
//
// A tree copied with Tokio as its users do it: bench-tokio-copy SOURCE COPY. The walk is
// asynchronous, and 32 files are copied at a time by tokio::fs::copy.

use futures::stream::{self, StreamExt};
use std::io;
use std::path::{Path, PathBuf};
use tokio::fs;

/// Makes the directories and links of a tree, and returns its files.
async fn walk(source: PathBuf, copy: PathBuf) -> io::Result<Vec<(PathBuf, PathBuf)>> {
    let mut files = Vec::new();
    let mut waiting = vec![(source, copy)];
    while let Some((source, copy)) = waiting.pop() {
        fs::create_dir(&copy).await?;
        let mut entries = fs::read_dir(&source).await?;
        while let Some(entry) = entries.next_entry().await? {
            let (from, to) = (entry.path(), copy.join(entry.file_name()));
            let kind = entry.file_type().await?;
            if kind.is_dir() {
                waiting.push((from, to));
            } else if kind.is_symlink() {
                fs::symlink(fs::read_link(&from).await?, &to).await?;
            } else {
                files.push((from, to));
            }
        }
    }
    Ok(files)
}

async fn copy_tree(source: &Path, copy: &Path) -> io::Result<()> {
    if fs::symlink_metadata(source).await?.is_file() {
        fs::copy(source, copy).await?;
        return Ok(());
    }
    let files = walk(source.to_path_buf(), copy.to_path_buf()).await?;
    stream::iter(files)
        .for_each_concurrent(32, |(from, to)| async move {
            if let Err(error) = fs::copy(&from, &to).await {
                eprintln!("bench-tokio-copy: {}: {}", from.display(), error);
                std::process::exit(1);
            }
        })
        .await;
    Ok(())
}

fn main() {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if arguments.len() != 2 {
        eprintln!("usage: bench-tokio-copy SOURCE COPY");
        std::process::exit(2);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    // In a task, so on a worker, which is Tokio's fast path.
    let copied = runtime.block_on(async move {
        tokio::spawn(async move { copy_tree(&arguments[0], &arguments[1]).await })
            .await
            .unwrap()
    });
    if let Err(error) = copied {
        eprintln!("bench-tokio-copy: {}", error);
        std::process::exit(1);
    }
}
