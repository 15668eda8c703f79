// SPDX-License-Identifier: LGPL-3.0-only
/* libpmi.so: the PMI-1 C interface over the client of <flux/pmi.h>. Only PMI_* is visible. What a
 * program under flux can need works; spawn and name publishing answer PMI_FAIL. */
#include <flux/pmi.h>

#include <stdio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum {
    PMI_SUCCESS = 0,
    PMI_FAIL = -1,
    PMI_ERR_INIT = 1,
    PMI_ERR_INVALID_ARG = 3,
    PMI_ERR_INVALID_KEY = 4,
    PMI_ERR_INVALID_VAL_LENGTH = 7,
    PMI_ERR_INVALID_LENGTH = 8,
    PMI_ERR_INVALID_SIZE = 13,
};

typedef struct {
    const char *key;
    char *val;
} PMI_keyval_t;

int PMI_Init(int *spawned) EXPORT;
int PMI_Initialized(int *initialized) EXPORT;
int PMI_Finalize(void) EXPORT;
int PMI_Get_size(int *size) EXPORT;
int PMI_Get_rank(int *rank) EXPORT;
int PMI_Get_universe_size(int *size) EXPORT;
int PMI_Get_appnum(int *appnum) EXPORT;
int PMI_Barrier(void) EXPORT;
int PMI_Abort(int code, const char *text) EXPORT;
int PMI_KVS_Get_my_name(char *name, int length) EXPORT;
int PMI_KVS_Get_name_length_max(int *length) EXPORT;
int PMI_KVS_Get_key_length_max(int *length) EXPORT;
int PMI_KVS_Get_value_length_max(int *length) EXPORT;
int PMI_KVS_Put(const char *kvsname, const char *key, const char *value) EXPORT;
int PMI_KVS_Commit(const char *kvsname) EXPORT;
int PMI_KVS_Get(const char *kvsname, const char *key, char *value, int length) EXPORT;
int PMI_Get_id(char *id, int length) EXPORT;
int PMI_Get_kvs_domain_id(char *id, int length) EXPORT;
int PMI_Get_id_length_max(int *length) EXPORT;
int PMI_Get_clique_size(int *size) EXPORT;
int PMI_Get_clique_ranks(int *ranks, int length) EXPORT;
int PMI_KVS_Create(char *name, int length) EXPORT;
int PMI_KVS_Destroy(const char *name) EXPORT;
int PMI_KVS_Iter_first(const char *kvsname, char *key, int klen, char *val, int vlen) EXPORT;
int PMI_KVS_Iter_next(const char *kvsname, char *key, int klen, char *val, int vlen) EXPORT;
int PMI_Publish_name(const char *service, const char *port) EXPORT;
int PMI_Unpublish_name(const char *service) EXPORT;
int PMI_Lookup_name(const char *service, const char *port) EXPORT;
int PMI_Spawn_multiple(int count, const char **cmds, const char ***argvs, const int *maxprocs,
                       const int *info_sizes, const PMI_keyval_t **infos, int preput_size,
                       const PMI_keyval_t *preput, int *errors) EXPORT;
int PMI_Parse_option(int num, char *args[], int *parsed, PMI_keyval_t **keyvals, int *size) EXPORT;
int PMI_Args_to_keyval(int *argc, char *((*argv)[]), PMI_keyval_t **keyvals, int *size) EXPORT;
int PMI_Free_keyvals(PMI_keyval_t *keyvals, int size) EXPORT;
int PMI_Get_options(char *text, int *length) EXPORT;

static struct flux_pmi_client *client;

static int result(int r)
{
    switch (r) {
    case 0:
        return PMI_SUCCESS;
    case -ENOENT:
        return PMI_ERR_INVALID_KEY;
    case -ENOSPC:
        return PMI_ERR_INVALID_VAL_LENGTH;
    case -EINVAL:
        return PMI_ERR_INVALID_ARG;
    }
    return PMI_FAIL;
}

