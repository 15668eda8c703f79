// SPDX-License-Identifier: LGPL-3.0-only
/* Durations (RFC 23). The number is read and written without the C library's locale. */
#include <flux/fsd.h>

#include <math.h>
#include <stdio.h>
#include <strings.h>

#define MANTISSA_MAX 100000000000000000 /* 17 digits; more have no meaning in a double */

static const struct unit {
    char suffix[4];
    double seconds;
} units[] = {{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}, {"ms", 1e-3}};

static double scale(double x, int exponent)
{
    double factor = 1;

    for (int i = 0; i < abs(exponent); i++)
        factor *= 10;
    return exponent < 0 ? x / factor : x * factor;
}

/* "e-3": optional; anything else is left in place. */
static const char *parse_exponent(const char *p, int *exponent)
{
    const char *q = p + 1;
    int sign = 1, n = 0;

    if (*p != 'e' && *p != 'E')
        return p;
    if (*q == '-' || *q == '+')
        sign = *q++ == '-' ? -1 : 1;
    if (*q < '0' || *q > '9')
        return p;
    for (; *q >= '0' && *q <= '9'; q++)
        if (n < 1000)
            n = n * 10 + (*q - '0');
    *exponent += sign * n;
    return q;
}

/* digits[.digits][exponent]; returns the end, or NULL if there is no digit. */
static const char *parse_number(const char *p, double *ret)
{
    uint64_t mantissa = 0;
    int exponent = 0, digits = 0;
    bool point = false;

    for (; (*p >= '0' && *p <= '9') || (*p == '.' && !point); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        digits++;
        if (mantissa < MANTISSA_MAX) {
            mantissa = mantissa * 10 + (*p - '0');
            exponent -= point;
        } else {
            exponent += !point;
        }
    }
    if (!digits)
        return NULL;
    p = parse_exponent(p, &exponent);
    *ret = scale(mantissa, exponent);
    return p;
}

static int parse(const char *s, double *ret)
{
    const char *p = parse_number(s, ret);

    if (!strcasecmp(s, "inf") || !strcasecmp(s, "infinity")) {
        *ret = INFINITY;
        return 0;
    }
    if (!p || !isfinite(*ret))
        return -EINVAL;
    if (!*p)
        return 0;
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(units); i++)
        if (!strcmp(p, units[i].suffix)) {
            *ret = units[i].seconds < 1 ? *ret / 1000 : *ret * units[i].seconds;
            return isfinite(*ret) ? 0 : -EINVAL;
        }
    return -EINVAL;
}

int flux_fsd_parse(const char *s, double *seconds, struct flux_error *err)
{
    double t = 0;

    if (parse(s, &t) < 0)
        return flux_error_set(
            err, -EINVAL, "'%.64s' is not a duration (a number with ms, s, m, h or d; or inf)", s);
    *seconds = t;
    return 0;
}

static char *format(double seconds, int digits, char buf[FLUX_FSD_MAX])
{
    const struct unit *u = &units[seconds == 0 ? 3 : 4];

    if (isinf(seconds))
        return strcpy(buf, "infinity");
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(units); i++)
        if (seconds >= units[i].seconds) {
            u = &units[i];
            break;
        }
    seconds /= u->seconds;
    if (seconds >= 1000) /* days: no exponent for want of digits */
        digits = 6;
    snprintf(buf, FLUX_FSD_MAX, "%.*g%s", digits, seconds, u->suffix);
    for (char *p = buf; *p; p++)
        if (*p == ',') /* the decimal point of some locales */
            *p = '.';
    return buf;
}

char *flux_fsd_format(double seconds, char buf[FLUX_FSD_MAX])
{
    return format(seconds, 6, buf);
}

char *flux_fsd_round(double seconds, char buf[FLUX_FSD_MAX])
{
    return format(seconds, 3, buf);
}
