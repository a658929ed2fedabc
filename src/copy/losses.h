/* SPDX-License-Identifier: MIT */
/*
 * What the copy of an entry lacks, and somebody knows of it: it was reported when the copy was
 * made, or it is one of the things that may be lost. The verification says nothing about it again.
 * Kept only if there will be a verification, as digests (ledger.h); one that is lost for want of
 * memory is reported twice, no more.
 */
#ifndef TUG_COPY_LOSSES_H
#define TUG_COPY_LOSSES_H

#include <stdbool.h>

struct tug_copy_engine;
struct tug_directory;

/* As bits, to be noted together; asked for one at a time. */
enum tug_loss {
    TUG_LOSS_ENTRY = 1, /* all of it: it was not copied, or is not said to be right */
    TUG_LOSS_MODE = 2,
    TUG_LOSS_OWNER = 4, /* and with it the special bits of the mode */
    TUG_LOSS_GROUP = 8,
    TUG_LOSS_TIME = 16,
    TUG_LOSS_PRECISION = 32, /* of the time, less than TUG_LOSS_COARSEST */
    TUG_LOSS_XATTR = 64      /* some of them, but what is there is right */
};

/* The least precise times that any file system has: seconds, of FAT. */
#define TUG_LOSS_COARSEST 2

/* All that the copy of a file lacks that was left alone whatever it is like beside its contents. */
#define TUG_LOSS_METADATA                                                                          \
    ((unsigned)TUG_LOSS_MODE | (unsigned)TUG_LOSS_OWNER | (unsigned)TUG_LOSS_GROUP |               \
     (unsigned)TUG_LOSS_TIME | (unsigned)TUG_LOSS_XATTR)

/* Notes losses, bits of enum tug_loss, after the failure was reported: not if the entry is to be
 * copied again. `name` NULL: of the directory itself. */
void tug_losses_add(const struct tug_copy_engine *engine, const struct tug_directory *directory,
                    const char *name, unsigned losses);

bool tug_losses_contain(const struct tug_copy_engine *engine, const struct tug_directory *directory,
                        const char *name, enum tug_loss loss);

/* What an earlier copy may have lost of a file without a failure, and nobody knows of now. */
unsigned tug_losses_of_earlier(const struct tug_copy_engine *engine);

#endif
