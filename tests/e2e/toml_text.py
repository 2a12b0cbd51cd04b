"""Writes TOML: what tests lay over an example. Standard library only (it reads TOML, but does not write it)."""
import json


def inline(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {inline(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(inline(v) for v in value) + "]"
    return json.dumps(value)


def toml_text(table, where=()):
    """`where`: the keys that lead to this table."""
    plain = [f"{json.dumps(k)} = {inline(v)}" for k, v in table.items() if not isinstance(v, dict)]
    name = ".".join(json.dumps(k) for k in where)
    out = ([f"[{name}]"] if where and plain else []) + plain
    for key, inner in table.items():
        if isinstance(inner, dict):
            out.append(toml_text(inner, (*where, key)))
    return "\n".join(out) + "\n"


def leaves(value, where=()):
    """Each last key with the keys that lead to it; lists of tables count by place."""
    if isinstance(value, dict):
        return [leaf for k, v in value.items() for leaf in leaves(v, (*where, k))]
    if isinstance(value, list) and any(isinstance(v, dict) for v in value):
        return [leaf for i, v in enumerate(value) for leaf in leaves(v, (*where, i))]
    return [(where, value)]
