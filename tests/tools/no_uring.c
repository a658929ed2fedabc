/* SPDX-License-Identifier: MIT */
/*
 * no_uring PROGRAM [ARGUMENT...]: runs a program on a system that refuses io_uring with EPERM, as
 * the seccomp filters of the usual containers do.
 *
 * The filter stays over execve(2) and covers all children. Status 125: the filter could not be
 * installed; 126 or 127: the program could not be run; else the program's own.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STATUS_NO_FILTER = 125, STATUS_NOT_EXECUTABLE = 126, STATUS_NOT_FOUND = 127 };

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "no_uring knows the system call numbers of x86-64 and aarch64 only"
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define SKIP_UNLESS_EQUAL(value, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count)
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, value)
#define REFUSE(number)                                                                             \
    SKIP_UNLESS_EQUAL(number, 1), RETURN(SECCOMP_RET_ERRNO | (EPERM & SECCOMP_RET_DATA))

/* Returns 0, or -errno. */
static int forbid_uring(void)
{
    struct sock_filter instructions[] = {
        LOAD(arch),
        SKIP_UNLESS_EQUAL(ARCHITECTURE, 7),
        LOAD(nr),
        REFUSE(SYS_io_uring_setup),
        REFUSE(SYS_io_uring_enter),
        REFUSE(SYS_io_uring_register),
        RETURN(SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {
        .len = sizeof(instructions) / sizeof(instructions[0]),
        .filter = instructions,
    };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        return -errno;
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("usage: no_uring PROGRAM [ARGUMENT...]\n", stderr);
        return STATUS_NO_FILTER;
    }
    int error = forbid_uring();
    if (error < 0) {
        fprintf(stderr, "no_uring: cannot install the filter: %s\n", strerror(-error));
        return STATUS_NO_FILTER;
    }
    execvp(argv[1], argv + 1);
    error = errno;
    fprintf(stderr, "no_uring: %s: %s\n", argv[1], strerror(error));
    return error == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
}
