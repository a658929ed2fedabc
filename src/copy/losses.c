/* SPDX-License-Identifier: MIT */
#include "losses.h"

#include <unistd.h>

#include "attempt.h"
#include "engine.h"
#include "preserve.h"

void tug_losses_add(const struct tug_copy_engine *engine, const struct tug_directory *directory,
                    const char *name, unsigned losses)
{
    if (engine->losses == NULL || engine->verifying || tug_attempt_now().state == TUG_ATTEMPT_AGAIN)
        return;
    const struct tug_ledger_entry entry = tug_ledger_entry_of(directory, name);
    for (unsigned loss = 1; loss <= losses; loss <<= 1)
        if ((losses & loss) != 0)
            tug_ledger_add_loss(engine->losses, &entry, loss);
}

bool tug_losses_contain(const struct tug_copy_engine *engine, const struct tug_directory *directory,
                        const char *name, enum tug_loss loss)
{
    if (engine->losses == NULL)
        return false;
    const struct tug_ledger_entry entry = tug_ledger_entry_of(directory, name);
    return tug_ledger_has_loss(engine->losses, &entry, (unsigned)loss);
}

unsigned tug_losses_of_earlier(const struct tug_copy_engine *engine)
{
    unsigned losses = tug_preserves(engine, TUG_COPY_PRESERVE_MODE) ? 0 : TUG_LOSS_MODE;
    if (geteuid() != 0 || (engine->options->tolerate & TUG_COPY_PRESERVE_OWNERSHIP) != 0)
        losses |= (unsigned)TUG_LOSS_OWNER | (unsigned)TUG_LOSS_GROUP;
    if ((engine->options->tolerate & TUG_COPY_PRESERVE_XATTR) != 0)
        losses |= TUG_LOSS_XATTR;
    return losses;
}
