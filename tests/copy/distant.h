/* SPDX-License-Identifier: MIT */
/* A directory "behind" that is seen through "mount" only after a delay: tests/tools/delay_fs.c. */
#ifndef TUG_TESTS_COPY_DISTANT_H
#define TUG_TESTS_COPY_DISTANT_H

#include "fixture.h"

/* Has the program `server` (DELAY_FS) mount "behind", which exists, at "mount", which is made; each
 * operation takes so many us. False: there is no FUSE here. */
bool distant_mount(const char *server, unsigned delay_us);

/* The same, and what was read or written stays in the page cache when a file is opened again. */
bool distant_mount_cached(const char *server, unsigned delay_us);

/* The teardown of each test: unmounts it, and then as fixture_leave(). */
int distant_leave(void **state);

#endif
