/* SPDX-License-Identifier: MIT */
#include "parents.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tug/sys.h>

#include "attempt.h"
#include "preserve.h"

struct tug_parent {
    struct tug_parent *above;
    struct tug_attributes attributes;
    mode_t made; /* its mode until the end */
    char *source, *name;
};

static void free_parent(struct tug_parent *parent)
{
    if (parent == NULL)
        return;
    free(parent->source);
    free(parent->name);
    free(parent);
}

/* NULL: no memory. Both names lead into the directory, should they be symbolic links. */
static struct tug_parent *new_parent(const char *source, size_t source_length, const char *name,
                                     size_t length)
{
    struct tug_parent *parent = calloc(1, sizeof(*parent));
    if (parent == NULL)
        return NULL;
    if (asprintf(&parent->source, "%.*s/.", (int)source_length, source) < 0)
        parent->source = NULL;
    if (asprintf(&parent->name, "%.*s/.", (int)length, name) < 0)
        parent->name = NULL;
    if (parent->source != NULL && parent->name != NULL)
        return parent;
    free_parent(parent);
    return NULL;
}

/* Makes one directory, unless it is there. Takes it over. Returns 0 or a negative errno. */
static int make_one(struct tug_parents *parents, const struct tug_directory *anchor,
                    struct tug_parent *parent)
{
    struct statx statx;
    int error = tug_sys_statx(AT_FDCWD, parent->source, 0, TUG_ATTRIBUTES_MASK, &statx);
    if (error == 0) {
        parent->attributes = tug_attributes_of(&statx);
        /* Without the dot, which only an existing directory has. */
        parent->name[strlen(parent->name) - 2] = '\0';
        error = tug_sys_mkdirat(anchor->destination, parent->name, 0700);
        parent->name[strlen(parent->name)] = '/';
    }
    if (error != 0) {
        free_parent(parent);
        return error == -EEXIST ? 0 : error;
    }
    parent->above = __atomic_load_n(&parents->last, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&parents->last, &parent->above, parent, true,
                                        __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        ;
    return 0;
}

bool tug_parents_make(struct tug_parents *parents, struct tug_copy_engine *engine,
                      const struct tug_directory *anchor, const char *source, const char *name)
{
    size_t before = strspn(source, "/");
    for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        size_t length = (size_t)(slash - name);
        if (slash[1] == '/' || slash[1] == '\0')
            continue;
        struct tug_parent *parent = new_parent(source, before + length, name, length);
        int error = parent != NULL ? make_one(parents, anchor, parent) : -ENOMEM;
        if (error == 0)
            continue;
        tug_copy_fail(engine, anchor, source, name, TUG_COPY_STEP_CREATE_DIR, error);
        return false;
    }
    return true;
}

static void finish_one(struct tug_copy_engine *engine, const struct tug_directory *anchor,
                       struct tug_parent *parent)
{
    struct tug_preserve preserve = {
        .engine = engine,
        .directory = anchor,
        .name = parent->source,
        .destination_name = parent->name,
        .attributes = &parent->attributes,
        .source = tug_place_named(AT_FDCWD, parent->source),
        .destination = tug_place_named(anchor->destination, parent->name),
        .created = true,
        .set_mode = true,
        .mode = tug_preserve_final_mode(engine, parent->attributes.mode),
    };
    tug_preserve_look(engine, preserve.source, &parent->attributes);
    tug_preserve(&preserve);
}

void tug_parents_finish(struct tug_parents *parents, struct tug_copy_engine *engine,
                        const struct tug_directory *anchor)
{
    struct tug_parent *parent;
    while ((parent = parents->last) != NULL) {
        parents->last = parent->above;
        do
            finish_one(engine, anchor, parent);
        while (tug_attempt_again(engine->crew));
        parent->above = parents->done;
        parents->done = parent;
    }
}

/* What they are, not what is in them: only some of it was to be copied. */
static void verify_one(struct tug_compare *compare, struct tug_directory *anchor,
                       const struct tug_parent *parent)
{
    struct tug_compare_pair pair = {
        .place = {compare, anchor, parent->source, parent->name},
        .directory = anchor,
        .fd = {-1, -1},
        .at = {AT_FDCWD, anchor->destination},
    };
    int error = tug_sys_statx(AT_FDCWD, parent->source, 0, TUG_COMPARE_SEEN, &pair.statx[0]);
    if (error != 0) {
        tug_compare_fail(&pair, 0, TUG_COPY_STEP_STAT, error);
        return;
    }
    error = tug_sys_statx(anchor->destination, parent->name, 0, TUG_COMPARE_SEEN, &pair.statx[1]);
    if (error != 0) {
        tug_compare_fail(&pair, 1, TUG_COPY_STEP_VERIFY_MISSING, error);
        return;
    }
    tug_compare_metadata(&pair);
    tug_compare_end(&pair);
}

void tug_parents_verify(const struct tug_parents *parents, struct tug_compare *compare,
                        struct tug_directory *anchor)
{
    for (struct tug_parent *parent = parents->done; parent != NULL; parent = parent->above)
        verify_one(compare, anchor, parent);
}

void tug_parents_destroy(struct tug_parents *parents)
{
    struct tug_parent *parent;
    while ((parent = parents->done) != NULL) {
        parents->done = parent->above;
        free_parent(parent);
    }
}
