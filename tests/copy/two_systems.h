/* SPDX-License-Identifier: MIT */
/* Two file systems for each test: directories A and B in the scratch directory of fixture.h. */
#ifndef TUG_TESTS_COPY_TWO_SYSTEMS_H
#define TUG_TESTS_COPY_TWO_SYSTEMS_H

/* As cmocka's setup of a group: finds out how to get them: by mounting in a name space of its own,
 * where the process may do that, else by directories of different mounts that exist. Ends the
 * program with status 77 if there is no way. */
int two_systems_prepare(void **state);

/* As setup and teardown of each test, in the place of fixture_enter() and fixture_leave(). */
int two_systems_enter(void **state);
int two_systems_leave(void **state);

/* Makes B a file system of so many bytes. False: that cannot be done here. */
bool two_systems_limit_b(unsigned long size);

#define TWO_SYSTEMS_TEST(function)                                                                 \
    cmocka_unit_test_setup_teardown(function, two_systems_enter, two_systems_leave)

#endif
