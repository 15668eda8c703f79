// SPDX-License-Identifier: LGPL-3.0-only
/* Broker attributes: from the module's snapshot, or asked for once and remembered. */
#include "private.h"
#include "thread.h"

#include <flux/v1/broker.h>

const char *flux_attr(struct flux *h, const char *name)
{
    flux_broker_get_attr_request in = FLUX_BROKER_GET_ATTR_REQUEST_INIT;
    flux_broker_get_attr_response *out = NULL;
    json_t *known = h->attrs ? json_object_get(h->attrs, name) : NULL;

    if (h->env)
        return h->env->attr(h->env->attr_arg, name);
    if (known)
        return json_string_value(known);
    in.name = (char *)name;
    if (flux_broker_get_attr(h, FLUX_ANY, &in, &out, NULL) < 0)
        return NULL;
    if (!h->attrs)
        h->attrs = json_object();
    json_object_set_new(h->attrs, name, json_string(out->value));
    flux_broker_get_attr_response_free(out);
    return json_string_value(json_object_get(h->attrs, name));
}
