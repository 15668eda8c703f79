// SPDX-License-Identifier: LGPL-3.0-only
/* flux describe: services, rpcs and their fields. Shapes come from the descriptors in libflux,
 * prose from the comments file that is installed beside it (without which only the prose is
 * missing). */
#include <jansson.h>

#include <flux/paths.h>
#include <flux/services.h>
#include <flux/v1/options.h>

#include "verb.h"

#define WIDTH 80

static json_t *comments;

static const char *comment(const char *name)
{
    return json_string_value(json_object_get(comments, name));
}

/* Prose, wrapped and indented. */
static void prose(const char *text, int indent)
{
    int column = 0;

    while (text && *text) {
        size_t n = strcspn(text, " \n");
        if (column && column + 1 + (int)n > WIDTH) {
            putchar('\n');
            column = 0;
        }
        if (!column)
            column = printf("%*s", indent, "");
        else
            column += printf(" ");
        column += printf("%.*s", (int)n, text);
        text += n + strspn(text + n, " \n");
    }
    if (column)
        putchar('\n');
}

static const char *type_name(const ProtobufCFieldDescriptor *f)
{
    static const char *const names[] = {
        [PROTOBUF_C_TYPE_INT32] = "int32",       [PROTOBUF_C_TYPE_SINT32] = "sint32",
        [PROTOBUF_C_TYPE_SFIXED32] = "sfixed32", [PROTOBUF_C_TYPE_INT64] = "int64",
        [PROTOBUF_C_TYPE_SINT64] = "sint64",     [PROTOBUF_C_TYPE_SFIXED64] = "sfixed64",
        [PROTOBUF_C_TYPE_UINT32] = "uint32",     [PROTOBUF_C_TYPE_FIXED32] = "fixed32",
        [PROTOBUF_C_TYPE_UINT64] = "uint64",     [PROTOBUF_C_TYPE_FIXED64] = "fixed64",
        [PROTOBUF_C_TYPE_FLOAT] = "float",       [PROTOBUF_C_TYPE_DOUBLE] = "double",
        [PROTOBUF_C_TYPE_BOOL] = "bool",         [PROTOBUF_C_TYPE_STRING] = "string",
        [PROTOBUF_C_TYPE_BYTES] = "bytes",
    };

    if (f->type == PROTOBUF_C_TYPE_MESSAGE)
        return ((const ProtobufCMessageDescriptor *)f->descriptor)->short_name;
    if (f->type == PROTOBUF_C_TYPE_ENUM)
        return ((const ProtobufCEnumDescriptor *)f->descriptor)->short_name;
    return names[f->type];
}

static void show_enum(const ProtobufCEnumDescriptor *d, int indent)
{
    for (unsigned i = 0; i < d->n_values; i++) {
        FLUX_AUTO_STR name = flux_printf("%s.%s", d->name, d->values[i].name);
        printf("%*s%s\n", indent, "", d->values[i].name);
        prose(comment(name), indent + 4);
    }
}

/* Fields, and those of messages in them. Messages can hold themselves: the depth is bounded. */
static void show_fields(const ProtobufCMessageDescriptor *d, int indent)
{
    if (d->n_fields == 0)
        printf("%*s(no fields)\n", indent, "");
    for (unsigned i = 0; i < d->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &d->fields[i];
        FLUX_AUTO_STR name = flux_printf("%s.%s", d->name, f->name);
        printf("%*s%s  (%s%s%s)\n", indent, "", f->name,
               f->label == PROTOBUF_C_LABEL_REPEATED ? "list of " : "", type_name(f),
               f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF ? ", may be absent" : "");
        prose(comment(name), indent + 4);
        if (f->type == PROTOBUF_C_TYPE_MESSAGE && indent < 16)
            show_fields(f->descriptor, indent + 4);
        else if (f->type == PROTOBUF_C_TYPE_ENUM)
            show_enum(f->descriptor, indent + 4);
    }
}

static const char *callers(const struct flux_method *m)
{
    return m->access == FLUX_ACCESS_GUEST   ? "anyone"
           : m->access == FLUX_ACCESS_ADMIN ? "owner and admins"
                                            : "owner";
}

static void show_method(const struct flux_service *s, const struct flux_method *m)
{
    FLUX_AUTO_STR cli = flux_printf("%s#cli", m->name);
    FLUX_AUTO_STR since = flux_printf("%s#since", m->name);

    printf("%s.%s  (%s%s%s%s)\n", s->short_name, flux_method_short_name(m), callers(m),
           m->stream ? ", stream" : "", m->flow ? ", under flow control" : "",
           m->idempotent ? ", idempotent" : "");
    prose(comment(m->name), 4);
    if (comment(cli))
        printf("    command: flux %s\n", comment(cli));
    if (comment(since))
        printf("    since %s\n", comment(since));
    if (m->max_body)
        printf("    largest request: %u bytes\n", m->max_body);
    if (m->max_open)
        printf("    open calls a user: %u\n", m->max_open);
    printf("\n  request\n");
    show_fields(m->request, 4);
    printf("\n  %s\n", m->stream ? "item" : "response");
    show_fields(m->response, 4);
}

static void show_service(const struct flux_service *s)
{
    printf("%s  (%s, on %s)\n", s->short_name, s->name,
           s->home == FLUX_HOME_LEADER ? "rank 0" : "every rank");
    prose(comment(s->name), 4);
    for (size_t i = 0; i < s->count; i++) {
        const struct flux_method *m = s->methods[i].method;
        printf("\n%s.%s  (%s%s)\n", s->short_name, flux_method_short_name(m), callers(m),
               m->stream ? ", stream" : "");
        prose(comment(m->name), 4);
    }
}

static void show_all(void)
{
    for (size_t i = 0; flux_services[i]; i++) {
        printf("%s\n", flux_services[i]->short_name);
        prose(comment(flux_services[i]->name), 4);
    }
}

static int show(struct cli *cli, const char *name)
{
    const struct flux_service *s = flux_service_find(name);
    const struct flux_method *m;
    struct flux_error err;

    if (s) {
        show_service(s);
        return 0;
    }
    if (!strpbrk(name, "./"))
        return cli_fail(cli, "no service '%s'; `flux describe` lists them", name);
    if (flux_method_find(name, &m, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    {
        FLUX_AUTO_STR service = flux_strndup(m->name, strcspn(m->name, "/"));
        show_method(flux_service_find(service), m);
    }
    return 0;
}

static int run(struct cli *cli)
{
    FLUX_AUTO_STR path = flux_path_get("comments_path");
    int r = 0;

    comments = json_load_file(path, 0, NULL);
    if (cli->argc == 0)
        show_all();
    for (int i = 0; i < cli->argc && r == 0; i++) {
        if (i > 0)
            putchar('\n');
        r = show(cli, cli->argv[i]);
    }
    json_decref(comments);
    return r;
}

const struct flux_verb verb_describe = {
    .path = "describe",
    .args = "[SERVICE|SERVICE.RPC]...",
    .summary = "Describe services, their rpcs and fields",
    .run = run,
};
