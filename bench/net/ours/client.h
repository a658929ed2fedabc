/* SPDX-License-Identifier: MIT */
/*
 * A client of the echo server as a poll task: a state machine on the heap, without a stack.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <tug/tug.h>

/* Serves the client until it goes. NULL: no memory. */
struct tug_task *client_spawn(int fd);

#endif
