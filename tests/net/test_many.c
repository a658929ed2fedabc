/* SPDX-License-Identifier: MIT */
/*
 * Many connections at once: 10,000 that are all in use, on one worker, and 50,000 that are idle, on
 * two, whose other ends other processes have; as many as the limit on descriptors permits. What an
 * idle one takes of the process's memory is printed.
 *
 * Clients come from several addresses of the loopback network, so that ports suffice, and end with
 * a reset, so that none of them stays behind in TIME_WAIT.
 */
#include "../runtime/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* Sanitizers and what they keep of each task: a twentieth. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SCALE 20
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SCALE 20
#endif
#endif
#ifndef SCALE
#define SCALE 1
#endif

enum {
    ACTIVE = 10000 / SCALE,
    IDLE = 50000 / SCALE,
    PROCESSES = 5, /* that have the other ends of idle connections */
    PER_PROCESS = 10000,
    PER_ADDRESS = 10000, /* connections from one address */
    SPARE = 128,         /* descriptors for everything else */
    ROUNDS = 3,          /* words and answers of a connection in use */
};

struct crowd {
    int listener;
    unsigned wanted;
    unsigned arrived, ended; /* atomic */
    struct tug_address address;
    struct tug_token complete; /* cancelled when all have arrived */
    struct tug_group servers, clients;
};

static unsigned count(unsigned *counter)
{
    return __atomic_fetch_add(counter, 1, __ATOMIC_ACQ_REL);
}

/* How many connections there may be, each of so many descriptors. */
static unsigned permitted(unsigned wanted, unsigned descriptors)
{
    struct rlimit limit, more;
    CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
    rlim_t needed = descriptors * (rlim_t)wanted + SPARE;
    more = (struct rlimit){needed, needed > limit.rlim_max ? needed : limit.rlim_max};
    if (limit.rlim_cur < needed && setrlimit(RLIMIT_NOFILE, &more) != 0) {
        more = (struct rlimit){limit.rlim_max, limit.rlim_max};
        CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &more), 0);
    }
    CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
    return limit.rlim_cur >= needed ? wanted : (unsigned)(limit.rlim_cur - SPARE) / descriptors;
}

/* ---- The server: a task for each connection, that says what it hears ---- */

struct visitor {
    struct crowd *crowd;
    int fd;
};

static int64_t serve(void *argument)
{
    struct visitor visitor = *(struct visitor *)argument;
    char text[16];
    int64_t result;
    free(argument);
    if (count(&visitor.crowd->arrived) + 1 == visitor.crowd->wanted)
        tug_token_cancel(&visitor.crowd->complete);
    while ((result = tug_recv(visitor.fd, text, sizeof(text), 0)) > 0)
        CHECK_EQUAL(tug_send_all(visitor.fd, text, (size_t)result, 0), result);
    CHECK(result == 0 || result == -ECONNRESET);
    CHECK_EQUAL(tug_close(visitor.fd), 0);
    count(&visitor.crowd->ended);
    return 0;
}

static void spawn_for(struct crowd *crowd, struct tug_group *group, tug_task_fn fn, int fd)
{
    struct visitor *visitor = malloc(sizeof(*visitor));
    CHECK(visitor != NULL);
    CHECK(fd >= 0);
    *visitor = (struct visitor){crowd, fd};
    CHECK_EQUAL(tug_group_spawn(group, fn, visitor), 0);
}

static int64_t accept_all(void *argument)
{
    struct crowd *crowd = argument;
    for (unsigned i = 0; i < crowd->wanted; i++)
        spawn_for(crowd, &crowd->servers, serve, tug_accept_next(crowd->listener, NULL));
    return 0;
}

/* ---- Clients ---- */