int PMI_Init(int *spawned)
{
    struct flux_error err;
    int r;

    if (spawned)
        *spawned = 0;
    if (client)
        return PMI_SUCCESS;
    r = flux_pmi_client_open(&client, &err);
    if (r < 0 && r != -ENOENT)
        fprintf(stderr, "libpmi: %s\n", err.text);
    return r < 0 ? PMI_FAIL : PMI_SUCCESS;
}

int PMI_Initialized(int *initialized)
{
    if (!initialized)
        return PMI_ERR_INVALID_ARG;
    *initialized = client != NULL;
    return PMI_SUCCESS;
}

int PMI_Finalize(void)
{
    int r;

    if (!client)
        return PMI_ERR_INIT;
    r = flux_pmi_client_finalize(client, NULL);
    flux_pmi_client_free(client);
    client = NULL;
    return result(r);
}

static int number(int *out, unsigned (*get)(const struct flux_pmi_client *))
{
    if (!client)
        return PMI_ERR_INIT;
    if (!out)
        return PMI_ERR_INVALID_ARG;
    *out = get(client);
    return PMI_SUCCESS;
}

int PMI_Get_size(int *size)
{
    return number(size, flux_pmi_client_size);
}

int PMI_Get_rank(int *rank)
{
    return number(rank, flux_pmi_client_rank);
}

int PMI_KVS_Get_name_length_max(int *length)
{
    return number(length, flux_pmi_client_name_max);
}

int PMI_KVS_Get_key_length_max(int *length)
{
    return number(length, flux_pmi_client_key_max);
}

int PMI_KVS_Get_value_length_max(int *length)
{
    return number(length, flux_pmi_client_value_max);
}

int PMI_Get_id_length_max(int *length)
{
    return number(length, flux_pmi_client_name_max);
}

int PMI_Get_universe_size(int *size)
{
    unsigned n;
    int r;

    if (!client)
        return PMI_ERR_INIT;
    if (!size)
        return PMI_ERR_INVALID_ARG;
    r = flux_pmi_client_universe_size(client, &n, NULL);
    if (r == 0)
        *size = n;
    return result(r);
}

int PMI_Get_appnum(int *appnum)
{
    unsigned n;
    int r;

    if (!client)
        return PMI_ERR_INIT;
    if (!appnum)
        return PMI_ERR_INVALID_ARG;
    r = flux_pmi_client_appnum(client, &n, NULL);
    if (r == 0)
        *appnum = n;
    return result(r);
}

int PMI_Barrier(void)
{
    return client ? result(flux_pmi_client_barrier(client, NULL)) : PMI_ERR_INIT;
}

int PMI_Abort(int code, const char *text)
{
    if (client) {
        flux_pmi_client_abort(client, code, text);
        fprintf(stderr, "PMI_Abort: (%u) %s\n", flux_pmi_client_rank(client), text ? text : "");
    }
    exit(code);
}

int PMI_KVS_Get_my_name(char *name, int length)
{
    const char *s;

    if (!client)
        return PMI_ERR_INIT;
    s = flux_pmi_client_kvsname(client);
    if (!name)
        return PMI_ERR_INVALID_ARG;
    if (length <= 0 || strlen(s) >= (size_t)length)
        return PMI_ERR_INVALID_LENGTH;
    strcpy(name, s);
    return PMI_SUCCESS;
}

int PMI_Get_id(char *id, int length)
{
    return PMI_KVS_Get_my_name(id, length);
}

int PMI_Get_kvs_domain_id(char *id, int length)
{
    return PMI_KVS_Get_my_name(id, length);
}

static bool my_name(const char *kvsname)
{
    return kvsname && !strcmp(kvsname, flux_pmi_client_kvsname(client));
}

