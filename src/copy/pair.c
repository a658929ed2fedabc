/* SPDX-License-Identifier: MIT */
/* A list, since there are as many pairs as mount points; entries are never changed but for their
 * atomic mask, and live as long as the list. */
#include "pair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

struct tug_copy_pair *tug_copy_pairs_find(struct tug_copy_pairs *pairs, uint64_t source_device,
                                          uint64_t destination_device)
{
    pthread_mutex_lock(&pairs->lock);
    struct tug_copy_pair *pair = pairs->first;
    while (pair != NULL &&
           (pair->source_device != source_device || pair->destination_device != destination_device))
        pair = pair->next;
    if (pair == NULL && (pair = calloc(1, sizeof(*pair))) != NULL) {
        pair->source_device = source_device;
        pair->destination_device = destination_device;
        /* Blocks are never shared between file systems. */
        if (source_device != destination_device)
            pair->refused = TUG_COPY_CLONE;
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
