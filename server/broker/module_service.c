// SPDX-License-Identifier: LGPL-3.0-only
/* Service Module: load, remove, list. */
#include <flux/v1/module_service.h>

#include "broker.h"

FLUX_MODULE_HANDLERS(module);
static const struct flux_module_ops ops = FLUX_MODULE_OPS(module);

static void on_loaded(int r, const char *name, const struct flux_error *err, void *arg)
{
    struct flux_call *call = arg;
    flux_module_load_response out = FLUX_MODULE_LOAD_RESPONSE_INIT;

    if (r < 0) {
        flux_call_error(call, -r, "%s", err->text);
        return;
    }
    out.name = (char *)name;
    flux_module_load_reply(call, &out);
}

int module_load(struct flux_call *call, const flux_module_load_request *in,
                flux_module_load_response *out)
{
    struct broker *b = flux_call_data(call);

    modhost_load(b->modhost, in->path, in->name, in->n_args, (char **)in->args, on_loaded, call);
    return FLUX_CALL_LATER;
}

static void on_removed(void *arg)
{
    flux_module_remove_response out = FLUX_MODULE_REMOVE_RESPONSE_INIT;

    flux_module_remove_reply(arg, &out);
}

int module_remove(struct flux_call *call, const flux_module_remove_request *in,
                  flux_module_remove_response *out)
{
    struct broker *b = flux_call_data(call);
    struct flux_error err;
    int r = modhost_remove(b->modhost, in->name, on_removed, call, &err);

    if (r < 0)
        return flux_call_fail(call, -r, "%s", err.text);
    return FLUX_CALL_LATER;
}

struct listing {
    struct flux_call *call;
    flux_module_list_response *out;
};

static const char **split(struct flux_call *call, const char *joined, size_t *count)
{
    size_t n = *joined ? 1 : 0;
    char *copy = flux_call_strdup(call, joined), *save = NULL;
    const char **names;

    for (const char *p = joined; *p; p++)
        n += *p == ',';
    names = flux_call_alloc(call, n * sizeof(*names));
    *count = 0;
    for (char *s = strtok_r(copy, ",", &save); s; s = strtok_r(NULL, ",", &save))
        names[(*count)++] = s;
    return names;
}

static void add_module(const char *name, const char *path, char state, double idle,
                       const char *services, unsigned recvq, void *arg)
{
    struct listing *l = arg;
    flux_module_list_response *out = l->out;
    flux_module_info **grown = flux_call_alloc(l->call, (out->n_modules + 1) * sizeof(*grown));
    flux_module_info *m = flux_call_alloc(l->call, sizeof(*m));

    *m = (flux_module_info)FLUX_MODULE_INFO_INIT;
    m->name = flux_call_strdup(l->call, name);
    m->path = flux_call_strdup(l->call, path);
    m->state = flux_call_printf(l->call, "%c", state);
    m->idle = idle;
    m->recvq = recvq;
    m->services = split(l->call, services, &m->n_services);
    for (size_t i = 0; i < out->n_modules; i++)
        grown[i] = out->modules[i];
    grown[out->n_modules++] = m;
    out->modules = grown;
}

int module_list(struct flux_call *call, const flux_module_list_request *in,
                flux_module_list_response *out)
{
    struct broker *b = flux_call_data(call);
    struct listing l = {call, out};

    modhost_visit(b->modhost, add_module, &l);
    return 0;
}

int module_service_start(struct broker *b, struct flux_error *err)
{
    return flux_module_serve(b->h, &ops, b, err);
}
