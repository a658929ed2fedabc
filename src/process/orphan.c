/* SPDX-License-Identifier: MIT */
/*
 * Reaping children that were given up while they ran (Tokio calls this the orphan queue).
 *
 * An orphan is waited for by a poll task of the runtime that gave it up. When that runtime ends
 * first, or there is none, the orphan is put into a list of the process, which is looked through
 * whenever a child is started or given up: zombies do not add up.
 *
 * An orphan in the list has no pidfd. Its id cannot be another process's, since it is reaped here
 * only.
 */
#include "process/orphan.h"

#include <errno.h>
#include <stddef.h>

#include <tug/sys.h>
#include <tug/task.h>

#include "sys/call.h"
#include "sys/list.h"
#include "sys/mutex.h"

struct tug_orphan {
    struct tug_future future; /* of the task that waits */
    struct tug_process process;
    struct tug_process_future wait;
    struct tug_orphan *next; /* in the list */
};

static struct tug_sys_mutex lock;
static struct tug_orphan *first;

struct tug_orphan *tug_orphan_new(void)
{
    return tug_sys_calloc(1, sizeof(struct tug_orphan));
}

void tug_orphan_free(struct tug_orphan *orphan)
{
    tug_sys_free(orphan);
}

static void close_pidfd(struct tug_orphan *orphan)
{
    if (orphan->process.pidfd >= 0)
        tug_sys_close(orphan->process.pidfd);
    orphan->process.pidfd = -1;
}

static void put_into_list(struct tug_orphan *orphan)
{
    close_pidfd(orphan);
    tug_sys_mutex_lock(&lock);
    orphan->next = first;
    first = orphan;
    tug_sys_mutex_unlock(&lock);
}

/* Only "not yet" and errors that mean nothing about the child keep it. */
static bool is_gone(struct tug_orphan *orphan)
{
    int result = tug_process_reap(&orphan->process);
    return result == 0 || result == -ECHILD;
}

int tug_process_reap_orphans(void)
{
    int left = 0;
    tug_sys_mutex_lock(&lock);
    for (struct tug_orphan **link = &first; *link != NULL;) {
        struct tug_orphan *orphan = *link;
        if (is_gone(orphan)) {
            *link = orphan->next;
            tug_orphan_free(orphan);
        } else {
            link = &orphan->next;
            left++;
        }
    }
    tug_sys_mutex_unlock(&lock);
    return left;
}

/* ---- The task ---- */

static int orphan_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct tug_orphan *orphan = TUG_CONTAINER_OF(self, struct tug_orphan, future);
    struct tug_future *wait = &orphan->wait.future;
    if (wait->vtable->poll(wait, waker) == TUG_PENDING)
        return TUG_PENDING;
    self->result = wait->result;
    return TUG_READY;
}

static void orphan_cancel(struct tug_future *self)
{
    struct tug_orphan *orphan = TUG_CONTAINER_OF(self, struct tug_orphan, future);
    orphan->wait.future.vtable->cancel(&orphan->wait.future);
}

static void orphan_drop(struct tug_future *self)
{
    struct tug_orphan *orphan = TUG_CONTAINER_OF(self, struct tug_orphan, future);
    if (!is_gone(orphan)) {
        put_into_list(orphan);
        return;
    }
    close_pidfd(orphan);
    tug_orphan_free(orphan);
}

static const struct tug_future_vtable orphan_vtable = {
    .poll = orphan_poll,
    .cancel = orphan_cancel,
    .drop = orphan_drop,
};

void tug_orphan_adopt(const struct tug_process *process)
{
    struct tug_orphan *orphan = process->orphan;
    struct tug_task *task;
    orphan->future = (struct tug_future){&orphan_vtable, 0};
    orphan->process = *process;
    tug_process_future_init(&orphan->wait, &orphan->process);
    if (tug_spawn_future(&task, NULL, &orphan->future) == 0)
        tug_task_detach(task);
    else
        put_into_list(orphan);
}