int PMI_KVS_Put(const char *kvsname, const char *key, const char *value)
{
    if (!client)
        return PMI_ERR_INIT;
    if (!my_name(kvsname) || !key || !value)
        return PMI_ERR_INVALID_ARG;
    return result(flux_pmi_client_put(client, key, value, NULL));
}

int PMI_KVS_Commit(const char *kvsname)
{
    if (!client)
        return PMI_ERR_INIT;
    return my_name(kvsname) ? PMI_SUCCESS : PMI_ERR_INVALID_ARG;
}

int PMI_KVS_Get(const char *kvsname, const char *key, char *value, int length)
{
    if (!client)
        return PMI_ERR_INIT;
    if (!my_name(kvsname) || !key || !value || length <= 0)
        return PMI_ERR_INVALID_ARG;
    return result(flux_pmi_client_get(client, key, value, length, NULL));
}

/* The tasks on this node: how many, and the first `length` of them in `ranks`. Where the server
 * has no mapping each task is taken to be alone. */
static int clique(int *ranks, int length)
{
    FLUX_AUTO_MEM(struct flux_pmi_block) map = NULL;
    unsigned rank = flux_pmi_client_rank(client), size = flux_pmi_client_size(client);
    char text[FLUX_PMI_VALUE_MAX];
    int blocks = 0, node, count = 0;

    if (flux_pmi_client_get(client, "PMI_process_mapping", text, sizeof(text), NULL) == 0)
        blocks = flux_pmi_mapping_decode(text, &map);
    node = blocks > 0 ? flux_pmi_mapping_node(map, blocks, rank) : -1;
    for (unsigned i = 0; i < size; i++) {
        if (i != rank && (node < 0 || flux_pmi_mapping_node(map, blocks, i) != node))
            continue;
        if (count < length)
            ranks[count] = i;
        count++;
    }
    return count;
}

int PMI_Get_clique_size(int *size)
{
    if (!client)
        return PMI_ERR_INIT;
    if (!size)
        return PMI_ERR_INVALID_ARG;
    *size = clique(NULL, 0);
    return PMI_SUCCESS;
}

int PMI_Get_clique_ranks(int *ranks, int length)
{
    if (!client)
        return PMI_ERR_INIT;
    if (!ranks)
        return PMI_ERR_INVALID_ARG;
    return clique(ranks, length) > length ? PMI_ERR_INVALID_SIZE : PMI_SUCCESS;
}

int PMI_KVS_Create(char *name, int length)
{
    return PMI_FAIL;
}

int PMI_KVS_Destroy(const char *name)
{
    return PMI_FAIL;
}

int PMI_KVS_Iter_first(const char *kvsname, char *key, int klen, char *val, int vlen)
{
    return PMI_FAIL;
}

int PMI_KVS_Iter_next(const char *kvsname, char *key, int klen, char *val, int vlen)
{
    return PMI_FAIL;
}

int PMI_Publish_name(const char *service, const char *port)
{
    return PMI_FAIL;
}

int PMI_Unpublish_name(const char *service)
{
    return PMI_FAIL;
}

int PMI_Lookup_name(const char *service, const char *port)
{
    return PMI_FAIL;
}

int PMI_Spawn_multiple(int count, const char **cmds, const char ***argvs, const int *maxprocs,
                       const int *info_sizes, const PMI_keyval_t **infos, int preput_size,
                       const PMI_keyval_t *preput, int *errors)
{
    return PMI_FAIL;
}

int PMI_Parse_option(int num, char *args[], int *parsed, PMI_keyval_t **keyvals, int *size)
{
    return PMI_FAIL;
}

int PMI_Args_to_keyval(int *argc, char *((*argv)[]), PMI_keyval_t **keyvals, int *size)
{
    return PMI_FAIL;
}

int PMI_Free_keyvals(PMI_keyval_t *keyvals, int size)
{
    return PMI_FAIL;
}

int PMI_Get_options(char *text, int *length)
{
    return PMI_FAIL;
}
