/* SPDX-License-Identifier: MIT */
/*
 * The thresholds, and the measurement that set each: 2 cores, Linux 6.18, warm. The cells named are
 * those of bench/copy/run, which repeats them on another machine; ratios should hold, figures not.
 */
#include "strategy.h"

#include <linux/magic.h>
#include <stddef.h>

#include <tug/copy.h>

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

const struct tug_copy_thresholds tug_copy_thresholds = {
    /* 1 GiB on ext4: 4.8 GB/s by pieces of 1 MiB. Above this blocks are allocated first, which
     * costs a call and gives 8.3 GB/s. Cell big/ext4/warm. */
    .piece = (uint64_t)1 << 20,
    /* Per file with one block of 4 KiB that is data, us, one job, medians of nine, by holes and
     * read whole: 16 KiB 45 and 40 on ext4, 25 and 26 on tmpfs; 32 KiB 43 and 45, 24 and 36; 64 KiB
     * 40 and 60, 23 and 48. A smaller file that has few blocks is packed, not sparse. From there
     * on: cells holesN, tools tug and tug-filled. */
    .holes = (uint64_t)32 << 10,
    /* 1 GiB on ext4, blocks allocated, ranges of 8 MiB by two workers: 12.4 GB/s; on xfs 0.052 s
     * in the place of 0.068. Cells big/ext4/warm and big/xfs/warm. */
    .range = TUG_COPY_RANGE,
    /* The block of most file systems: none keeps shorter holes. */
    .zeros = (uint64_t)4 << 10,
};

/* Time of the processor per file by read/write and by FICLONE, us (cells sizeN/xfs/warm and
 * sizeN/btrfs/warm, tools floor-rw and floor-clone):
 *               1 KiB  4 KiB  16 KiB  64 KiB
 *   xfs   rw       36     37      38      42
 *         clone    44     43      45      42
 *   btrfs rw       33     33      48     103
 *         clone    42     40      40      40
 * On btrfs that leaves out what its own threads do for read/write later: 100,000 files of 1 to 8
 * KiB take 4.6 s by read/write and 2.4 s by FICLONE (cell tree100k/btrfs/warm). */
struct tug_copy_traits tug_copy_traits_of(uint32_t magic)
{
    static const struct {
        uint32_t magic;
        struct tug_copy_traits traits;
    } table[] = {
        /* Fills allocated blocks with zeros, and has nothing to share. */
        {TMPFS_MAGIC,
         {TUG_COPY_ALLOCATE | TUG_COPY_OFFLOAD | TUG_COPY_CLONE, false, UINT64_MAX, false}},
        /* Does not compress what was allocated. Its subvolumes are devices to stat(2). */
        {BTRFS_SUPER_MAGIC, {TUG_COPY_ALLOCATE, true, 1, false}},
        {XFS_SUPER_MAGIC, {0, false, (uint64_t)64 << 10, false}},
        /* Servers are asked to copy by themselves. */
        {NFS_SUPER_MAGIC, {TUG_COPY_ALLOCATE, false, UINT64_MAX, false}},
        {CIFS_SUPER_MAGIC, {TUG_COPY_ALLOCATE, false, UINT64_MAX, false}},
        {SMB2_SUPER_MAGIC, {TUG_COPY_ALLOCATE, false, UINT64_MAX, false}},
        {CEPH_SUPER_MAGIC, {TUG_COPY_ALLOCATE, false, UINT64_MAX, false}},
        /* See transfer_direct.c. Where a server cannot copy by itself the kernel does it, by small
         * buffered pieces, and does not say so: 1 GiB with a delay of 1 ms takes 21 s. */
        {FUSE_SUPER_MAGIC, {TUG_COPY_OFFLOAD, false, UINT64_MAX, true}},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].magic == magic)
            return table[i].traits;
    /* Unknown: large files find out whether it can share. */
    return (struct tug_copy_traits){0, false, UINT64_MAX, false};
}

