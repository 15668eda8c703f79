// SPDX-License-Identifier: LGPL-3.0-only
/* The broker's place in the tree, as the state machine sees it. */
#include "broker.h"

int broker_overlay_start(struct broker *b, struct flux_error *err)
{
    return 0;
}

void broker_overlay_shutdown_children(struct broker *b)
{
    state_post(b->state, EVENT_CHILDREN_COMPLETE);
}

void broker_overlay_goodbye(struct broker *b)
{
    state_post(b->state, EVENT_GOODBYE);
}

void broker_overlay_free(struct broker *b)
{
}

const struct flux_idset *broker_online(struct broker *b)
{
    static struct flux_idset *self;

    if (!self) {
        self = flux_idset_new();
        flux_idset_add(self, b->rank);
    }
    return self;
}
