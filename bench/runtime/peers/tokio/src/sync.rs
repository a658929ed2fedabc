// SPDX-License-Identifier: MIT
//
// The cases of the suite "sync".

use super::Bench;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::future::Future;
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc, oneshot, watch, Mutex, Notify, RwLock, Semaphore};
use tokio::task::yield_now;

const SENDERS: usize = 5;
const EACH: usize = 1_000;
const ROUND: usize = SENDERS * EACH;
const LARGE: usize = 1_000_000;

async fn send_all(sender: mpsc::Sender<usize>, n: usize) {
    for i in 0..n {
        sender.send(i).await.unwrap();
    }
}

async fn receive_all(mut receiver: mpsc::Receiver<usize>, n: usize) {
    for _ in 0..n {
        receiver.recv().await.unwrap();
    }
}

async fn receive_all_unbounded(mut receiver: mpsc::UnboundedReceiver<usize>, n: usize) {
    for _ in 0..n {
        receiver.recv().await.unwrap();
    }
}

async fn one_to_one(n: usize, capacity: usize) {
    let (sender, receiver) = mpsc::channel(capacity);
    tokio::spawn(send_all(sender, n));
    receive_all(receiver, n).await;
}

async fn contended(n: usize, capacity: usize) {
    for _ in 0..(n / ROUND).max(1) {
        let (sender, receiver) = mpsc::channel(capacity);
        for _ in 0..SENDERS {
            tokio::spawn(send_all(sender.clone(), EACH));
        }
        receive_all(receiver, ROUND).await;
    }
}

async fn contended_unbounded(n: usize) {
    for _ in 0..(n / ROUND).max(1) {
        let (sender, receiver) = mpsc::unbounded_channel();
        for _ in 0..SENDERS {
            let sender = sender.clone();
            tokio::spawn(async move {
                for i in 0..EACH {
                    sender.send(i).unwrap();
                }
            });
        }
        receive_all_unbounded(receiver, ROUND).await;
    }
}

async fn alone(n: usize) {
    for _ in 0..(n / ROUND).max(1) {
        let (sender, receiver) = mpsc::channel(LARGE);
        send_all(sender, ROUND).await;
        receive_all(receiver, ROUND).await;
    }
}

async fn alone_unbounded(n: usize) {
    for _ in 0..(n / ROUND).max(1) {
        let (sender, receiver) = mpsc::unbounded_channel();
        for i in 0..ROUND {
            sender.send(i).unwrap();
        }
        receive_all_unbounded(receiver, ROUND).await;
    }
}

async fn oneshots(n: usize) {
    for _ in 0..n {
        let (sender, receiver) = oneshot::channel();
        sender.send(1).unwrap();
        receiver.await.unwrap();
    }
}

async fn request_reply(n: usize) {
    let (requests, mut receiver) = mpsc::channel::<oneshot::Sender<usize>>(10);
    tokio::spawn(async move {
        while let Some(reply) = receiver.recv().await {
            reply.send(1).unwrap();
        }
    });
    for _ in 0..n {
        let (reply, replied) = oneshot::channel();
        requests.send(reply).await.unwrap();
        replied.await.unwrap();
    }
}

/// How many receivers have not told yet that they have a value; and that all have.
struct Round {
    left: AtomicUsize,
    done: Notify,
}

impl Round {
    fn new() -> Arc<Round> {
        Arc::new(Round { left: AtomicUsize::new(0), done: Notify::new() })
    }

    fn tell(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.done.notify_one();
        }
    }

    async fn run(&self, n: usize, count: usize, send: impl Fn(usize)) {
        for i in 0..(n / count).max(1) {
            self.left.store(count, Ordering::Relaxed);
            send(i);
            self.done.notified().await;
        }
    }
}

