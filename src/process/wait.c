/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a child, and signals to it.
 *
 * A pidfd becomes readable when its process has ended, so waiting is the operation that waits for a
 * descriptor. Where there is no pidfd (Linux before 5.3, a sandbox, too many descriptors when the
 * child was started), a listener for SIGCHLD says when to look again; it is opened before the first
 * look.
 *
 * Invariant: the child is reaped only by tug_process_reap(), under `lock`, which kill(2) by id
 * needs; a pidfd does not. So an id that was not reaped is the child's.
 */
#include <tug/process.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>

#include <tug/cancel.h>
#include <tug/task.h>

#include "process/orphan.h"
#include "sys/call.h"
#include "sys/list.h"
#include "sys/mutex.h"

static struct tug_sys_mutex *lock_of(struct tug_process *process)
{
    return tug_sys_mutex_of_word(&process->lock);
}

/* ---- Reaping ---- */

static int wait_for_state(const struct tug_process *process, siginfo_t *information, int options)
{
    int result = -EINVAL;
    memset(information, 0, sizeof(*information));
    if (process->pidfd >= 0)
        result = tug_sys_waitid(P_PIDFD, process->pidfd, information, options);
    /* Linux 5.3 knows pidfds, but not here. */
    return result == -EINVAL ? tug_sys_waitid(P_PID, process->id, information, options) : result;
}

static struct tug_process_status status_of(const siginfo_t *information)
{
    if (information->si_code == CLD_EXITED)
        return (struct tug_process_status){.code = information->si_status};
    return (struct tug_process_status){
        .signal = information->si_status,
        .core_dumped = information->si_code == CLD_DUMPED,
    };
}

int tug_process_reap(struct tug_process *process)
{
    siginfo_t information;
    tug_sys_mutex_lock(lock_of(process));
    int result = process->failure;
    if (!process->reaped) {
        result = wait_for_state(process, &information, WEXITED | WNOHANG);
        if (result == 0 && information.si_pid == 0)
            result = -EAGAIN;
        else if (result == 0)
            process->status = status_of(&information);
        process->failure = result == -ECHILD ? result : 0;
        __atomic_store_n(&process->reaped, result == 0 || result == -ECHILD, __ATOMIC_RELAXED);
    }
    tug_sys_mutex_unlock(lock_of(process));
    return result;
}

int tug_process_try_wait(struct tug_process *process, struct tug_process_status *status)
{
    int result = tug_process_reap(process);
    if (result == 0 && status != NULL)
        *status = process->status;
    return result;
}

pid_t tug_process_id(const struct tug_process *process)
{
    return __atomic_load_n(&process->reaped, __ATOMIC_RELAXED) ? -ESRCH : process->id;
}

/* ---- The future ---- */

/* Prepares the next wait. Returns 0, or how it has ended. */
static int look_again(struct tug_process_future *wait)
{
    struct tug_process *process = wait->process;
    if (process->pidfd < 0 && wait->listener.fd < 0) {
        int error = tug_signal_open(&wait->listener, SIGCHLD);
        if (error != 0)
            return error;
    }
    int result = tug_process_reap(process);
    if (result != -EAGAIN)
        return result == 0 ? 1 : result;
    if (wait->cancelled)
        return -ECANCELED;
    if (process->pidfd >= 0) {
        tug_op_poll(&wait->op, process->pidfd, POLLIN);
        wait->inner = &wait->op.future;
    } else {
        tug_signal_future_init(&wait->signal, &wait->listener);
        wait->inner = &wait->signal.future;
    }
    return 0;
}

static int process_future_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct tug_process_future *wait = TUG_CONTAINER_OF(self, struct tug_process_future, future);
    int result = 0;
    while (result == 0) {
        if (wait->inner == NULL)
            result = look_again(wait);
        if (result != 0)
            break;
        if (wait->inner->vtable->poll(wait->inner, waker) == TUG_PENDING)
            return TUG_PENDING;
        result = wait->inner->result < 0 && !wait->cancelled ? (int)wait->inner->result : 0;
        wait->inner = NULL;
    }
    tug_signal_close(&wait->listener);
    self->result = result > 0 ? 0 : result;
    return TUG_READY;
}

static void process_future_cancel(struct tug_future *self)
{
    struct tug_process_future *wait = TUG_CONTAINER_OF(self, struct tug_process_future, future);
    wait->cancelled = true;
    if (wait->inner != NULL)
        wait->inner->vtable->cancel(wait->inner);
}

static const struct tug_future_vtable process_future_vtable = {
    .poll = process_future_poll,
    .cancel = process_future_cancel,
};

void tug_process_future_init(struct tug_process_future *wait, struct tug_process *process)
{
    wait->future = (struct tug_future){&process_future_vtable, 0};
    wait->process = process;
    wait->listener.fd = -1;
    wait->inner = NULL;
    wait->cancelled = false;
}

/* ---- Waiting in direct style ---- */

static int wait_on_thread(struct tug_process *process)
{
    siginfo_t information;
    int result;
    /* Not to be reaped yet: a kill by id in another thread must not meet a stranger. */
    while ((result = tug_process_reap(process)) == -EAGAIN) {
        result = wait_for_state(process, &information, WEXITED | WNOWAIT);
        if (result != 0)
            break;
    }
    return result;
}

static int wait_until_reaped(struct tug_process *process)
{
    if (tug_task_current() == NULL)
        return wait_on_thread(process);
    struct tug_process_future wait;
    tug_process_future_init(&wait, process);
    return (int)tug_await(&wait.future);
}

/* SIGKILL, and the wait for its effect, which nothing cancels. One that has become another user's
 * may live for ever. */
static void end(struct tug_process *process)
{
    struct tug_scope shield;
    if (tug_process_kill(process, SIGKILL) != 0)
        return;
    tug_shield_begin(&shield);
    (void)wait_until_reaped(process);
    tug_scope_end(&shield, 0);
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        tug_sys_close(*fd);
    *fd = -1;
}

int tug_process_wait(struct tug_process *process, struct tug_process_status *status)
{
    close_end(&process->input);
    int result = process->reaped ? process->failure : wait_until_reaped(process);
    if (result == 0 && status != NULL)
        *status = process->status;
    if ((result == -ECANCELED || result == -ETIMEDOUT) && process->kill_on_cancel)
        end(process);
    return result;
}

/* ---- Signals, and the end ---- */

int tug_process_kill(struct tug_process *process, int number)
{
    int result = -ENOSYS;
    if (process->pidfd >= 0)
        result = tug_sys_pidfd_send_signal(process->pidfd, number);
    if (result != -ENOSYS)
        return result;
    tug_sys_mutex_lock(lock_of(process));
    result = process->reaped ? -ESRCH : tug_sys_kill(process->id, number);
    tug_sys_mutex_unlock(lock_of(process));
    return result;
}

void tug_process_close(struct tug_process *process)
{
    close_end(&process->input);
    close_end(&process->output);
    close_end(&process->error);
    if (!process->reaped && process->kill_on_close)
        end(process);
    (void)tug_process_reap(process);
    if (process->reaped) {
        close_end(&process->pidfd);
        tug_orphan_free(process->orphan);
    } else {
        tug_orphan_adopt(process);
    }
    process->pidfd = -1;
    process->reaped = true;
    process->failure = -ECHILD;
    process->orphan = NULL;
    tug_process_reap_orphans();
}
