// SPDX-License-Identifier: MIT
//
// bench-net-tokio: an echo server with one task per client, all of them on one thread. Prints its
// port and serves until it is killed.

use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn serve(mut client: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; 16384];
    loop {
        let length = client.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        client.write_all(&buffer[..length]).await?;
    }
}

async fn listen_and_serve() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    loop {
        let (client, _) = listener.accept().await?;
        tokio::spawn(serve(client));
    }
}

fn main() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(listen_and_serve())
}
