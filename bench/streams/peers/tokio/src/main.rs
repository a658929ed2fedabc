// SPDX-License-Identifier: MIT
//
// bench-streams-tokio CASE ct [MIB]: tokio::io::copy() between memory, a TCP connection and a file, on a
// current-thread runtime. The other end of the connection is a thread that makes blocking calls.
// Prints several samples, in GB/s.

use std::io::{self, Cursor, Read, Seek, Write};
use std::net;
use std::thread;
use std::time::Instant;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

const PIECE: usize = 256 << 10;
const SAMPLES: usize = 5;

async fn connect() -> io::Result<(TcpStream, net::TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let client = TcpStream::connect(listener.local_addr()?).await?;
    let peer = listener.accept().await?.0.into_std()?;
    peer.set_nonblocking(false)?;
    Ok((client, peer))
}

fn feed(mut peer: net::TcpStream, size: usize) {
    let piece = vec![1; PIECE];
    let mut left = size;
    while left > 0 {
        left -= peer.write(&piece[..PIECE.min(left)]).unwrap();
    }
}

fn drain(mut peer: net::TcpStream, size: usize) {
    let mut piece = vec![1; PIECE];
    let mut received = 0;
    loop {
        match peer.read(&mut piece).unwrap() {
            0 => break,
            length => received += length,
        }
    }
    assert_eq!(received, size);
}

async fn sample(case: &str, file: &std::fs::File, source: &[u8], target: &mut [u8]) -> io::Result<f64> {
    let size = source.len();
    let copied;
    let start;
    if case == "memory_to_memory" {
        let mut reader = source;
        let mut writer = Cursor::new(target);
        start = Instant::now();
        copied = tokio::io::copy(&mut reader, &mut writer).await?;
        return finish(copied, size, start);
    }
    let (mut client, peer) = connect().await?;
    let mut file = file.try_clone()?;
    file.rewind()?;
    let mut file = File::from_std(file);
    let other;
    start = Instant::now();
    if case == "socket_to_file" {
        other = thread::spawn(move || feed(peer, size));
        copied = tokio::io::copy(&mut client, &mut file).await?;
        file.flush().await?;
    } else {
        other = thread::spawn(move || drain(peer, size));
        copied = tokio::io::copy(&mut file, &mut client).await?;
        drop(client);
    }
    other.join().unwrap();
    finish(copied, size, start)
}

fn finish(copied: u64, size: usize, start: Instant) -> io::Result<f64> {
    assert_eq!(copied as usize, size);
    Ok(size as f64 / 1e9 / start.elapsed().as_secs_f64())
}

// A file of the size of all, without a name, in the present directory.
fn make_file(source: &[u8]) -> io::Result<std::fs::File> {
    let name = format!("bench-streams-tokio.{}", std::process::id());
    let mut file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&name)?;
    std::fs::remove_file(&name)?;
    file.write_all(source)?;
    Ok(file)
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let size = arguments.get(3).map_or(128, |text| text.parse().unwrap()) << 20;
    let source = vec![1; size];
    let mut target = vec![2; size];
    let file = make_file(&source)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    for number in 0..=SAMPLES {
        let rate = runtime.block_on(sample(&arguments[1], &file, &source, &mut target))?;
        if number > 0 {
            // the first warms up
            println!("{} ct {:.3} GB/s", arguments[1], rate);
        }
    }
    Ok(())
}
