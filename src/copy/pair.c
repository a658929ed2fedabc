/* SPDX-License-Identifier: MIT */
/* A list, since there are as many pairs as mount points; entries are never changed but for their
 * atomic mask, and live as long as the list. */
#include "pair.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/vfs.h>

int tug_copy_pairs_init(struct tug_copy_pairs *pairs)
{
    pairs->first = NULL;
    return -pthread_mutex_init(&pairs->lock, NULL);
}

void tug_copy_pairs_destroy(struct tug_copy_pairs *pairs)
{
    while (pairs->first != NULL) {
        struct tug_copy_pair *pair = pairs->first;
        pairs->first = pair->next;
        free(pair);
    }
    pthread_mutex_destroy(&pairs->lock);
}

/* Of some file systems it is known beforehand that an operation, even where it works, is not to be
 * used: tmpfs fills allocated blocks with zeros, and has nothing to share; btrfs does not compress
 * what was allocated; servers are asked to copy by themselves. */
static uint32_t known_refusals(int destination)
{
    static const struct {
        uint32_t magic, refused;
    } table[] = {
        {TMPFS_MAGIC, TUG_COPY_ALLOCATE | TUG_COPY_OFFLOAD | TUG_COPY_CLONE},
        {BTRFS_SUPER_MAGIC, TUG_COPY_ALLOCATE},
        {NFS_SUPER_MAGIC, TUG_COPY_ALLOCATE},
        {CIFS_SUPER_MAGIC, TUG_COPY_ALLOCATE},
        {SMB2_SUPER_MAGIC, TUG_COPY_ALLOCATE},
        {CEPH_SUPER_MAGIC, TUG_COPY_ALLOCATE},
    };
    struct statfs statfs;
    if (fstatfs(destination, &statfs) != 0)
        return 0;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].magic == (uint32_t)statfs.f_type)
            return table[i].refused;
    return 0;
}

struct tug_copy_pair *tug_copy_pairs_find(struct tug_copy_pairs *pairs, uint64_t source_device,
                                          uint64_t destination_device, int destination)
{
    pthread_mutex_lock(&pairs->lock);
    struct tug_copy_pair *pair = pairs->first;
    while (pair != NULL &&
           (pair->source_device != source_device || pair->destination_device != destination_device))
        pair = pair->next;
    if (pair == NULL && (pair = calloc(1, sizeof(*pair))) != NULL) {
        pair->source_device = source_device;
        pair->destination_device = destination_device;
        pair->refused = known_refusals(destination);
        /* Blocks are never shared between file systems. */
        if (source_device != destination_device)
            pair->refused |= TUG_COPY_CLONE;
        pair->next = pairs->first;
        pairs->first = pair;
    }
    pthread_mutex_unlock(&pairs->lock);
    return pair;
}

bool tug_copy_pair_can(const struct tug_copy_pair *pair, enum tug_copy_ability ability)
{
    return pair != NULL && (__atomic_load_n(&pair->refused, __ATOMIC_RELAXED) & ability) == 0;
}

/* Errors by which kernels and file systems have been seen to say "not here": a file system or a
 * kernel without the operation (EOPNOTSUPP, ENOTTY, ENOSYS), other file systems (EXDEV), arguments
 * that this one does not take (EINVAL, EBADF), seccomp (EPERM), and CIFS (ENOENT). EFBIG and
 * ETXTBSY, too, concern the operation and not the data. */
static bool means_unsupported(int error)
{
    switch (-error) {
    case EOPNOTSUPP:
    case ENOTTY:
    case ENOSYS:
    case EXDEV:
    case EINVAL:
    case EBADF:
    case EPERM:
    case ENOENT:
    case EFBIG:
    case ETXTBSY:
        return true;
    default:
        return false;
    }
}

bool tug_copy_pair_refuses(struct tug_copy_pair *pair, enum tug_copy_ability ability, int error)
{
    if (!means_unsupported(error))
        return false;
    __atomic_fetch_or(&pair->refused, ability, __ATOMIC_RELAXED);
    return true;
}
