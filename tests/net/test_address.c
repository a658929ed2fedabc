/* SPDX-License-Identifier: MIT */
/*
 * Addresses as text, there and back, and names that are looked up.
 */
#include "../fs/scratch.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "sys/fault.h"

static const char *const there_and_back[] = {
    "127.0.0.1:80", "0.0.0.0:0",          "255.255.255.255:65535", "[::1]:443",
    "[::]:0",       "[2001:db8::1]:8080", "unix:/run/some socket", "unix:x",
    "unix:@hidden", "[fe80::1%lo]:22",
};

static void reads_and_writes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(there_and_back) / sizeof(there_and_back[0]); i++) {
        struct tug_address address;
        char text[TUG_ADDRESS_TEXT_SIZE];
        assert_int_equal(tug_address_parse(&address, there_and_back[i]), 0);
        assert_int_equal(tug_address_format(&address, text, sizeof(text)),
                         strlen(there_and_back[i]));
        assert_string_equal(text, there_and_back[i]);
    }
}

static void reads_any(void **state)
{
    (void)state;
    struct tug_address address;
    char text[TUG_ADDRESS_TEXT_SIZE];
    assert_int_equal(tug_address_parse(&address, ":80"), 0);
    tug_address_format(&address, text, sizeof(text));
    assert_string_equal(text, "[::]:80");
}

static void refuses(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:080000",
        "1.2.3:80",
        "1.2.3.4.5:80",
        "localhost:80",
        "[::1]",
        "[::1:80",
        "::1:80",
        "[]:80",
        "[::1]x:80",
        "127.0.0.1:-1",
        "127.0.0.1: 80",
        "127.0.0.1:8 ",
        "[fe80::1%nonesuch]:1",
        "unix:",
        "[::1%]:80",
    };
    struct tug_address address;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(tug_address_parse(&address, wrong[i]), -EINVAL);
    char text[600];
    memset(text, '1', sizeof(text));
    memcpy(text, "unix:", 5);
    text[5 + 107] = '\0';
    assert_int_equal(tug_address_parse(&address, text), 0);
    text[5 + 107] = '1';
    text[5 + 108] = '\0';
    assert_int_equal(tug_address_parse(&address, text), -ENAMETOOLONG);
    memset(text, '1', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(tug_address_parse(&address, text), -EINVAL);
    memset(&address, 0, sizeof(address));
    address.storage.ss_family = AF_PACKET;
    assert_int_equal(tug_address_format(&address, text, sizeof(text)), -EAFNOSUPPORT);
}

/* What does not fit is cut, never written beyond the end. */
static void cuts(void **state)
{
    (void)state;
    struct tug_address address;
    char text[8] = "-------";
    assert_int_equal(tug_address_parse(&address, "127.0.0.1:80"), 0);
    assert_int_equal(tug_address_format(&address, text, 5), 12);
    assert_string_equal(text, "127.");
    assert_string_equal(text + 5, "--");
    assert_int_equal(tug_address_format(&address, NULL, 0), 12);
}

static int64_t looks_up(void *unused)
{
    (void)unused;
    struct tug_address addresses[4];
    char text[TUG_ADDRESS_TEXT_SIZE];
    CHECK_EQUAL(tug_resolve("127.0.0.1", "80", false, addresses, 4), 1);
    tug_address_format(&addresses[0], text, sizeof(text));
    CHECK(strcmp(text, "127.0.0.1:80") == 0);
    CHECK_EQUAL(tug_resolve("::1", "443", false, addresses, 4), 1);
    tug_address_format(&addresses[0], text, sizeof(text));
    CHECK(strcmp(text, "[::1]:443") == 0);
    CHECK(tug_resolve("localhost", NULL, false, addresses, 4) >= 1);
    CHECK_EQUAL(tug_resolve("localhost", NULL, false, addresses, 1), 1);
    CHECK(tug_resolve(NULL, "7", true, addresses, 4) >= 1);
    CHECK_EQUAL(tug_resolve("127.0.0.1", "no such service", false, addresses, 4), -ENOENT);
    CHECK_EQUAL(tug_resolve(NULL, NULL, false, addresses, 4), -EINVAL);
    CHECK_EQUAL(tug_resolve("localhost", NULL, false, addresses, 0), -EINVAL);
    return 0;
}

/* Nothing leaks whenever the caller leaves: before the job has started, while it runs, after. */
static int64_t is_cancelled(void *unused)
{
    (void)unused;
    struct tug_address addresses[4];
    for (uint64_t i = 0; i < 50; i++) {
        int64_t result = TUG_TIMEOUT(i * 5 * TUG_MICROSECOND,
                                     tug_resolve("127.0.0.1", "80", false, addresses, 4));
        CHECK(result == 1 || result == -ETIMEDOUT);
    }
    return 0;
}

#if TUG_FAULT_INJECTION

struct ticks {
    bool end; /* atomic */
    unsigned count;
};

static int64_t tick(void *argument)
{
    struct ticks *ticks = argument;
    while (!__atomic_load_n(&ticks->end, __ATOMIC_RELAXED)) {
        CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
        ticks->count++;
    }
    return 0;
}

/* A look-up takes its time; the worker has others to serve meanwhile. */
static int64_t holds_nobody_up(void *unused)
{
    (void)unused;
    struct ticks ticks = {false, 0};
    struct tug_address address;
    int64_t result;
    struct tug_task *task = tug_spawn(tick, &ticks);
    CHECK_EQUAL(tug_fault_delay("getaddrinfo", 1, 1, 50 * TUG_MILLISECOND), 0);
    CHECK_EQUAL(tug_resolve("127.0.0.1", "80", false, &address, 1), 1);
    tug_fault_reset();
    __atomic_store_n(&ticks.end, true, __ATOMIC_RELAXED);
    CHECK_EQUAL(tug_join(task, &result), 0);
    CHECK_EQUAL(result, 0);
    CHECK(ticks.count >= 3);
    return 0;
}

static int64_t says_what_went_wrong(void *unused)
{
    (void)unused;
    static const struct {
        int code, result;
    } errors[] = {
        {EAI_AGAIN, -EBUSY},    {EAI_MEMORY, -ENOMEM},   {EAI_SYSTEM, -EIO},
        {EAI_FAIL, -EIO},       {EAI_BADFLAGS, -EINVAL}, {EAI_NONAME, -ENOENT},
        {EAI_SERVICE, -ENOENT}, {EAI_FAMILY, -ENOENT},
    };
    struct tug_address address;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        CHECK_EQUAL(tug_fault_fail("getaddrinfo", 1, 1, -errors[i].code), 0);
        CHECK_EQUAL(tug_resolve("127.0.0.1", "80", false, &address, 1), errors[i].result);
        tug_fault_reset();
    }
    return 0;
}

#endif

static void looks_up_outside(void **state)
{
    (void)state;
    scratch_run_outside(looks_up);
#if TUG_FAULT_INJECTION
    scratch_run_outside(says_what_went_wrong);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes),
        cmocka_unit_test(reads_any),
        cmocka_unit_test(refuses),
        cmocka_unit_test(cuts),
        SCRATCH_TEST(looks_up),
        SCRATCH_TEST(is_cancelled),
#if TUG_FAULT_INJECTION
        SCRATCH_TEST_CURRENT_THREAD(holds_nobody_up),
        SCRATCH_TEST(says_what_went_wrong),
#endif
        cmocka_unit_test(looks_up_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