async fn broadcasts(n: usize, count: usize) {
    let (sender, first) = broadcast::channel::<usize>(1_000);
    let round = Round::new();
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            let mut receiver = sender.subscribe();
            let round = round.clone();
            tokio::spawn(async move {
                while receiver.recv().await.is_ok() {
                    round.tell();
                }
            })
        })
        .collect();
    drop(first);
    round.run(n, count, |i| drop(sender.send(i).unwrap())).await;
    drop(sender);
    for task in tasks {
        task.await.unwrap();
    }
}

async fn watches(n: usize, count: usize) {
    let (sender, first) = watch::channel(0);
    let round = Round::new();
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            let mut receiver = sender.subscribe();
            let round = round.clone();
            tokio::spawn(async move {
                while receiver.changed().await.is_ok() {
                    let _value: usize = *receiver.borrow_and_update();
                    round.tell();
                }
            })
        })
        .collect();
    drop(first);
    round.run(n, count, |i| sender.send(i).unwrap()).await;
    drop(sender);
    for task in tasks {
        task.await.unwrap();
    }
}

async fn notify_and_wait(notify: &Notify, other: &Notify, n: usize) {
    for _ in 0..n {
        notify.notify_one();
        other.notified().await;
    }
}

async fn notify_1(n: usize) {
    let both = Arc::new((Notify::new(), Notify::new()));
    let partner = tokio::spawn({
        let both = both.clone();
        async move {
            for _ in 0..n / 2 {
                both.0.notified().await;
                both.1.notify_one();
            }
        }
    });
    notify_and_wait(&both.0, &both.1, n / 2).await;
    partner.await.unwrap();
}

/// Who is notified waits for the next time before it tells. At first all tell that they are ready.
async fn notify_all(n: usize, count: usize) {
    let shared = Arc::new((Notify::new(), AtomicBool::new(false)));
    let round = Round::new();
    round.left.store(count, Ordering::Relaxed);
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            let shared = shared.clone();
            let round = round.clone();
            tokio::spawn(async move {
                let notified = shared.0.notified();
                tokio::pin!(notified);
                loop {
                    round.tell();
                    notified.as_mut().await;
                    if shared.1.load(Ordering::Acquire) {
                        break;
                    }
                    notified.set(shared.0.notified());
                }
            })
        })
        .collect();
    round.done.notified().await;
    round.run(n, count, |_| shared.0.notify_waiters()).await;
    shared.1.store(true, Ordering::Release);
    shared.0.notify_waiters();
    for task in tasks {
        task.await.unwrap();
    }
}

/// Runs a future in six tasks, which share `n` operations.
async fn six<F, W>(n: usize, work: W)
where
    W: Fn(usize) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let tasks: Vec<_> = (0..6).map(|_| tokio::spawn(work(n / 6))).collect();
    for task in tasks {
        task.await.unwrap();
    }
}

async fn lock_mutex(mutex: Arc<Mutex<usize>>, n: usize) {
    for _ in 0..n {
        *mutex.lock().await += 1;
    }
}

async fn lock_to_read(lock: Arc<RwLock<()>>, n: usize) {
    for _ in 0..n {
        drop(lock.read().await);
    }
}

async fn take_permit(semaphore: Arc<Semaphore>, n: usize) {
    for _ in 0..n {
        drop(semaphore.acquire().await.unwrap());
    }
}

async fn keep_permit(semaphore: Arc<Semaphore>, n: usize) {
    for _ in 0..n {
        let permit = semaphore.acquire().await.unwrap();
        yield_now().await;
        drop(permit);
    }
}

async fn mutex_6(n: usize) {
    let mutex = Arc::new(Mutex::new(0));
    six(n, |n| lock_mutex(mutex.clone(), n)).await;
}

async fn rwlock_6(n: usize) {
    let lock = Arc::new(RwLock::new(()));
    six(n, |n| lock_to_read(lock.clone(), n)).await;
}

/// Six readers come while somebody writes.
async fn rwlock_written(n: usize) {
    let lock = Arc::new(RwLock::new(()));
    for _ in 0..n / 6 {
        let written = lock.write().await;
        let tasks: Vec<_> = (0..6).map(|_| tokio::spawn(lock_to_read(lock.clone(), 1))).collect();
        yield_now().await;
        drop(written);
        for task in tasks {
            task.await.unwrap();
        }
    }
}

