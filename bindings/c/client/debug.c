// SPDX-License-Identifier: LGPL-3.0-only
/* FLUX_DEBUG=wire: each message of a handle on stderr, decoded. Off, it costs one test a message.
 */
#include "private.h"

#include <stdio.h>

#include <flux/protojson.h>

bool debug_wanted(void)
{
    const char *s = getenv("FLUX_DEBUG");

    return s && strstr(s, "wire");
}

/* From the calls at hand, not from the table of all services: who does not use that table should
 * not have it linked in. */
static const struct flux_method *method_of(struct flux *h, const struct flux_msg *m, bool out,
                                           bool self)
{
    if (m->kind == FLUX_MSG_REQUEST)
        return out ? futures_method_of(h, m->tag) : service_method_named(h, m->method);
    return out ? service_method_of(h, m->tag, self) : futures_method_of(h, m->tag);
}

/* The body as JSON; caller frees. NULL: there is none, or nobody knows what it is. */
static char *body_text(const struct flux_msg *m, const struct flux_method *method)
{
    ProtobufCMessage *msg;
    json_t *o;
    char *text;

    if (!method || m->status || (!m->body_len && m->kind == FLUX_MSG_RESPONSE && !m->more))
        return NULL;
    msg =
        protobuf_c_message_unpack(m->kind == FLUX_MSG_REQUEST ? method->request : method->response,
                                  NULL, m->body_len, m->body);
    if (!msg)
        return flux_strdup("(does not decode)");
    o = flux_proto_to_json(msg);
    protobuf_c_message_free_unpacked(msg, NULL);
    text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    return text;
}

void debug_message(struct flux *h, const struct flux_msg *m, bool out, bool self)
{
    static const char *const kinds[] = {"?", "request", "response", "control"};
    static const char *const controls[] = {"?",     "cancel",  "credit",
                                           "hello", "goodbye", "keepalive"};
    const struct flux_method *method =
        m->kind <= FLUX_MSG_RESPONSE ? method_of(h, m, out, self) : NULL;
    FLUX_AUTO_STR body = body_text(m, method);
    const char *what = m->kind == FLUX_MSG_CONTROL
                           ? controls[m->control < FLUX_ARRAY_SIZE(controls) ? m->control : 0]
                       : method ? method->name
                                : m->method;

    fprintf(stderr, "%s: wire: %s %s %u %s%s%s%s%s%s\n", h->name ? h->name : "flux",
            out ? ">" : "<", kinds[m->kind < FLUX_ARRAY_SIZE(kinds) ? m->kind : 0], m->tag, what,
            m->more ? " more" : "", m->status ? " " : "",
            m->status ? flux_errname((int)m->status) : "", body ? " " : "", body ? body : "");
}
