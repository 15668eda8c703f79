// SPDX-License-Identifier: LGPL-3.0-only
/* The one C++ file: TOML text to a JSON object, through toml++. No exception leaves it. */
#include "config.h"

#include <sstream>
#include <string>

#include <toml++/toml.h>

namespace
{

struct context {
    flux_configfile *cfg;
    const char *name;
    std::string path;
};

/* Lets a path be one part longer for as long as a block lasts. */
class step
{
  public:
    step(context &c, std::string_view part) : c(c), len(c.path.size())
    {
        if (len)
            c.path += '.';
        c.path += part;
    }
    ~step()
    {
        c.path.resize(len);
    }

  private:
    context &c;
    size_t len;
};

struct bad_value {
    std::string text;
    unsigned line;
};

json_t *convert(context &c, const toml::node &node);

json_t *convert_table(context &c, const toml::table &table)
{
    json_t *o = json_object();

    for (auto &&[key, value] : table) {
        step s(c, key.str());
        std::string name(key.str());
        if (name.find('\0') != std::string::npos)
            throw bad_value{"a key with a NUL in it", key.source().begin.line};
        config_mark(c.cfg, c.path.c_str(), c.name, key.source().begin.line);
        json_object_set_new(o, name.c_str(), convert(c, value));
    }
    return o;
}

json_t *convert_array(context &c, const toml::array &array)
{
    json_t *o = json_array();

    for (size_t i = 0; i < array.size(); i++) {
        step s(c, std::to_string(i));
        config_mark(c.cfg, c.path.c_str(), c.name, array[i].source().begin.line);
        json_array_append_new(o, convert(c, array[i]));
    }
    return o;
}

json_t *convert_date(const toml::node &node)
{
    std::ostringstream text;

    node.visit([&](auto &&v) {
        if constexpr (toml::is_chronological<decltype(v)>)
            text << v.get();
    });
    return json_string(text.str().c_str());
}

json_t *convert(context &c, const toml::node &node)
{
    if (auto table = node.as_table())
        return convert_table(c, *table);
    if (auto array = node.as_array())
        return convert_array(c, *array);
    if (auto text = node.as_string())
        return json_stringn(text->get().data(), text->get().size());
    if (auto n = node.as_integer())
        return json_integer(n->get());
    if (auto b = node.as_boolean())
        return json_boolean(b->get());
    if (auto x = node.as_floating_point()) {
        json_t *o = json_real(x->get());
        if (!o)
            throw bad_value{"not a finite number", node.source().begin.line};
        return o;
    }
    return convert_date(node);
}

} // namespace

int config_parse_toml(struct flux_configfile *cfg, const char *text, const char *name, json_t **ret,
                      struct flux_error *err)
{
    context c{cfg, name, ""};

    try {
        auto table = toml::parse(std::string_view(text), std::string_view(name));
        *ret = convert_table(c, table);
        return 0;
    } catch (const toml::parse_error &e) {
        std::string what(e.description());
        return flux_error_set(err, -EINVAL, "%s:%u: %s", name, (unsigned)e.source().begin.line,
                              what.c_str());
    } catch (const bad_value &e) {
        return flux_error_set(err, -EINVAL, "%s:%u: %s", name, e.line, e.text.c_str());
    } catch (const std::exception &e) {
        return flux_error_set(err, -EINVAL, "%s: %s", name, e.what());
    }
}
