// SPDX-License-Identifier: LGPL-3.0-only
/* Any bytes to the PMI-1 server as two clients' requests, an exchange from another node, a mapping.
 */
#include <flux/pmi.h>

struct sink {
    size_t bytes;
    struct flux_pmi_server *server;
};

static void on_send(void *arg, unsigned task, const char *data, size_t len)
{
    struct sink *sink = arg;

    sink->bytes += len;
}

static void on_barrier(void *arg)
{
    struct sink *sink = arg;

    flux_pmi_server_release(sink->server, true);
}

static void on_abort(void *arg, unsigned task, int code, const char *text)
{
    struct sink *sink = arg;

    sink->bytes += strlen(text);
}

static void mapping(const uint8_t *data, size_t size)
{
    FLUX_AUTO_STR text = flux_strndup((const char *)data, size);
    FLUX_AUTO_MEM(struct flux_pmi_block) map = NULL;
    int n = flux_pmi_mapping_decode(text, &map);

    if (n >= 0)
        flux_pmi_mapping_node(map, n, 12345);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char init[] = "cmd=init pmi_version=1 pmi_subversion=1\n";
    struct sink sink = {0};
    struct flux_pmi_server_conf conf = {
        .kvsname = "f",
        .size = 2,
        .local = 2,
        .max_bytes = 65536,
        .arg = &sink,
        .send = on_send,
        .barrier = on_barrier,
        .abort = on_abort,
    };
    FLUX_AUTO_BUF dirty = FLUX_BUF_INIT(1 << 20);

    sink.server = flux_pmi_server_new(&conf);
    flux_pmi_server_input(sink.server, 0, init, sizeof(init) - 1, NULL);
    flux_pmi_server_input(sink.server, 0, (const char *)data, size, NULL);
    flux_pmi_server_input(sink.server, 1, (const char *)data, size, NULL);
    flux_pmi_server_take_dirty(sink.server, &dirty);
    flux_pmi_server_merge(sink.server, data, size, NULL);
    flux_pmi_server_eof(sink.server, 0, NULL);
    flux_pmi_server_free(sink.server);
    mapping(data, size);
    return 0;
}
