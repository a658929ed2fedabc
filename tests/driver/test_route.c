/* SPDX-License-Identifier: MIT */
/*
 * TUG_ROUTE moves operations between the ring and the pool; what makes no sense is ignored. Read
 * once per process, so this is a program of its own. Skipped where there is no io_uring.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "loop.h"

static int route_of(struct loop *loop, struct tug_op *op)
{
    loop_finish(loop, op);
    return op->route;
}

static void routes(void **state)
{
    (void)state;
    struct loop loop;
    loop_open(&loop);
    struct tug_op op;
    struct statx status;
    char buffer[8];
    tug_op_statx(&op, AT_FDCWD, "/", 0, STATX_TYPE, &status);
    assert_int_equal(route_of(&loop, &op), TUG_ROUTE_POOL);
    tug_op_mkdirat(&op, AT_FDCWD, "/", 0700);
    assert_int_equal(route_of(&loop, &op), TUG_ROUTE_POOL);
    tug_op_nop(&op);
    assert_int_equal(route_of(&loop, &op), TUG_ROUTE_URING);
    /* There is no such opcode. */
    tug_op_readlinkat(&op, AT_FDCWD, "/", buffer, sizeof(buffer));
    assert_int_equal(route_of(&loop, &op), TUG_ROUTE_POOL);
    /* Not a name that only begins alike, nor a route that does. */
    tug_op_unlinkat(&op, AT_FDCWD, "/nothing", 0);
    assert_int_equal(route_of(&loop, &op), TUG_ROUTE_URING);
    tug_op_linkat(&op, AT_FDCWD, "/nothing", AT_FDCWD, "/nothing", 0);
    assert_int_equal(route_of(&loop, &op), TUG_ROUTE_URING);
    loop_close(&loop);
}

int main(void)
{
    setenv("TUG_DRIVER", "uring", 1);
    setenv("TUG_ROUTE",
           "statx:pool,,unlink:pool,linkat:pools,nonsense,readlinkat:uring,nop:uring,mkdirat:pool",
           1);
    int reason = tug_uring_probe();
    if (reason < 0) {
        fprintf(stderr, "skipped: no io_uring: %s\n", strerror(-reason));
        return 77;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(routes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
