/* SPDX-License-Identifier: MIT */
/*
 * The shape that all system calls of src/sys/ have: the fault hook, the call, errno turned into a
 * value; and for most of them, once more after EINTR.
 *
 *     return TUG_SYS_RETRY(mkdirat, TUG_ON_PATH(directory, path), mkdirat(directory, path, mode));
 *
 * `name` is a row of TUG_FAULT_CALLS, `target` one of the TUG_ON_ macros, `call` an expression that
 * is < 0 with errno set when it fails. The hook is inside the loop: every attempt is an occurrence.
 */
#ifndef TUG_SYS_CALL_PATTERN_H
#define TUG_SYS_CALL_PATTERN_H

#include <errno.h>

#include "sys/call.h"

#define TUG_SYS_ONCE(name, target, call)                                                           \
    ({                                                                                             \
        int64_t value_ = TUG_FAULT(name, target);                                                  \
        if (__builtin_expect(value_ == 0, 1)) {                                                    \
            value_ = (call);                                                                       \
            if (__builtin_expect(value_ < 0, 0))                                                   \
                value_ = tug_sys_error();                                                          \
        }                                                                                          \
        value_;                                                                                    \
    })

#define TUG_SYS_RETRY(name, target, call)                                                          \
    ({                                                                                             \
        int64_t result_;                                                                           \
        do                                                                                         \
            result_ = TUG_SYS_ONCE(name, target, call);                                            \
        while (__builtin_expect(result_ == -EINTR, 0));                                            \
        result_;                                                                                   \
    })

#endif
