/* SPDX-License-Identifier: MIT */
/* What happens when something fails to a call that works on many entries. */
#ifndef TUG_FAILURE_H
#define TUG_FAILURE_H

#include <tug/config.h>

TUG_BEGIN_DECLS

enum tug_on_failure {
    /* It is counted and reported, and the rest is done. */
    TUG_ON_FAILURE_CONTINUE,
    /* It is counted and reported, and nothing more is begun. What is in the works is wound down as
     * by a cancellation, and may fail and be counted, too. */
    TUG_ON_FAILURE_STOP,
    /* A callback decides. */
    TUG_ON_FAILURE_ASK
};

/* What the callback says. */
enum tug_failure_answer {
    TUG_FAILURE_SKIP,  /* as with CONTINUE */
    TUG_FAILURE_RETRY, /* the entry is done again from its beginning; the failure is not counted */
    TUG_FAILURE_STOP   /* as with STOP */
};

TUG_END_DECLS

#endif
