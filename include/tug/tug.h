/* SPDX-License-Identifier: MIT */
/*
 * All of libtug: an asynchronous I/O runtime for C with Tokio's semantics and POSIX's shape.
 */
#ifndef TUG_TUG_H
#define TUG_TUG_H

#include <tug/async_fd.h>
#include <tug/barrier.h>
#include <tug/blocking.h>
#include <tug/broadcast.h>
#include <tug/buffered.h>
#include <tug/bytes.h>
#include <tug/cancel.h>
#include <tug/combine.h>
#include <tug/config.h>
#include <tug/coop.h>
#include <tug/datagram.h>
#include <tug/delay_queue.h>
#include <tug/duplex.h>
#include <tug/fd_stream.h>
#include <tug/fifo.h>
#include <tug/file.h>
#include <tug/fs.h>
#include <tug/future.h>
#include <tug/group.h>
#include <tug/io.h>
#include <tug/io_copy.h>
#include <tug/join_set.h>
#include <tug/local.h>
#include <tug/local_set.h>
#include <tug/mpsc.h>
#include <tug/multicast.h>
#include <tug/mutex.h>
#include <tug/net.h>
#include <tug/notify.h>
#include <tug/once.h>
#include <tug/oneshot.h>
#include <tug/op.h>
#include <tug/parallel.h>
#include <tug/process.h>
#include <tug/runtime.h>
#include <tug/rwlock.h>
#include <tug/semaphore.h>
#include <tug/signal.h>
#include <tug/socket.h>
#include <tug/socket_option.h>
#include <tug/stream.h>
#include <tug/stream_combine.h>
#include <tug/stream_concurrent.h>
#include <tug/stream_source.h>
#include <tug/stream_time.h>
#include <tug/sys.h>
#include <tug/task.h>
#include <tug/task_local.h>
#include <tug/time.h>
#include <tug/tracker.h>
#include <tug/walk.h>
#include <tug/watch.h>

#endif
