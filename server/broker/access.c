// SPDX-License-Identifier: LGPL-3.0-only
/* The table [access]. The roles of a connection come from nowhere else. */
#include "access.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>

#include <flux/msg.h>

struct access {
    uid_t owner;
    bool guests, root_owner;
    uid_t *admins;
    gid_t *admin_groups;
    size_t nadmins, nadmin_groups;
};

static bool is_true(const json_t *table, const char *key)
{
    return json_is_true(json_object_get(table, key));
}

static void take_users(struct access *a, const json_t *names, void (*warn)(const char *, void *),
                       void *arg)
{
    const json_t *o;
    size_t i;

    a->admins = flux_alloc((json_array_size(names) + 1) * sizeof(*a->admins));
    json_array_foreach ((json_t *)names, i, o) {
        const struct passwd *pw = getpwnam(json_string_value(o));
        char text[160];
        if (pw) {
            a->admins[a->nadmins++] = pw->pw_uid;
            continue;
        }
        snprintf(text, sizeof(text), "access.roles.admin.users: there is no user '%.64s' here",
                 json_string_value(o));
        warn(text, arg);
    }
}

static void take_groups(struct access *a, const json_t *names, void (*warn)(const char *, void *),
                        void *arg)
{
    const json_t *o;
    size_t i;

    a->admin_groups = flux_alloc((json_array_size(names) + 1) * sizeof(*a->admin_groups));
    json_array_foreach ((json_t *)names, i, o) {
        const struct group *gr = getgrnam(json_string_value(o));
        char text[160];
        if (gr) {
            a->admin_groups[a->nadmin_groups++] = gr->gr_gid;
            continue;
        }
        snprintf(text, sizeof(text), "access.roles.admin.groups: there is no group '%.64s' here",
                 json_string_value(o));
        warn(text, arg);
    }
}

struct access *access_new(const json_t *conf, uid_t owner,
                          void (*warn)(const char *text, void *arg), void *arg)
{
    const json_t *table = json_object_get(conf, "access");
    const json_t *admin = json_object_get(json_object_get(table, "roles"), "admin");
    struct access *a = flux_alloc(sizeof(*a));

    a->owner = owner;
    a->guests = is_true(table, "allow-guest-user");
    a->root_owner = is_true(table, "allow-root-owner");
    take_users(a, json_object_get(admin, "users"), warn, arg);
    take_groups(a, json_object_get(admin, "groups"), warn, arg);
    return a;
}

void access_free(struct access *a)
{
    if (!a)
        return;
    free(a->admins);
    free(a->admin_groups);
    free(a);
}

bool access_is_open(const struct access *a)
{
    return a->guests || a->nadmins || a->nadmin_groups;
}

static bool is_admin(const struct access *a, const struct access_peer *peer)
{
    for (size_t i = 0; i < a->nadmins; i++)
        if (a->admins[i] == peer->uid)
            return true;
    for (size_t i = 0; i < a->nadmin_groups; i++)
        for (size_t k = 0; k < peer->ngids; k++)
            if (a->admin_groups[i] == peer->gids[k])
                return true;
    return false;
}

int access_admit(const struct access *a, const struct access_peer *peer, uint32_t *roles,
                 struct flux_error *err)
{
    *roles = FLUX_ROLE_GUEST;
    if (peer->uid == a->owner || (peer->uid == 0 && a->root_owner))
        *roles = FLUX_ROLE_OWNER;
    else if (is_admin(a, peer))
        *roles = FLUX_ROLE_GUEST | FLUX_ROLE_ADMIN;
    else if (!a->guests)
        return flux_error_set(err, -EPERM, "this instance belongs to user %u and admits no guests",
                              (unsigned)a->owner);
    return 0;
}
