/* SPDX-License-Identifier: MIT */
/*
 * Ids and names of tasks.
 */
#include "task/label.h"

#include <errno.h>
#include <string.h>

#include "sys/call.h"

struct task_label {
    uint64_t id;
    char name[];
};

static struct task_label *label_of(uint64_t label)
{
    return (struct task_label *)(uintptr_t)label;
}

/* One counter for the process: an id is drawn for those tasks that somebody wants to tell apart. */
static uint64_t draw_id(void)
{
    static uint64_t last;
    return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

int tug_task_label_set(struct tug_task *task, const char *name)
{
    size_t size = strlen(name) + 1;
    struct task_label *label = tug_sys_malloc(sizeof *label + size);
    if (label == NULL)
        return -ENOMEM;
    label->id = draw_id();
    memcpy(label->name, name, size);
    task->label = (uintptr_t)label;
    return 0;
}

void tug_task_label_free(struct tug_task *task)
{
    tug_sys_free(label_of(task->label));
}

uint64_t tug_task_id(struct tug_task *task)
{
    uint64_t label = __atomic_load_n(&task->label, __ATOMIC_ACQUIRE);
    if (label == 0) {
        uint64_t drawn = draw_id() << 1 | 1;
        /* Who loses against another thread takes that one's number. */
        if (__atomic_compare_exchange_n(&task->label, &label, drawn, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
            label = drawn;
    }
    return tug_label_is_struct(label) ? label_of(label)->id : label >> 1;
}

const char *tug_task_name(const struct tug_task *task)
{
    uint64_t label = __atomic_load_n(&task->label, __ATOMIC_ACQUIRE);
    return tug_label_is_struct(label) ? label_of(label)->name : NULL;
}
