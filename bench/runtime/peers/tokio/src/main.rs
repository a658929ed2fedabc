// SPDX-License-Identifier: MIT
//
// The micro-benchmarks of the suites "runtime" and "sync", for Tokio: bench-tokio CASE FLAVOUR [N].
//
// Where the code that drives a case runs: always inside a spawned task. With the multi-thread
// flavour (`mt`, two workers) the future given to block_on() would run on the calling thread, which
// is no worker: each of its spawns would go through the global queue and wake a worker. Inside a
// task, spawns go to the worker's own queue, which is Tokio's fast path and what the other programs
// do too. With `ct` it is a task as well, so that both flavours do the same work.
//
// All drivers (I/O, time) are enabled, as in #[tokio::main].

mod sync;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::{spawn_blocking, yield_now, JoinHandle};

/// What one run of the program measures.
struct Bench {
    case: String,
    flavour: String,
    /// Operations per sample.
    n: usize,
    samples: usize,
}

impl Bench {
    fn runtime(&self) -> Runtime {
        let mut builder = match self.flavour.as_str() {
            "ct" => Builder::new_current_thread(),
            _ => Builder::new_multi_thread(),
        };
        if self.flavour == "mt" {
            builder.worker_threads(2);
        }
        builder.enable_all().build().unwrap()
    }

    fn print(&self, case: &str, value: f64, unit: &str) {
        println!("{} {} {:.6} {}", case, self.flavour, value, unit);
    }

    /// Runs `work(n)` once with a tenth of the operations, to warm up, then once per sample.
    fn time<F, W>(&self, work: W) -> Vec<Duration>
    where
        W: Fn(usize) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime = self.runtime();
        drive(&runtime, work((self.n / 10).max(1)));
        (0..self.samples)
            .map(|_| {
                let sample = work(self.n);
                drive(&runtime, async move {
                    let start = Instant::now();
                    sample.await;
                    start.elapsed()
                })
            })
            .collect()
    }

    fn per_operation<F, W>(&self, work: W)
    where
        W: Fn(usize) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        for elapsed in self.time(work) {
            self.print(&self.case, elapsed.as_nanos() as f64 / self.n as f64, "ns");
        }
    }

    fn seconds<F, W>(&self, work: W)
    where
        W: Fn(usize) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        for elapsed in self.time(work) {
            self.print(&self.case, elapsed.as_secs_f64(), "s");
        }
    }
}

/// Runs `work` as a task of `runtime` (see the head of the file).
fn drive<F>(runtime: &Runtime, work: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    runtime.block_on(async { tokio::spawn(work).await.unwrap() })
}

/// Spawns `batch` empty tasks, then awaits their handles, until `n` have been joined.
async fn spawn_join(n: usize, batch: usize) {
    let mut handles: Vec<JoinHandle<()>> = Vec::with_capacity(batch.min(n));
    let mut left = n;
    while left > 0 {
        let count = batch.min(left);
        for _ in 0..count {
            handles.push(tokio::spawn(async {}));
        }
        for handle in handles.drain(..) {
            handle.await.unwrap();
        }
        left -= count;
    }
}

/// `tasks` tasks share `n` yields.
async fn yields(n: usize, tasks: usize) {
    let each = n / tasks;
    let handles: Vec<_> = (0..tasks)
        .map(|_| {
            tokio::spawn(async move {
                for _ in 0..each {
                    yield_now().await;
                }
            })
        })
        .collect();
    for handle in handles {
        handle.await.unwrap();
    }
}

/// Rounds of 1,000 pairs: one message there, one back, each over a channel of its own.
async fn ping_pong(n: usize) {
    const PAIRS: usize = 1_000;
    for _ in 0..(n / PAIRS).max(1) {
        let (done, all_done) = oneshot::channel();
        let shared = Arc::new((AtomicUsize::new(PAIRS), std::sync::Mutex::new(Some(done))));
        for _ in 0..PAIRS {
            let shared = shared.clone();
            tokio::spawn(async move {
                let (ping, pinged) = oneshot::channel();
                let (pong, ponged) = oneshot::channel();
                tokio::spawn(async move {
                    pinged.await.unwrap();
                    pong.send(()).unwrap();
                });
                ping.send(()).unwrap();
                ponged.await.unwrap();
                if shared.0.fetch_sub(1, Relaxed) == 1 {
                    shared.1.lock().unwrap().take().unwrap().send(()).unwrap();
                }
            });
        }
        all_done.await.unwrap();
    }
}

