/* SPDX-License-Identifier: MIT */
#include "resuming.h"

#include <errno.h>
#include <stdlib.h>

#include "sys/fault.h"

#if TUG_FAULT_INJECTION

struct fixture_copy resuming;
uint64_t resuming_stop_at, resuming_written;

int resuming_enter(void **state)
{
    tug_fault_reset();
    fixture_copy_init(&resuming);
    resuming.options.resume = true;
    resuming.options.resume_size = 2 * MIB;
    resuming.options.target = TUG_COPY_TARGET_EXACT;
    return fixture_enter(state);
}

int resuming_leave(void **state)
{
    tug_fault_reset();
    return fixture_leave(state);
}

void resuming_run(void)
{
    fixture_copy_run(&resuming, "to", "from", NULL);
}

void resuming_expect(uint64_t copied, uint64_t resumed)
{
    assert_int_equal(resuming.result, 0);
    fixture_assert_copy("from", "to", FIXTURE_MODES);
    assert_int_equal(resuming.report.bytes, copied);
    assert_int_equal(resuming.report.resumed_bytes, resumed);
    assert_int_equal(system("test -z \"$(find . -name '.*tug-*')\""), 0);
}

void resuming_make_large(void)
{
    fixture_make_file("from", 0644, 40 * MIB + 7, 1);
}

void resuming_stop(const struct tug_copy_event *event, void *argument)
{
    (void)argument;
    if (event->kind != TUG_COPY_BYTES)
        return;
    resuming_written += event->bytes;
    if (resuming_written >= resuming_stop_at)
        tug_fault_fail("pread", 1, TUG_FAULT_ALWAYS, EIO);
}

static void interrupt(uint64_t bytes)
{
    resuming_stop_at = bytes;
    resuming_written = 0;
    resuming.on_event = resuming_stop;
    resuming.options.events |= TUG_COPY_BYTES;
    resuming.options.jobs = 1;
    resuming_run();
    resuming.on_event = NULL;
    resuming.options.jobs = 2;
    tug_fault_reset();
    assert_int_equal(resuming.result, -EIO);
}

void resuming_interrupt(uint64_t bytes)
{
    interrupt(bytes);
    assert_false(fixture_exists("to"));
}

void resuming_interrupt_over(const char *existing)
{
    interrupt(20 * MIB);
    fixture_assert_text("to", existing);
    assert_true(fixture_exists(".to.tug-part"));
}

#endif
