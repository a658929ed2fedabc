/* SPDX-License-Identifier: MIT */
/* A list, since there are as many pairs as mount points; entries are never changed but for their
 * atomic mask, and live as long as the list. */
#include "pair.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/vfs.h>

#include "strategy.h"

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

static struct tug_copy_traits traits_of(int fd)
{
    struct statfs statfs;
    return tug_copy_traits_of(fstatfs(fd, &statfs) == 0 ? (uint32_t)statfs.f_type : 0);
}

static void learn_traits(struct tug_copy_pair *pair, int source, int destination)
{
    bool same = pair->source_device == pair->destination_device;
    struct tug_copy_traits traits = traits_of(destination);
    pair->refused = traits.refused;
    pair->clone_from = traits.clone_from;
    pair->direct_destination = traits.direct;
    pair->direct_source = same ? traits.direct : traits_of(source).direct;
    if (!same && !traits.shares_across_devices)
        pair->refused |= TUG_COPY_CLONE;
}

struct tug_copy_pair *tug_copy_pairs_find(struct tug_copy_pairs *pairs, uint64_t source_device,
                                          int source, uint64_t destination_device, int destination)
{
    pthread_mutex_lock(&pairs->lock);
    struct tug_copy_pair *pair = pairs->first;
    while (pair != NULL &&
           (pair->source_device != source_device || pair->destination_device != destination_device))
        pair = pair->next;
    if (pair == NULL && (pair = calloc(1, sizeof(*pair))) != NULL) {
        pair->source_device = source_device;
        pair->destination_device = destination_device;
        learn_traits(pair, source, destination);
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
 * kernel without the operation (EOPNOTSUPP, ENOTTY, ENOSYS), other file systems (EXDEV), seccomp
 * (EPERM), and CIFS (ENOENT). */
static bool means_never(int error)
{
    switch (-error) {
    case EOPNOTSUPP:
    case ENOTTY:
    case ENOSYS:
    case EXDEV:
    case EPERM:
    case ENOENT:
        return true;
    default:
        return false;
    }
}

/* And by which they say "not this file": one that is a swap file or has no checksums, arguments
 * that the operation does not take. They concern the operation and not the data. */
static bool means_not_this(int error)
{
    switch (-error) {
    case EINVAL:
    case EBADF:
    case EFBIG:
    case ETXTBSY:
        return true;
    default:
        return false;
    }
}

bool tug_copy_pair_refuses(struct tug_copy_pair *pair, enum tug_copy_ability ability, int error)
{
    if (pair != NULL && means_never(error))
        __atomic_fetch_or(&pair->refused, ability, __ATOMIC_RELAXED);
    return means_never(error) || means_not_this(error);
}
