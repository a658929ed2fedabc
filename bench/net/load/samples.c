/* SPDX-License-Identifier: MIT */
/*
 * How much of a server's time is spent in its own code, by sampling: a clock that runs only while
 * the server does looks 10,000 times a second where it is, and tells of the moments that are not in
 * the kernel. The kernel's own account of user time is made at its ticks, 100 to 1,000 a second, of
 * which a server that lives in the kernel has a few in a run.
 *
 * A sample is a record that is a header and nothing else, so the number of samples is how far the
 * buffer's head has moved; nobody reads them, and old ones are written over.
 */
#include "load.h"

#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PERIOD 100000 /* ns */

int samples_open(pid_t pid, int processor)
{
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof(attributes),
        .config = PERF_COUNT_SW_CPU_CLOCK,
        .sample_period = PERIOD,
        .exclude_kernel = 1,
        .exclude_hv = 1,
        .inherit = 1, /* by threads that the server starts */
    };
    return (int)syscall(SYS_perf_event_open, &attributes, pid, processor, -1, PERF_FLAG_FD_CLOEXEC);
}

const struct perf_event_mmap_page *samples_map(int event)
{
    if (event < 0)
        return NULL;
    void *page = mmap(NULL, 2 * (size_t)sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED, event, 0);
    return page == MAP_FAILED ? NULL : page;
}

double samples_seconds(const struct perf_event_mmap_page *page)
{
    uint64_t head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
    return (double)(head / sizeof(struct perf_event_header)) * PERIOD / 1e9;
}