static int connect_one(struct crowd *crowd, unsigned index)
{
    struct tug_connect_options options = TUG_CONNECT_OPTIONS;
    struct tug_address local;
    char text[32];
    snprintf(text, sizeof(text), "127.0.0.%u:0", 2 + index / PER_ADDRESS);
    CHECK_EQUAL(tug_address_parse(&local, text), 0);
    options.local = &local;
    int fd = tug_connect_with(&crowd->address, 1, &options);
    CHECK_RANGE(fd, 0, INT32_MAX);
    CHECK_EQUAL(tug_socket_set_linger(fd, 0), 0);
    return fd;
}

static void say_and_hear(int fd, unsigned word)
{
    unsigned answer = 0;
    CHECK_EQUAL(tug_send_all(fd, &word, sizeof(word), 0), sizeof(word));
    CHECK_EQUAL(tug_recv(fd, &answer, sizeof(answer), MSG_WAITALL), sizeof(answer));
    CHECK_EQUAL(answer, word);
}

static void open_crowd(struct crowd *crowd, unsigned wanted)
{
    struct tug_listen_options options = TUG_LISTEN_OPTIONS;
    *crowd = (struct crowd){.wanted = wanted};
    tug_token_init(&crowd->complete, NULL);
    options.backlog = 4096;
    CHECK_EQUAL(tug_address_parse(&crowd->address, "127.0.0.1:0"), 0);
    crowd->listener = tug_listen(&crowd->address, &options);
    CHECK(crowd->listener >= 0);
    CHECK_EQUAL(tug_address_of_socket(crowd->listener, &crowd->address), 0);
    tug_group_init(&crowd->servers, 0);
    tug_group_init(&crowd->clients, 0);
}

static void close_crowd(struct crowd *crowd)
{
    CHECK_EQUAL(tug_group_wait(&crowd->servers), 0);
    CHECK_EQUAL(crowd->arrived, crowd->wanted);
    CHECK_EQUAL(crowd->ended, crowd->wanted);
    tug_token_destroy(&crowd->complete);
    close(crowd->listener);
}

/* ---- All in use ---- */

static int64_t talk(void *argument)
{
    struct visitor visitor = *(struct visitor *)argument;
    free(argument);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct tug_token_future wait;
        say_and_hear(visitor.fd, (unsigned)visitor.fd + round);
        tug_token_future_init(&wait, &visitor.crowd->complete);
        CHECK_EQUAL(tug_await(&wait.future), 0);
    }
    CHECK_EQUAL(tug_close(visitor.fd), 0);
    return 0;
}

static int64_t all_in_use(void *unused)
{
    (void)unused;
    struct crowd crowd;
    open_crowd(&crowd, permitted(ACTIVE, 2));
    struct tug_task *acceptor = fixture_spawn(accept_all, &crowd);
    uint64_t begin = tug_now();
    /* One after the other, no faster than they are accepted: a connection that does not fit in the
     * listener's queue is tried again after a second. */
    for (unsigned i = 0; i < crowd.wanted; i++)
        spawn_for(&crowd, &crowd.clients, talk, connect_one(&crowd, i));
    CHECK_EQUAL(tug_group_wait(&crowd.clients), 0);
    uint64_t end = tug_now();
    CHECK_EQUAL(fixture_join(acceptor), 0);
    close_crowd(&crowd);
    printf("%u connections in use at once: %u ms\n", crowd.wanted,
           (unsigned)((end - begin) / TUG_MILLISECOND));
    return 0;
}

/* ---- All idle ---- */

/* A process that has the other ends of connections. */
struct visitors {
    pid_t process;
    int orders, reports; /* pipes: to it, and from it */
};

struct order {
    struct tug_address address;
    unsigned first, count;
};

static struct visitors processes[PROCESSES];

/* In the process, without a runtime: makes the connections, and reports; says something on some of
 * them, when told to, and reports; and ends, and they with it. */
