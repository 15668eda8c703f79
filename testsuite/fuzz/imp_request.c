// SPDX-License-Identifier: LGPL-3.0-only
/* Any bytes to what flux-imp reads from its caller, and from its own unprivileged half. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "../../imp/exec.h"
#include "../../imp/input.h"
#include "../../imp/privsep.h"
#include "../../imp/run_request.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void from_caller(const unsigned char *data, size_t size)
{
    struct imp_error err = {{0}};
    char *text = malloc(size + 1);
    struct sign_request parts;
    const char *j;

    memcpy(text, data, size);
    text[size] = '\0';
    if (input_parse(text, size, &j, &err) == 0) {
        assert(j >= text && j[0] && strlen(j) <= size);
        if (sign_unwrap(NULL, j, SIGN_NOVERIFY, &parts, &err) == 0)
            sign_request_done(&parts);
    }
    assert(strlen(err.text) < sizeof(err.text));
    free(text);
}

static void from_child(const unsigned char *data, size_t size)
{
    struct environment env = {.n = 0};
    struct exec_request req;
    struct imp_error err;
    const char *name;
    struct kv *kv;

    if (privsep_decode(data, size, &kv, &err) < 0)
        return;
    if (exec_request_decode(kv, &req, &err) == 0) {
        assert(req.j[0] && req.shell && req.nargs <= EXEC_ARGS_MAX && !req.args[req.nargs]);
        assert(run_request_decode(kv, &name, &err) < 0);
    }
    if (run_request_decode(kv, &name, &err) == 0 &&
        run_request_environment(kv, NULL, &env, &err) == 0)
        for (size_t i = 0; i < env.n; i++)
            assert(strncmp(env.vars[i], "FLUX_JOB_", 9) == 0);
    environment_done(&env);
    kv_free(kv);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] & 1)
        from_caller(data + 1, size - 1);
    else
        from_child(data + 1, size - 1);
    return 0;
}
