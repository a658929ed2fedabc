/* SPDX-License-Identifier: MIT */
/*
 * Who listens for which signal: one registry per process, as signals are the process's.
 */
#ifndef TUG_SIGNAL_REGISTRY_H
#define TUG_SIGNAL_REGISTRY_H

#include <tug/signal.h>

/* Adds a listener whose number and descriptor are set, and catches the signal if it is not caught.
 * Returns 0 or -errno of sigaction(2); then the listener is not in. */
int tug_signal_registry_add(struct tug_signal *listener);

/* Takes a listener out. Afterwards no handler uses it or its descriptor. */
void tug_signal_registry_remove(struct tug_signal *listener);

/* Gives back the disposition from before. Returns as tug_signal_restore(). */
int tug_signal_registry_restore(int number);

#endif
