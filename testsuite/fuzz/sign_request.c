// SPDX-License-Identifier: LGPL-3.0-only
/* Any text as a J: taken apart, and verified as none and as curve. With a first byte of 'h' the
 * rest is the header, not yet encoded, so that what lies behind base64 is reached. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../imp/sign/base64.h"
#include "../../imp/sign/sign.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static const char settings[] = "[sign]\nmax-ttl = 100\ndefault-type = 'none'\n"
                               "allowed-types = ['none', 'curve']\n"
                               "[sign.curve]\ncert-path = '/nowhere/sig'\n";

static char *make_text(const unsigned char *data, size_t size)
{
    char *text = NULL, *header;

    if (size == 0 || data[0] != 'h')
        return strndup((const char *)data, size);
    header = base64_encode(data + 1, size - 1);
    assert(asprintf(&text, "%s.eA==.none", header) > 0);
    free(header);
    return text;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static struct conf *conf;
    static struct sign *sign;
    struct sign_request request;
    struct imp_error err = {""};
    char *text = make_text(data, size);

    if (!sign) {
        assert(conf_parse(settings, strlen(settings), "settings", &conf, NULL) == 0);
        assert(sign_new(conf, &sign, NULL) == 0);
    }
    if (sign_unwrap(NULL, text, SIGN_NOVERIFY, &request, &err) == 0) {
        assert(request.payload[request.len] == '\0' && request.userid != (uid_t)-1);
        sign_request_done(&request);
    } else {
        assert(err.text[0]);
    }
    if (sign_unwrap(sign, text, 0, &request, &err) == 0) {
        assert(request.userid == getuid() && strcmp(request.mechanism, "none") == 0);
        sign_request_done(&request);
    }
    free(text);
    return 0;
}
