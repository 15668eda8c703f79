// SPDX-License-Identifier: LGPL-3.0-only
/* libpmi2.so: the PMI2 C interface on the PMI-1 wire. Job attributes are keys the server presets;
 * node attributes are keys of node scope, and a get may wait for them. Only PMI2_* is visible. */
#include <flux/pmi.h>

#include <stdio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum {
    PMI2_SUCCESS = 0,
    PMI2_FAIL = -1,
    PMI2_ERR_INIT = 1,
    PMI2_ERR_INVALID_ARG = 3,
    PMI2_ERR_INVALID_KEY = 4,
    PMI2_ERR_INVALID_VAL_LENGTH = 7,
    PMI2_ERR_INVALID_LENGTH = 8,
    PMI2_ERR_OTHER = 14,
};

struct MPID_Info;
typedef struct PMI2_Connect_comm PMI2_Connect_comm_t;

int PMI2_Init(int *spawned, int *size, int *rank, int *appnum) EXPORT;
int PMI2_Finalize(void) EXPORT;
int PMI2_Initialized(void) EXPORT;
int PMI2_Abort(int flag, const char msg[]) EXPORT;
int PMI2_Job_GetId(char jobid[], int jobid_size) EXPORT;
int PMI2_Job_GetRank(int *rank) EXPORT;
int PMI2_Job_Connect(const char jobid[], PMI2_Connect_comm_t *conn) EXPORT;
int PMI2_Job_Disconnect(const char jobid[]) EXPORT;
int PMI2_Job_Spawn(int count, const char *cmds[], int argcs[], const char **argvs[],
                   const int maxprocs[], const int info_sizes[], const struct MPID_Info *infos[],
                   int preput_size, const struct MPID_Info *preput[], char jobid[], int jobid_size,
                   int errors[]) EXPORT;
int PMI2_KVS_Put(const char key[], const char value[]) EXPORT;
int PMI2_KVS_Get(const char *jobid, int src_pmi_id, const char key[], char value[], int maxvalue,
                 int *vallen) EXPORT;
int PMI2_KVS_Fence(void) EXPORT;
int PMI2_Info_GetSize(int *size) EXPORT;
int PMI2_Info_GetNodeAttr(const char name[], char value[], int valuelen, int *found,
                          int waitfor) EXPORT;
int PMI2_Info_GetNodeAttrIntArray(const char name[], int array[], int arraylen, int *outlen,
                                  int *found) EXPORT;
int PMI2_Info_PutNodeAttr(const char name[], const char value[]) EXPORT;
int PMI2_Info_GetJobAttr(const char name[], char value[], int valuelen, int *found) EXPORT;
int PMI2_Info_GetJobAttrIntArray(const char name[], int array[], int arraylen, int *outlen,
                                 int *found) EXPORT;
int PMI2_Nameserv_publish(const char service[], const struct MPID_Info *info,
                          const char port[]) EXPORT;
int PMI2_Nameserv_lookup(const char service[], const struct MPID_Info *info, char port[],
                         int portlen) EXPORT;
int PMI2_Nameserv_unpublish(const char service[], const struct MPID_Info *info) EXPORT;

static struct flux_pmi_client *client;

static int result(int r)
{
    switch (r) {
    case 0:
        return PMI2_SUCCESS;
    case -ENOENT:
        return PMI2_ERR_INVALID_KEY;
    case -ENOSPC:
        return PMI2_ERR_INVALID_VAL_LENGTH;
    case -EINVAL:
        return PMI2_ERR_INVALID_ARG;
    }
    return PMI2_FAIL;
}

int PMI2_Init(int *spawned, int *size, int *rank, int *appnum)
{
    struct flux_error err;
    unsigned num = 0;
    int r;

    if (!client) {
        r = flux_pmi_client_open(&client, &err);
        if (r < 0) {
            if (r != -ENOENT)
                fprintf(stderr, "libpmi2: %s\n", err.text);
            return PMI2_FAIL;
        }
    }
    if (appnum) {
        r = flux_pmi_client_appnum(client, &num, NULL);
        if (r < 0)
            return result(r);
        *appnum = num;
    }
    if (spawned)
        *spawned = 0;
    if (size)
        *size = flux_pmi_client_size(client);
    if (rank)
        *rank = flux_pmi_client_rank(client);
    return PMI2_SUCCESS;
}

int PMI2_Finalize(void)
{
    int r;

    if (!client)
        return PMI2_ERR_INIT;
    r = flux_pmi_client_finalize(client, NULL);
    flux_pmi_client_free(client);
    client = NULL;
    return result(r);
}

int PMI2_Initialized(void)
{
    return client != NULL;
}

int PMI2_Abort(int flag, const char msg[])
{
    if (client) {
        flux_pmi_client_abort(client, 1, msg);
        fprintf(stderr, "PMI2_Abort: (%u) %s\n", flux_pmi_client_rank(client), msg ? msg : "");
    }
    exit(1);
}

int PMI2_Job_GetId(char jobid[], int jobid_size)
{
    const char *s;

    if (!client)
        return PMI2_ERR_INIT;
    s = flux_pmi_client_kvsname(client);
    if (jobid_size <= 0 || strlen(s) >= (size_t)jobid_size)
        return PMI2_ERR_INVALID_LENGTH;
    strcpy(jobid, s);
    return PMI2_SUCCESS;
}

int PMI2_Job_GetRank(int *rank)
{
    if (!client)
        return PMI2_ERR_INIT;
    *rank = flux_pmi_client_rank(client);
    return PMI2_SUCCESS;
}

