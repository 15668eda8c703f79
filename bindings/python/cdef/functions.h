int flux_open(const char *uri, struct flux **ret, struct flux_error *err);
struct flux *flux_open_loop(void);
void flux_close(struct flux *h);
uv_loop_t *flux_loop(struct flux *h);
uint32_t flux_rank(struct flux *h);
uint32_t flux_size(struct flux *h);
uint32_t flux_owner(struct flux *h);
uint32_t flux_userid(struct flux *h);
uint32_t flux_roles(struct flux *h);
void flux_set_reconnect(struct flux *h, double seconds);
const char *flux_attr(struct flux *h, const char *name);
void flux_log(struct flux *h, int level, const char *fmt, ...);
void flux_log_set_name(struct flux *h, const char *name);

struct flux_future *flux_rpc_bytes(struct flux *h, struct flux_to to, const struct flux_method *m,
                                   const void *body, size_t len);
int flux_rpc_result_bytes(struct flux_future *f, const void **body, size_t *len,
                          struct flux_error *err);
void flux_future_then(struct flux_future *f, flux_then_f cb, void *arg);
void flux_future_next(struct flux_future *f);
void flux_future_free(struct flux_future *f);
void flux_future_credit(struct flux_future *f, uint32_t bytes);
bool flux_future_ready(struct flux_future *f);
size_t flux_future_size(struct flux_future *f);

int uv_run(uv_loop_t *loop, uv_run_mode mode);
int uv_backend_fd(const uv_loop_t *loop);
int uv_backend_timeout(const uv_loop_t *loop);

const char *flux_errname(int errnum);
void free(void *p);

struct flux_idset *flux_idset_new(void);
struct flux_idset *flux_idset_copy(const struct flux_idset *set);
void flux_idset_free(struct flux_idset *set);
int flux_idset_decode(const char *s, struct flux_idset **ret, struct flux_error *err);
char *flux_idset_encode(const struct flux_idset *set, int flags);
int flux_idset_add(struct flux_idset *set, unsigned id);
int flux_idset_add_range(struct flux_idset *set, unsigned lo, unsigned hi);
void flux_idset_remove(struct flux_idset *set, unsigned id);
void flux_idset_remove_range(struct flux_idset *set, unsigned lo, unsigned hi);
void flux_idset_clear(struct flux_idset *set);
bool flux_idset_contains(const struct flux_idset *set, unsigned id);
size_t flux_idset_count(const struct flux_idset *set);
unsigned flux_idset_first(const struct flux_idset *set);
unsigned flux_idset_last(const struct flux_idset *set);
unsigned flux_idset_next(const struct flux_idset *set, unsigned id);
unsigned flux_idset_prev(const struct flux_idset *set, unsigned id);
unsigned flux_idset_nth(const struct flux_idset *set, size_t n);
bool flux_idset_equal(const struct flux_idset *a, const struct flux_idset *b);
bool flux_idset_is_subset(const struct flux_idset *a, const struct flux_idset *of);
bool flux_idset_intersects(const struct flux_idset *a, const struct flux_idset *b);
struct flux_idset *flux_idset_union(const struct flux_idset *a, const struct flux_idset *b);
struct flux_idset *flux_idset_intersect(const struct flux_idset *a, const struct flux_idset *b);
struct flux_idset *flux_idset_difference(const struct flux_idset *a, const struct flux_idset *b);
void flux_idset_add_set(struct flux_idset *a, const struct flux_idset *b);
void flux_idset_keep_set(struct flux_idset *a, const struct flux_idset *b);
void flux_idset_remove_set(struct flux_idset *a, const struct flux_idset *b);

struct flux_hostlist *flux_hostlist_new(void);
struct flux_hostlist *flux_hostlist_copy(const struct flux_hostlist *hl);
void flux_hostlist_free(struct flux_hostlist *hl);
int flux_hostlist_decode(const char *s, struct flux_hostlist **ret, struct flux_error *err);
char *flux_hostlist_encode(const struct flux_hostlist *hl);
int flux_hostlist_append(struct flux_hostlist *hl, const char *hosts, struct flux_error *err);
int flux_hostlist_append_list(struct flux_hostlist *hl, const struct flux_hostlist *more);
size_t flux_hostlist_count(const struct flux_hostlist *hl);
const char *flux_hostlist_nth(const struct flux_hostlist *hl, size_t n, char buf[256]);
ssize_t flux_hostlist_find(const struct flux_hostlist *hl, const char *name);
const char *flux_hostlist_next(const struct flux_hostlist *hl, struct flux_hostlist_iter *it);
void flux_hostlist_sort(struct flux_hostlist *hl);
void flux_hostlist_uniq(struct flux_hostlist *hl);
struct flux_hostlist *flux_hostlist_pick(const struct flux_hostlist *hl,
                                         const struct flux_idset *positions);
struct flux_hostlist *flux_hostlist_intersect(const struct flux_hostlist *a,
                                              const struct flux_hostlist *b);
struct flux_hostlist *flux_hostlist_exclude(const struct flux_hostlist *a,
                                            const struct flux_hostlist *b);
bool flux_hostlist_equal(const struct flux_hostlist *a, const struct flux_hostlist *b);
int flux_hostlist_delete(struct flux_hostlist *hl, const char *hosts, struct flux_error *err);
int flux_hostlist_positions(const struct flux_hostlist *hl, const struct flux_hostlist *hosts,
                            struct flux_idset **ret, struct flux_error *err);

int flux_fluid_parse(const char *s, uint64_t *ret, struct flux_error *err);
int flux_fluid_encode(uint64_t id, enum flux_fluid_form form, char *buf, size_t size);
int flux_fluid_form(const char *name);
double flux_fluid_age(uint64_t id);

int flux_fsd_parse(const char *s, double *seconds, struct flux_error *err);
char *flux_fsd_format(double seconds, char buf[32]);
