// SPDX-License-Identifier: LGPL-3.0-only
/* Output formats of listing verbs: Python's str.format fields with a few additions.
 *
 *   {field!conv:spec}  spec: [[fill]align][sign][0][width][,][.precision][type], then h and/or +
 *   h   "-" for an empty or zero value          +   a cut value ends in "+"
 *   !D  ISO time   !d  time by strftime (!d:%b%d %R::<12)   !F  FSD   !H  h:m:s   !P  percent
 *   ?:{..}  dropped with the text before it if empty in all rows   +:{..}  as wide as needed
 *   ?+:{..} both   "sort:k1,-k2 " at the beginning orders the rows
 *
 * Widths count display columns, not bytes. */
#ifndef FLUX_CLI_FORMAT_H
#define FLUX_CLI_FORMAT_H

#include <stdio.h>

#include <flux/base.h>
#include <flux/buf.h>

enum format_kind { FORMAT_NULL, FORMAT_STRING, FORMAT_INT, FORMAT_REAL, FORMAT_BOOL };

struct format_value {
    enum format_kind kind;
    const char *s; /* FORMAT_STRING: row's memory, or `text` */
    long long i;   /* FORMAT_INT, FORMAT_BOOL */
    double d;      /* FORMAT_REAL */
    char text[128];
    char *owned; /* freed after use; for strings that do not fit in `text` */
};

/* Set a value; a getter calls one of them, or none (empty). */
void format_set_string(struct format_value *v, const char *s); /* borrowed; NULL = empty */
void format_set_copy(struct format_value *v, const char *s, size_t n);
void format_set_int(struct format_value *v, long long i);
void format_set_real(struct format_value *v, double d);
void format_set_bool(struct format_value *v, bool b);
void format_value_done(struct format_value *v);

/* Control characters, which a terminal would obey, become blanks and question marks, in place:
 * names and notes of jobs are what other users chose. */
void format_clean(char *s);

/* A field that a listing offers. A name that ends in '.' stands for all names below it. */
struct format_field {
    const char *name; /* NULL ends a table */
    const char *header;
    void (*get)(const void *row, const char *name, struct format_value *v);
    bool merged; /* rows that differ in this alone may be merged into one */
};

struct format;

/* -EINVAL: the text of err says what is wrong with the format. `fields` must outlive the format. */
int format_compile(const struct format_field *fields, const char *text, struct format **ret,
                   struct flux_error *err);
void format_free(struct format *f);

/* Append header (if wanted) and rows, a line each, without trailing blanks in the header. Rows are
 * put in the order of "sort:" or of `order` ("k1,-k2", may be NULL), in place. -EINVAL: unknown
 * key. */
int format_rows(struct format *f, const void **rows, size_t count, const char *order, bool header,
                struct flux_buf *out, struct flux_error *err);
/* One row, no widening, no dropping: for streams. */
void format_row(const struct format *f, const void *row, struct flux_buf *out);
/* What rows must have in common to be merged: the values of all fields that are not `merged`.
 * Caller frees. */
char *format_merge_key(const struct format *f, const void *row);
/* Whether the format shows a field of this name, or one below it. */
bool format_uses(const struct format *f, const char *name);

struct format_named {
    const char *name, *description, *text; /* NULL name ends a table */
};
/* The format text of -o ARG for a tool ("flux-jobs"): a literal format (anything with a '{'), or
 * the name of a built-in or user format; NULL: the default, from $env_default or named "default".
 * 0 with *ret (caller frees); 1: "help" or "get-config=" was answered on stdout; -EINVAL. */
int format_choose(const char *tool, const char *arg, const struct format_named *named,
                  const char *env_default, char **ret, struct flux_error *err);

/* Display columns of a UTF-8 text; and the bytes that fit in `columns` of them. */
size_t format_columns(const char *s);
size_t format_fit(const char *s, size_t columns);

/* --- shared by the files of this folder --- */
enum format_align { ALIGN_DEFAULT, ALIGN_LEFT, ALIGN_RIGHT, ALIGN_CENTER, ALIGN_SIGN };

struct format_spec {
    enum format_align align;
    char fill[5]; /* one UTF-8 character */
    char sign;    /* '+', '-', ' ' or 0 */
    bool comma, alternate;
    int width;      /* columns; 0 = none */
    int precision;  /* -1 = none */
    char type;      /* 0 = by value */
    bool dash;      /* h */
    bool mark_cut;  /* + */
    char *strftime; /* of !d, or NULL */
};

struct format_column {
    char *before;                     /* literal text before the field */
    const struct format_field *field; /* NULL: the text at the end of the format */
    char *name;                       /* as written */
    char conversion;                  /* 0 = none */
    bool drop_empty, widen, dropped;
    struct format_spec spec;
};

struct format {
    const struct format_field *fields;
    struct format_column *columns;
    size_t count;
    char *order; /* of "sort:", or NULL */
    const char *(*color)(
        const void *row); /* escape sequence for a row, or NULL; set by the caller */
};

int format_spec_parse(const char *text, size_t n, bool is_date, struct format_spec *spec,
                      struct flux_error *err);
/* The same for a value. */
void format_clean_value(struct format_value *v);
/* Bring a value into the form that its conversion asks for. */
void format_convert(struct format_value *v, char conversion, const char *strftime_text);
bool format_is_empty(const struct format_value *v);
void format_apply(const struct format_spec *spec, const struct format_value *v,
                  struct flux_buf *out);
const struct format_field *format_field_find(const struct format_field *fields, const char *name);

#endif
