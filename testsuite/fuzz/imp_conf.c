// SPDX-License-Identifier: LGPL-3.0-only
/* Any bytes as a privileged configuration, and as a certificate; everything that was read can be
 * reached and says where it is. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "../../imp/conf/conf.h"
#include "../../imp/sign/cert.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void visit(const struct conf *value)
{
    char where[64];

    assert(conf_where(value, where, sizeof(where)) == where);
    for (size_t i = 0; i < conf_len(value); i++) {
        const struct conf *member = conf_at(value, i);
        assert((conf_type(value) == CONF_TABLE) ==
               (member != NULL && conf_type(value) != CONF_ARRAY));
        if (conf_type(value) == CONF_TABLE && *conf_key(member) && !strchr(conf_key(member), '.'))
            assert(conf_get(value, conf_key(member)) == member);
        visit(member);
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    const char *text = (const char *)data;
    struct conf *conf = NULL;
    struct cert *cert = NULL;
    struct imp_error err = {""};

    if (conf_parse(text, size, "f", &conf, &err) == 0) {
        visit(conf);
        (void)conf_check(conf, &conf_keys_security, &err);
        (void)conf_check(conf, &conf_keys_imp, &err);
        conf_free(conf);
    } else {
        assert(strncmp(err.text, "f", 1) == 0);
    }
    if (cert_parse(text, size, "f", &cert, &err) == 0) {
        free(cert_format(cert, cert_has_secret(cert)));
        cert_free(cert);
    }
    return 0;
}