/// Rounds of a task that spawns a task that spawns ..., 1,000 deep.
async fn chained_spawn(n: usize) {
    const DEPTH: usize = 1_000;
    fn link(left: usize, done: oneshot::Sender<()>) {
        if left == 0 {
            done.send(()).unwrap();
        } else {
            tokio::spawn(async move { link(left - 1, done) });
        }
    }
    for _ in 0..(n / DEPTH).max(1) {
        let (done, all_done) = oneshot::channel();
        tokio::spawn(async move { link(DEPTH - 1, done) });
        all_done.await.unwrap();
    }
}

/// `n` tasks asleep at once, for 1 to 100 ms each.
async fn sleepers(n: usize) {
    let mut handles = Vec::with_capacity(n);
    for i in 0..n {
        let duration = Duration::from_millis(1 + (i % 100) as u64);
        handles.push(tokio::spawn(async move { tokio::time::sleep(duration).await }));
    }
    for handle in handles {
        handle.await.unwrap();
    }
}

/// Calls a function that does nothing on the pool of blocking threads, `batch` at a time.
async fn blocking(n: usize, batch: usize) {
    let mut handles = Vec::with_capacity(batch);
    for _ in 0..(n / batch).max(1) {
        for _ in 0..batch {
            handles.push(spawn_blocking(|| {}));
        }
        for handle in handles.drain(..) {
            handle.await.unwrap();
        }
    }
}

/// Keeps the waker of its first poll, as a future that waits for something does, and never ends.
struct Idle {
    waker: Option<Waker>,
    polled: &'static AtomicUsize,
}

impl Future for Idle {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.waker.is_none() {
            self.waker = Some(context.waker().clone());
            self.polled.fetch_add(1, Relaxed);
        }
        Poll::Pending
    }
}

extern "C" {
    /// Of the C library: gives free memory back to the system.
    fn malloc_trim(pad: usize) -> i32;
}

/// Resident bytes of this process, exact (statm is not).
fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = text.lines().find(|line| line.starts_with("Rss:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() * 1024.0
}

/// Resident bytes per task of `n` tasks that wait, and what is left of them after the end.
fn idle(bench: &Bench) {
    static POLLED: AtomicUsize = AtomicUsize::new(0);
    let runtime = bench.runtime();
    let n = bench.n;
    drive(&runtime, async { tokio::spawn(async {}).await.unwrap() });
    let before = resident();
    drive(&runtime, async move {
        for _ in 0..n {
            tokio::spawn(Idle { waker: None, polled: &POLLED });
        }
        while POLLED.load(Relaxed) < n {
            yield_now().await;
        }
    });
    let during = resident();
    drop(runtime);
    unsafe { malloc_trim(0) };
    bench.print("idle", (during - before) / n as f64, "bytes");
    bench.print("idle_left", (resident() - before) / n as f64, "bytes");
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.len() < 3 || !["ct", "mt"].contains(&arguments[2].as_str()) {
        eprintln!("usage: bench-tokio CASE ct|mt [N]");
        std::process::exit(2);
    }
    let number = arguments.get(3).map(|text| text.parse::<usize>().unwrap());
    let bench = |n: usize, samples: usize| Bench {
        case: arguments[1].clone(),
        flavour: arguments[2].clone(),
        n: number.unwrap_or(n),
        samples,
    };
    match arguments[1].as_str() {
        "spawn_join_1" => bench(100_000, 3).per_operation(|n| spawn_join(n, 1)),
        "spawn_join_1000" => bench(300_000, 3).per_operation(|n| spawn_join(n, 1_000)),
        "spawn_join_all" => bench(1_000_000, 1).per_operation(|n| spawn_join(n, n)),
        "yield_1" => bench(200_000, 3).per_operation(|n| yields(n, 1)),
        "yield_1000" => bench(1_000_000, 3).per_operation(|n| yields(n, 1_000)),
        "ping_pong" => bench(100_000, 3).per_operation(ping_pong),
        "chained_spawn" => bench(200_000, 3).per_operation(chained_spawn),
        "sleepers" => bench(1_000_000, 1).seconds(sleepers),
        "idle" => idle(&bench(1_000_000, 1)),
        "blocking_1" => bench(10_000, 3).per_operation(|n| blocking(n, 1)),
        "blocking_16" => bench(48_000, 3).per_operation(|n| blocking(n, 16)),
        case if sync::run(case, bench) => {}
        case => {
            eprintln!("bench-tokio: no such case: {}", case);
            std::process::exit(2);
        }
    }
}