int PMI2_KVS_Put(const char key[], const char value[])
{
    if (!client)
        return PMI2_ERR_INIT;
    return key && value ? result(flux_pmi_client_put(client, key, value, NULL))
                        : PMI2_ERR_INVALID_ARG;
}

int PMI2_KVS_Get(const char *jobid, int src_pmi_id, const char key[], char value[], int maxvalue,
                 int *vallen)
{
    int r;

    if (!client)
        return PMI2_ERR_INIT;
    if (!key || !value || maxvalue <= 0 ||
        (jobid && strcmp(jobid, flux_pmi_client_kvsname(client))))
        return PMI2_ERR_INVALID_ARG;
    r = flux_pmi_client_get(client, key, value, maxvalue, NULL);
    if (vallen)
        *vallen = r == 0 ? (int)strlen(value) : 0;
    return result(r);
}

int PMI2_KVS_Fence(void)
{
    return client ? result(flux_pmi_client_barrier(client, NULL)) : PMI2_ERR_INIT;
}

static int attribute(const char *key, bool wait, char value[], int valuelen, int *found)
{
    int r;

    if (!client)
        return PMI2_ERR_INIT;
    if (!value || valuelen <= 0)
        return PMI2_ERR_INVALID_ARG;
    r = (wait ? flux_pmi_client_get_wait : flux_pmi_client_get)(client, key, value, valuelen, NULL);
    if (found)
        *found = r == 0;
    return r == -ENOENT && found ? PMI2_SUCCESS : result(r);
}

static int node_key(char *key, size_t size, const char *name)
{
    int n = name ? snprintf(key, size, FLUX_PMI_LOCAL_PREFIX "%s", name) : -1;

    return n < 0 || (size_t)n >= size ? -EINVAL : 0;
}

int PMI2_Info_GetNodeAttr(const char name[], char value[], int valuelen, int *found, int waitfor)
{
    char key[FLUX_PMI_KEY_MAX];

    if (node_key(key, sizeof(key), name) < 0)
        return PMI2_ERR_INVALID_ARG;
    return attribute(key, waitfor, value, valuelen, found);
}

int PMI2_Info_PutNodeAttr(const char name[], const char value[])
{
    char key[FLUX_PMI_KEY_MAX];

    if (!client)
        return PMI2_ERR_INIT;
    if (!value || node_key(key, sizeof(key), name) < 0)
        return PMI2_ERR_INVALID_ARG;
    return result(flux_pmi_client_put(client, key, value, NULL));
}

int PMI2_Info_GetJobAttr(const char name[], char value[], int valuelen, int *found)
{
    unsigned n;
    int r;

    if (!client)
        return PMI2_ERR_INIT;
    if (!name || !value || valuelen <= 0)
        return PMI2_ERR_INVALID_ARG;
    if (strcmp(name, "universeSize"))
        return attribute(name, false, value, valuelen, found);
    r = flux_pmi_client_universe_size(client, &n, NULL);
    if (r == 0 && snprintf(value, valuelen, "%u", n) >= valuelen)
        r = -ENOSPC;
    if (found)
        *found = r == 0;
    return result(r);
}

/* The tasks of this node by the server's mapping. */
int PMI2_Info_GetSize(int *size)
{
    FLUX_AUTO_MEM(struct flux_pmi_block) map = NULL;
    char text[FLUX_PMI_VALUE_MAX];
    int blocks, node, found, r;

    r = attribute("PMI_process_mapping", false, text, sizeof(text), &found);
    if (r != PMI2_SUCCESS || !size)
        return r != PMI2_SUCCESS ? r : PMI2_ERR_INVALID_ARG;
    *size = 1;
    blocks = found ? flux_pmi_mapping_decode(text, &map) : 0;
    node = blocks > 0 ? flux_pmi_mapping_node(map, blocks, flux_pmi_client_rank(client)) : -1;
    if (node < 0)
        return PMI2_SUCCESS;
    *size = 0;
    for (unsigned i = 0; i < flux_pmi_client_size(client); i++)
        *size += flux_pmi_mapping_node(map, blocks, i) == node;
    return PMI2_SUCCESS;
}

int PMI2_Info_GetNodeAttrIntArray(const char name[], int array[], int arraylen, int *outlen,
                                  int *found)
{
    return PMI2_FAIL;
}

int PMI2_Info_GetJobAttrIntArray(const char name[], int array[], int arraylen, int *outlen,
                                 int *found)
{
    return PMI2_FAIL;
}

int PMI2_Job_Connect(const char jobid[], PMI2_Connect_comm_t *conn)
{
    return PMI2_FAIL;
}

int PMI2_Job_Disconnect(const char jobid[])
{
    return PMI2_FAIL;
}

int PMI2_Job_Spawn(int count, const char *cmds[], int argcs[], const char **argvs[],
                   const int maxprocs[], const int info_sizes[], const struct MPID_Info *infos[],
                   int preput_size, const struct MPID_Info *preput[], char jobid[], int jobid_size,
                   int errors[])
{
    return PMI2_FAIL;
}

int PMI2_Nameserv_publish(const char service[], const struct MPID_Info *info, const char port[])
{
    return PMI2_FAIL;
}

int PMI2_Nameserv_lookup(const char service[], const struct MPID_Info *info, char port[],
                         int portlen)
{
    return PMI2_FAIL;
}

int PMI2_Nameserv_unpublish(const char service[], const struct MPID_Info *info)
{
    return PMI2_FAIL;
}
