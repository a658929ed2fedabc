/* SPDX-License-Identifier: MIT */
/* Entries come as getdents64(2) lays them out, as many as fit in a buffer of the C library's size.
 */
#include "bench_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <tug/sys.h>

int tug_cli_bench_open_directory(int directory, const char *name)
{
    return tug_sys_openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
}

/* Some file systems do not say the type. */
static int look_up_type(int directory, const char *name)
{
    struct statx statx;
    int error = tug_sys_statx(directory, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &statx);
    return error != 0 ? error : IFTODT(statx.stx_mode);
}

int tug_cli_bench_each(int directory, tug_bench_entry_fn *fn, void *argument)
{
    _Alignas(struct dirent64) char buffer[32768];
    for (;;) {
        int64_t length = tug_sys_getdents64(directory, buffer, sizeof(buffer));
        if (length <= 0)
            return (int)length;
        for (int64_t at = 0; at < length;) {
            const struct dirent64 *entry = (const void *)(buffer + at);
            at += entry->d_reclen;
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                continue;
            int type = entry->d_type;
            if (type == DT_UNKNOWN)
                type = look_up_type(directory, entry->d_name);
            int result = type < 0 ? type : fn(argument, directory, entry->d_name, type);
            if (result != 0)
                return result;
        }
    }
}
