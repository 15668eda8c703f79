// SPDX-License-Identifier: LGPL-3.0-only
/* Transactions and reads of the kvs verbs. */
#include "kvs.h"

const struct flux_option kvs_options[] = {
    {"namespace", 'N', OPT_STR, "NAME", "Specify KVS namespace to use"},
    {NULL},
};

const struct flux_option kvs_commit_options[] = {
    {"treeobj-root", 'O', OPT_FLAG, NULL, "Show resulting RFC 11 root tree object"},
    {"blobref", 'b', OPT_FLAG, NULL, "Show resulting root reference"},
    {"sequence", 's', OPT_FLAG, NULL, "Show resulting root sequence number"},
    {NULL},
};

char *kvs_namespace(const struct cli *cli)
{
    const char *env = getenv("FLUX_KVS_NAMESPACE");

    return (char *)cli_str(cli, "namespace", env ? env : "");
}

int kvs_fail(const struct cli *cli, const char *key, int r, const struct flux_error *err)
{
    if (r == -ENOENT && strncmp(err->text, "kvs: no key", 11) == 0)
        return cli_fail(cli, "%s: %s", key, strerror(ENOENT));
    return cli_fail(cli, "%s: %s", key, err->text);
}

flux_kvs_op *kvs_txn_add(struct kvs_txn *txn, flux_kvs_op_kind kind, const char *key)
{
    flux_kvs_op *op;

    txn->ops = flux_realloc(txn->ops, txn->count + 1, sizeof(*txn->ops));
    op = &txn->ops[txn->count++];
    *op = (flux_kvs_op)FLUX_KVS_OP_INIT;
    op->kind = kind;
    op->key = (char *)key;
    return op;
}

static int print_root(struct cli *cli, const char *ns, uint64_t version)
{
    flux_kvs_get_root_request in = FLUX_KVS_GET_ROOT_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_get_root_response) out = NULL;
    struct flux_error err;

    in.namespace_ = (char *)ns;
    in.wait_version = version;
    if (flux_kvs_get_root(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    if (cli_has(cli, "blobref"))
        puts(out->rootref);
    else {
        FLUX_AUTO_STR text = kvs_treeobj_dirref(out->rootref);
        puts(text);
    }
    return 0;
}

static bool shows_result(const struct cli *cli)
{
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(cli->verb->options); i++) {
        if (cli->verb->options[i] == kvs_commit_options)
            return true;
    }
    return false;
}

int kvs_commit(struct cli *cli, const char *ns, struct kvs_txn *txn)
{
    flux_kvs_commit_request in = FLUX_KVS_COMMIT_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_commit_response) out = NULL;
    struct flux_error err;
    int r;

    in.namespace_ = (char *)ns;
    in.n_ops = txn->count;
    in.ops = flux_alloc((txn->count + 1) * sizeof(*in.ops));
    for (size_t i = 0; i < txn->count; i++)
        in.ops[i] = &txn->ops[i];
    r = flux_kvs_commit(cli_handle(cli), FLUX_ANY, &in, &out, &err);
    free(in.ops);
    free(txn->ops);
    if (r < 0)
        return cli_fail(cli, "%s", err.text);
    if (!shows_result(cli))
        return 0;
    if (cli_has(cli, "treeobj-root") || cli_has(cli, "blobref"))
        return print_root(cli, ns, out->version);
    if (cli_has(cli, "sequence"))
        printf("%llu\n", (unsigned long long)out->version);
    return 0;
}

int kvs_read(struct cli *cli, flux_kvs_get_request *in, flux_kvs_get_response **ret,
             struct flux_buf *value, struct flux_error *err)
{
    flux_kvs_get_response *out = NULL;
    size_t got;
    int r;

    do {
        if (out)
            flux_kvs_get_response_free(out);
        r = flux_kvs_get(cli_handle(cli), FLUX_ANY, in, &out, err);
        if (r < 0)
            return r;
        got = out->value.len;
        flux_buf_add(value, out->value.data, got);
        in->offset += got;
    } while (got > 0 && in->offset < out->size && !value->failed);
    if (value->failed) {
        flux_kvs_get_response_free(out);
        return flux_error_set(err, -EFBIG, "the value is too long to be shown");
    }
    *ret = out;
    return 0;
}

int kvs_list(struct cli *cli, const char *ns, const char *key, const char *rootref,
             flux_kvs_get_response **ret, struct flux_error *err)
{
    flux_kvs_get_request in = FLUX_KVS_GET_REQUEST_INIT;

    in.namespace_ = (char *)ns;
    in.key = (char *)key;
    in.rootref = (char *)rootref;
    in.list = true;
    return flux_kvs_get(cli_handle(cli), FLUX_ANY, &in, ret, err);
}

char *kvs_join(const char *dir, const char *name)
{
    size_t len = strlen(dir);

    while (len > 0 && dir[len - 1] == '.')
        len--;
    return len ? flux_printf("%.*s.%s", (int)len, dir, name) : flux_strdup(name);
}
