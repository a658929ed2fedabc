/* SPDX-License-Identifier: MIT */
/* How many jobs there may be, and how many there are where nobody says. */
#ifndef TUG_COPY_PROCESSORS_H
#define TUG_COPY_PROCESSORS_H

#define TUG_COPY_MOST_JOBS 1024

/* The processors that this process may run on, 1 to TUG_COPY_MOST_JOBS. */
unsigned tug_copy_processors(void);

#endif