static struct tug_copy_choice choice(enum tug_copy_method method, enum tug_copy_reason reason)
{
    return (struct tug_copy_choice){method, reason};
}

struct tug_copy_choice tug_copy_choose(const struct tug_copy_options *options,
                                       const struct tug_copy_shape *shape)
{
    if (!shape->regular)
        return choice(TUG_COPY_BY_STREAM, TUG_COPY_FOR_NO_LENGTH);
    if (options->reflink == TUG_COPY_REFLINK_ALWAYS)
        return choice(TUG_COPY_BY_CLONE, TUG_COPY_FOR_OPTION);
    if (shape->size == 0)
        return choice(TUG_COPY_BY_STREAM, TUG_COPY_FOR_NO_LENGTH);
    if (options->sparse == TUG_COPY_SPARSE_ALWAYS)
        return choice(TUG_COPY_BY_ZEROS, TUG_COPY_FOR_OPTION);
    bool may_share = options->reflink == TUG_COPY_REFLINK_AUTO &&
                     options->sparse == TUG_COPY_SPARSE_AUTO &&
                     tug_copy_pair_can(shape->pair, TUG_COPY_CLONE);
    if (may_share && shape->size >= shape->pair->clone_from)
        return choice(TUG_COPY_BY_CLONE, TUG_COPY_FOR_SHARING);
    if (options->sparse == TUG_COPY_SPARSE_AUTO && shape->size >= tug_copy_thresholds.holes &&
        shape->blocks < shape->size / 512)
        return choice(TUG_COPY_BY_HOLES, TUG_COPY_FOR_FEW_BLOCKS);
    if (shape->size > tug_copy_thresholds.piece)
        return choice(TUG_COPY_BY_RANGES, TUG_COPY_FOR_LARGE);
    return choice(TUG_COPY_BY_PIECE, TUG_COPY_FOR_SMALL);
}

bool tug_copy_should_clone(const struct tug_copy_options *options, struct tug_copy_choice choice,
                           const struct tug_copy_pair *pair)
{
    if (options->reflink == TUG_COPY_REFLINK_ALWAYS)
        return true;
    return options->reflink == TUG_COPY_REFLINK_AUTO && options->sparse == TUG_COPY_SPARSE_AUTO &&
           choice.method != TUG_COPY_BY_PIECE && choice.method != TUG_COPY_BY_STREAM &&
           tug_copy_pair_can(pair, TUG_COPY_CLONE);
}

const char *tug_copy_method_text(enum tug_copy_method method)
{
    static const char *const texts[] = {
        [TUG_COPY_BY_PIECE] = "read and written in one piece",
        [TUG_COPY_BY_STREAM] = "read to its end and written",
        [TUG_COPY_BY_CLONE] = "blocks shared with the source (reflink)",
        [TUG_COPY_BY_RANGES] = "read and written by ranges",
        [TUG_COPY_BY_HOLES] = "only data read and written, holes kept",
        [TUG_COPY_BY_ZEROS] = "read, and written without its zeros",
        [TUG_COPY_BY_SERVER] = "copied by the file system (copy_file_range)",
    };
    return texts[method];
}

const char *tug_copy_reason_text(enum tug_copy_reason reason)
{
    static const char *const texts[] = {
        [TUG_COPY_FOR_SMALL] = "it is small",
        [TUG_COPY_FOR_LARGE] = "it is large",
        [TUG_COPY_FOR_NO_LENGTH] = "its length is not known",
        [TUG_COPY_FOR_SHARING] = "the file system can share blocks",
        [TUG_COPY_FOR_FEW_BLOCKS] = "it has fewer blocks than its length needs",
        [TUG_COPY_FOR_OPTION] = "it was asked for",
        [TUG_COPY_FOR_NO_ALLOCATE] = "blocks cannot be allocated beforehand",
        [TUG_COPY_FOR_REFUSED] = "the file system refused to share blocks",
    };
    return texts[reason];
}
