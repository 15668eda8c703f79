# SPDX-License-Identifier: LGPL-3.0-only
"""How a proto name is spelled in each language. The C spellings follow protobuf-c's own rules."""

C_KEYWORDS = frozenset(
    """auto break case char const continue default do double else enum extern float for goto if
    inline int long register restrict return short signed sizeof static struct switch typedef
    union unsigned void volatile while asm typeof bool true false""".split()
)


def snake(name):
    """KvsGetRequest -> kvs_get_request (a run of capitals stays one word, as in protobuf-c)."""
    out, was_upper = [], True
    for c in name:
        if c.isupper() and not was_upper:
            out.append("_")
        out.append(c.lower())
        was_upper = c.isupper()
    return "".join(out)


def kebab(name):
    return snake(name).replace("_", "-")


def camel(name):
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def pbc_type(full_name):
    """flux.v1.KvsGetRequest -> Flux__V1__KvsGetRequest"""
    return "__".join(camel(part) for part in full_name.split("."))


def pbc_lower(full_name):
    return "__".join(snake(part) for part in full_name.split("."))


def pbc_upper(full_name):
    return pbc_lower(full_name).upper()


def c_slot(name):
    """A struct member for an rpc: its snake name, kept off C's keywords."""
    s = snake(name)
    return s + "_" if s in C_KEYWORDS else s
