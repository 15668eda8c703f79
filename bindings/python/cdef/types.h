struct flux_error {
    char text[320];
};
struct flux_to {
    uint8_t target;
    bool no_answer;
    uint32_t rank;
    uint32_t credit;
    double timeout;
};
struct flux_method {
    const char *name;
    const void *request, *response;
    uint32_t access;
    bool stream, idempotent, flow;
    uint32_t max_body;
    uint32_t max_open;
};
struct flux_hostlist_iter {
    size_t run;
    size_t offset;
    char name[256];
};