async fn send_and_receive<const SIZE: usize>(n: usize) {
    let (sender, mut receiver) = mpsc::channel(1_000);
    let mut value = [0u8; SIZE];
    for _ in 0..n {
        sender.send(value).await.unwrap();
        value = receiver.recv().await.unwrap();
    }
}

async fn semaphore_10(n: usize) {
    let semaphore = Arc::new(Semaphore::new(10));
    six(n, |n| take_permit(semaphore.clone(), n)).await;
}

async fn semaphore_5(n: usize) {
    let semaphore = Arc::new(Semaphore::new(5));
    six(n, |n| keep_permit(semaphore.clone(), n)).await;
}

/// Runs the case of that name. False: there is none.
pub fn run(case: &str, bench: impl Fn(usize, usize) -> Bench) -> bool {
    match case {
        "mpsc_1_1000" => bench(1_000_000, 3).per_operation(|n| one_to_one(n, 1_000)),
        "mpsc_1_1" => bench(300_000, 3).per_operation(|n| one_to_one(n, 1)),
        "mpsc_5_bounded" => bench(500_000, 3).per_operation(|n| contended(n, LARGE)),
        "mpsc_5_full" => bench(500_000, 3).per_operation(|n| contended(n, 100)),
        "mpsc_5_unbounded" => bench(500_000, 3).per_operation(contended_unbounded),
        "mpsc_alone_bounded" => bench(500_000, 3).per_operation(alone),
        "mpsc_alone_unbounded" => bench(500_000, 3).per_operation(alone_unbounded),
        "mpsc_512" => bench(1_000_000, 3).per_operation(send_and_receive::<512>),
        "mpsc_32k" => bench(100_000, 3).per_operation(send_and_receive::<32768>),
        "oneshot" => bench(1_000_000, 3).per_operation(oneshots),
        "request_reply" => bench(200_000, 3).per_operation(request_reply),
        "broadcast_10" => bench(300_000, 3).per_operation(|n| broadcasts(n, 10)),
        "broadcast_100" => bench(300_000, 3).per_operation(|n| broadcasts(n, 100)),
        "broadcast_500" => bench(300_000, 3).per_operation(|n| broadcasts(n, 500)),
        "broadcast_1000" => bench(300_000, 3).per_operation(|n| broadcasts(n, 1_000)),
        "watch_10" => bench(300_000, 3).per_operation(|n| watches(n, 10)),
        "watch_100" => bench(300_000, 3).per_operation(|n| watches(n, 100)),
        "watch_500" => bench(300_000, 3).per_operation(|n| watches(n, 500)),
        "watch_1000" => bench(300_000, 3).per_operation(|n| watches(n, 1_000)),
        "notify_1" => bench(300_000, 3).per_operation(notify_1),
        "notify_10" => bench(300_000, 3).per_operation(|n| notify_all(n, 10)),
        "notify_100" => bench(300_000, 3).per_operation(|n| notify_all(n, 100)),
        "notify_500" => bench(300_000, 3).per_operation(|n| notify_all(n, 500)),
        "mutex_alone" => {
            bench(1_000_000, 3).per_operation(|n| lock_mutex(Arc::new(Mutex::new(0)), n))
        }
        "mutex_6" => bench(1_000_000, 3).per_operation(mutex_6),
        "rwlock_alone" => {
            bench(1_000_000, 3).per_operation(|n| lock_to_read(Arc::new(RwLock::new(())), n))
        }
        "rwlock_6" => bench(1_000_000, 3).per_operation(rwlock_6),
        "rwlock_written" => bench(120_000, 3).per_operation(rwlock_written),
        "semaphore_10" => bench(1_000_000, 3).per_operation(semaphore_10),
        "semaphore_5" => bench(300_000, 3).per_operation(semaphore_5),
        _ => return false,
    }
    true
}