static int visit(int orders, int reports)
{
    struct order order;
    struct crowd crowd;
    char byte = 0;
    if (read(orders, &order, sizeof(order)) != sizeof(order))
        return 0;
    CHECK_EQUAL(permitted(order.count, 1), order.count);
    crowd = (struct crowd){.address = order.address};
    int *fds = calloc(order.count, sizeof(int));
    CHECK(fds != NULL);
    for (unsigned i = 0; i < order.count; i++)
        fds[i] = connect_one(&crowd, order.first + i);
    CHECK_EQUAL(write(reports, &byte, 1), 1);
    CHECK_EQUAL(read(orders, &byte, 1), 1);
    for (unsigned i = 0; i < order.count; i += 97)
        say_and_hear(fds[i], i);
    CHECK_EQUAL(write(reports, &byte, 1), 1);
    CHECK_EQUAL(read(orders, &byte, 1), 1);
    return 0;
}

/* Before there are threads. */
static void start_processes(void)
{
    for (int i = 0; i < PROCESSES; i++) {
        int orders[2], reports[2];
        CHECK_EQUAL(pipe2(orders, O_CLOEXEC), 0);
        CHECK_EQUAL(pipe2(reports, O_CLOEXEC), 0);
        pid_t process = fork();
        CHECK(process >= 0);
        if (process == 0) {
            /* The ends of those before it would keep them from ending. */
            for (int other = 0; other < i; other++)
                close(processes[other].orders);
            close(orders[1]);
            _exit(visit(orders[0], reports[1]));
        }
        processes[i] = (struct visitors){process, orders[1], reports[0]};
        close(orders[0]);
        close(reports[1]);
    }
}

static void end_processes(void)
{
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        close(processes[i].orders);
        close(processes[i].reports);
        CHECK_EQUAL(waitpid(processes[i].process, &status, 0), processes[i].process);
        CHECK_EQUAL(status, 0);
    }
}

static void await_reports(unsigned used)
{
    char byte;
    for (unsigned i = 0; i < used; i++)
        CHECK_EQUAL(tug_read(processes[i].reports, &byte, 1), 1);
}

static unsigned give_orders(struct crowd *crowd)
{
    unsigned used = 0;
    for (unsigned first = 0; first < crowd->wanted; first += PER_PROCESS) {
        unsigned rest = crowd->wanted - first;
        struct order order = {crowd->address, first, rest < PER_PROCESS ? rest : PER_PROCESS};
        CHECK_EQUAL(write(processes[used++].orders, &order, sizeof(order)), sizeof(order));
    }
    return used;
}

/* Memory of the process, in bytes. */
static int64_t resident(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    CHECK(file != NULL);
    CHECK_EQUAL(fscanf(file, "%*d %ld", &pages), 1);
    fclose(file);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static int64_t all_idle(void *unused)
{
    (void)unused;
    struct crowd crowd;
    open_crowd(&crowd, permitted(IDLE, 1));
    int64_t before = resident();
    uint64_t begin = tug_now();
    struct tug_task *acceptor = fixture_spawn(accept_all, &crowd);
    unsigned used = give_orders(&crowd);
    await_reports(used);
    CHECK_EQUAL(fixture_join(acceptor), 0);
    struct tug_token_future wait;
    tug_token_future_init(&wait, &crowd.complete);
    CHECK_EQUAL(tug_await(&wait.future), 0);
    uint64_t end = tug_now();
    printf("%u idle connections: %u ms, %ld bytes of the process each\n", crowd.wanted,
           (unsigned)((end - begin) / TUG_MILLISECOND),
           (long)((resident() - before) / crowd.wanted));
    /* They are all there. */
    for (unsigned i = 0; i < used; i++)
        CHECK_EQUAL(write(processes[i].orders, "", 1), 1);
    await_reports(used);
    for (unsigned i = 0; i < used; i++)
        CHECK_EQUAL(write(processes[i].orders, "", 1), 1);
    close_crowd(&crowd);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORKERS(all_in_use, 1),
        IN_WORKERS(all_idle, 2),
    };
    start_processes();
    int failed = cmocka_run_group_tests_name("net/many", tests, NULL, NULL);
    end_processes();
    return failed;
}
