// SPDX-License-Identifier: LGPL-3.0-only
/* flux completion: a bash completion script with every verb and option in it, made from the rows,
 * so that a TAB starts no process. The build installs its output. */
#include "verb.h"

static void print_options(const struct flux_verb *verb)
{
    fputs("--help", stdout);
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(verb->options) && verb->options[i]; i++)
        for (const struct flux_option *o = verb->options[i]; o->name; o++)
            if (o->help)
                printf(" --%s%s", o->name,
                       o->kind == OPT_FLAG || flux_option_attaches(o) ? "" : "=");
}

/* Whether this verb is the first one of its first word. */
static bool begins_word(const struct flux_verb *const *v)
{
    size_t n = strcspn((*v)->path, " ");

    for (const struct flux_verb *const *w = cli_verbs; w < v; w++)
        if ((*w)->summary && strncmp((*w)->path, (*v)->path, n + 1) == 0)
            return false;
    return true;
}

static int run(struct cli *cli)
{
    fputs("# bash completion for flux, made by 'flux completion bash'\n"
          "declare -gA _flux_options=(\n",
          stdout);
    for (const struct flux_verb *const *v = cli_verbs; *v; v++) {
        if (!(*v)->summary)
            continue;
        printf("  ['%s']='", (*v)->path);
        print_options(*v);
        puts("'");
    }
    fputs(")\ndeclare -gA _flux_words=(\n  ['']='", stdout);
    for (const struct flux_verb *const *v = cli_verbs; *v; v++)
        if ((*v)->summary && begins_word(v))
            printf("%.*s ", (int)strcspn((*v)->path, " "), (*v)->path);
    puts("'");
    for (const struct flux_verb *const *v = cli_verbs; *v; v++) {
        int n = (int)strcspn((*v)->path, " ");

        if (!(*v)->summary || !(*v)->path[n] || !begins_word(v))
            continue;
        printf("  ['%.*s']='", n, (*v)->path);
        for (const struct flux_verb *const *w = v; *w; w++)
            if ((*w)->summary && strncmp((*w)->path, (*v)->path, (size_t)n + 1) == 0)
                printf("%s ", (*w)->path + n + 1);
        puts("'");
    }
    fputs(")\n"
          "_flux()\n"
          "{\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} path= i word\n"
          "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
          "        word=${COMP_WORDS[i]}\n"
          "        [[ $word == -* ]] && continue\n"
          "        if [[ ${_flux_options[${path:+$path }$word]+x} || ${_flux_words[${path:+$path "
          "}$word]+x} ]]; then\n"
          "            path=${path:+$path }$word\n"
          "        else\n"
          "            break\n"
          "        fi\n"
          "    done\n"
          "    if [[ $cur == -* ]]; then\n"
          "        COMPREPLY=($(compgen -W \"${_flux_options[$path]}\" -- \"$cur\"))\n"
          "        [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n"
          "    elif [[ ${_flux_words[$path]+x} ]]; then\n"
          "        COMPREPLY=($(compgen -W \"${_flux_words[$path]}\" -- \"$cur\"))\n"
          "    fi\n"
          "}\n"
          "complete -o default -F _flux flux\n",
          stdout);
    return 0;
}

const struct flux_verb verb_completion = {
    .path = "completion",
    .args = "bash",
    .run = run,
};
