r"""What the bridge's rules ask the catalog, with any characters in names.

Paths are normal ones (:func:`normal`). GenQuery 1 in rules is a text. iRODS 4 knows no escape in it, iRODS 5
takes ``''`` and ``\x41`` for one (``lexer.l`` of lib/genquery1): a value with a quote or a backslash is asked
for by a pattern, which is the same for both, and what comes back is compared. Only the standard library,
Python 3.6.
"""

import re

from omero_bridge_settings import named, settings


def rows(callback, columns, *conditions):
    """Rows, as lists, of a query with conditions as GenQuery 1 wants them."""
    # Of the plugin's package, and beside core.py; without it this module must load all the same.
    from genquery import AS_LIST, row_iterator

    return row_iterator(columns, " AND ".join(conditions), AS_LIST, callback)


def _pattern(text):
    """``text`` in a LIKE pattern; any character takes the place of a quote or a backslash."""
    return re.sub(r"([%_])", r"\\\1", re.sub(r"['\\]", "\0", text)).replace("\0", "_")


def _where(column, value):
    is_plain = "'" not in value and "\\" not in value
    return f"{column} = '{value}'" if is_plain else f"{column} like '{_pattern(value)}'"


def exactly(callback, columns, places, *conditions):
    """Rows of ``columns`` where the columns of ``places`` have just these values, whatever is in them."""
    where = [_where(column, value) for column, value in places.items()]
    for row in rows(callback, [*columns, *places], *where, *conditions):
        if list(row[len(columns) :]) == list(places.values()):
            yield row[: len(columns)]


def normal(path):
    """Without empty elements and those of one dot."""
    return "/" + "/".join(part for part in path.split("/") if part not in ("", "."))


def place(path):
    """Collection and name of a data object, for :func:`exactly`."""
    collection, _, name = path.rpartition("/")
    return {"COLL_NAME": collection, "DATA_NAME": name}


def avus_of(callback, path, *attributes):
    """``[(attribute, value)]`` of the data object, those of ``attributes``, which have no prefix."""
    names = " || ".join(f"= '{named(attribute)}'" for attribute in attributes)
    columns = ["META_DATA_ATTR_NAME", "META_DATA_ATTR_VALUE"]
    found = exactly(callback, columns, place(path), f"META_DATA_ATTR_NAME {names}")
    return [(name[len(settings["prefix"]) :], value) for name, value in found]


def carrier_of(callback, collection, attribute):
    """``(collection, value)``: the AVU of ``collection`` or of the next one above that has it; None."""
    while collection.count("/") > 0 and collection != "/":
        condition = f"META_COLL_ATTR_NAME = '{named(attribute)}'"
        for (value,) in exactly(callback, ["META_COLL_ATTR_VALUE"], {"COLL_NAME": collection}, condition):
            return collection, value
        collection = collection.rpartition("/")[0]
    return None


def below(callback, collection, *conditions):
    """Paths of the data objects in and below ``collection``."""
    like = f"COLL_NAME like '{_pattern(collection)}/%'"
    for scope in (_where("COLL_NAME", collection), like):
        for where, name in rows(callback, ["COLL_NAME", "DATA_NAME"], scope, *conditions):
            if where == collection or where.startswith(collection + "/"):
                yield f"{where}/{name}"
