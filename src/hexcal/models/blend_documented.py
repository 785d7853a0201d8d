"""Blending under its documented names.

``blendmodels``, ``get_blended_metadata``, ``metablender``, rules of keywords.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hexcal.errors import InputError, ParameterError
from hexcal.models.blending import Blender, function_of
from hexcal.models.datamodel import DataModel

_ERROR_TYPES = ("ignore", "raise", "constant")
_YAML_TYPES = {"S": "ascii", "U": "ascii", "b": "bool8", "i": "int", "u": "uint", "f": "float"}


def blendmodels(product, inputs=None, output=None, ignore=None, verbose=False):
    """Blend the metadata of the inputs of a product into it, and give it the table of theirs (HDRTAB).

    Parameters
    ----------
    product : DataModel or path-like
        Changed in place, not saved.
    inputs : list of DataModel or path-like, optional
        What it is made of; default: the members that its association names.
    output : str, optional
        Becomes ``meta.filename``.
    ignore : list of str, optional
        Attributes of the metadata that are not blended.
    verbose : bool
        Log what each attribute becomes.

    Returns
    -------
    DataModel
        The product.

    Raises
    ------
    InputError
        If there are no inputs.
    """
    product = _opened(product)
    blender = _blender(extract_filenames_from_product(product) if inputs is None else inputs, ignore or ())
    if verbose:
        import logging

        for path, value in blender.values().items():
            logging.getLogger(__name__).info("%s becomes %r", path, value)
    blender.blend(product)
    product.hdrtab = blender.table()
    if output:
        product.meta.filename = str(output)
    return product


def get_blended_metadata(input_models, verbose=False):
    """Return what the metadata of exposures become together.

    Parameters
    ----------
    input_models : list of DataModel or path-like
        The exposures.
    verbose : bool
        Log what each attribute becomes.

    Returns
    -------
    list of dict
        One dict: path of an attribute -> blended value.
    structured array
        The table HDRTAB.
    """
    blender = _blender(input_models, ())
    return [blender.values()], blender.table()


def _blender(inputs, ignore):
    blender = Blender(ignore)
    for item in inputs:
        blender.add(_opened(item))
    if not blender.count:
        raise InputError("there is nothing to blend: no input is given", hint="inputs=[...]")
    return blender


def _opened(item):
    if isinstance(item, DataModel):
        return item
    from hexcal.models.open import open as open_model

    return open_model(Path(item))


def extract_filenames_from_product(product):
    """Return the files that the association of a product names as its members (list of str).

    Raises
    ------
    InputError
        If it names no association, or that cannot be read.
    """
    from hexcal.models.association_file import read_association

    product = _opened(product)
    table = product.get_meta("meta.asn_table") or product.get_meta("meta.asn.table_name")
    if table is None:
        raise InputError("the product does not say what it is made of", hint="give the inputs: inputs=[...]")
    folder = product.path.parent if product.path is not None else Path()
    content: Any = table.instance if hasattr(table, "instance") else read_association(folder / str(table))
    return [
        str(folder / member["expname"])
        for listed in content["products"]
        for member in listed["members"]
        if member.get("exptype", "science").lower() == "science"
    ]


def build_tab_schema(new_table):
    """Return the schema of a table HDRTAB.

    Parameters
    ----------
    new_table : structured array
        The table.

    Returns
    -------
    dict
        With the name and type of each column.
    """
    columns = [{"name": name, "datatype": convert_dtype(new_table.dtype[name].str)} for name in new_table.dtype.names]
    return {
        "title": "Combined header table",
        "allOf": [
            {
                "type": "object",
                "properties": {"hdrtab": {"title": "Combined header table", "fits_hdu": "HDRTAB", "datatype": columns}},
            }
        ],
    }


def convert_dtype(value):
    """Return the type of a column as schemas write it.

    Parameters
    ----------
    value : str
        As of numpy: "<f8", "S12", "|b1".

    Returns
    -------
    str or list
        "float64", ["ascii", 12], "bool8".
    """
    kind = np.dtype(value)
    if kind.kind not in _YAML_TYPES:
        raise ParameterError(f"a column of type {value} has no name in a schema")
    if kind.kind in "SU":
        return [_YAML_TYPES[kind.kind], kind.itemsize // (4 if kind.kind == "U" else 1)]
    return "bool8" if kind.kind == "b" else f"{_YAML_TYPES[kind.kind]}{8 * kind.itemsize}"


def cat_headers(hdr1, hdr2):
    """Return a header with the cards of two; where both have a keyword, the first one's card stays."""
    combined = hdr1.copy()
    combined.extend(hdr2, unique=True)
    return combined


def metablender(input_models, spec):
    """Collect and blend attributes of exposures.

    Parameters
    ----------
    input_models : list of DataModel or path-like
        The exposures.
    spec : list of tuple
        Each (attribute, name, function, error_type, error_value), of which the last three may be absent. Without a
        function the values become a column of the table; with one (or a tuple of them) what it makes of the list of
        values. An attribute that an exposure lacks is left out ("ignore", the default), an error ("raise"), or takes
        the value ("constant"; NaN by default).

    Returns
    -------
    dict
        Name -> what the function made of the values; not what it made None.
    numpy.ma.MaskedArray
        The table; masked where an exposure lacks the attribute.

    Raises
    ------
    InputError
        Also a ValueError; if an attribute is missing whose error type is "raise".
    """
    models = [_opened(item) for item in input_models]
    aggregated, columns = {}, []
    for attribute, name, function, error_type, error_value in map(_complete, spec):
        values = [_value(model, attribute, error_type, error_value) for model in models]
        if function is None:
            columns.append((name, values))
            continue
        present = [value for value in values if value is not None]
        several = function if isinstance(function, tuple) else (function,)
        results = tuple(each(present) for each in several) if present else (None,) * len(several)
        result = results if isinstance(function, tuple) else results[0]
        if result is not None:
            aggregated[name] = result
    return aggregated, _masked(columns, len(models))


def _complete(element) -> tuple[str, str, Any, str, Any]:
    if not 2 <= len(element) <= 5:
        raise ParameterError(f"an element of the specification has 2 to 5 items, got {element!r}", where="spec")
    complete: Any = (*element, *(None, "ignore", np.nan)[len(element) - 2 :])
    attribute, name, function, error_type, error_value = complete
    if error_type not in _ERROR_TYPES:
        raise ParameterError(f"error_type must be one of {', '.join(_ERROR_TYPES)}, got {error_type!r}", where="spec")
    return attribute, name, function, error_type, error_value


def _value(model, attribute, error_type, error_value):
    value = model.get_meta(attribute.lower())
    if value is None and error_type == "raise":
        raise InputError(f"an exposure has no {attribute}", where=str(model.path or "model in memory"))
    return error_value if value is None and error_type == "constant" else value


def _masked(columns, n_rows):
    types = []
    for name, values in columns:
        present = [value for value in values if value is not None]
        types.append((name, np.array(present).dtype if present else np.dtype(float)))
    dtype: Any = np.dtype(types)
    table = np.ma.masked_all(n_rows, dtype)
    for name, values in columns:
        for row, value in enumerate(values):
            if value is not None:
                table[name][row] = value
    return table


class KwRule:
    """The rule of one attribute.

    Parameters
    ----------
    line : dict
        ``{attribute: {"rule": name, "output": attribute}}``, or ``{attribute: attribute}`` for a column of the table.
    """

    def __init__(self, line):
        self.rule_spec = line
        self.rules = []

    def interpret(self, hdr):
        """Make the tuples of the rule for a header (or model) that decides what its section holds."""
        self.rules = [
            rule for attribute, details in self.rule_spec.items() for rule in interpret_entry({attribute: details}, hdr)
        ]
        return self.rules


def interpret_entry(line, hdr):
    """Return the tuples of a line of rules: one for each attribute that it names."""
    return [interpret_attr_line(attribute, details) for attribute, details in line.items()]


def interpret_attr_line(attr, line_spec):
    """Return the tuple of a rule.

    (attr, attr) for a column of the table, (attr, output, function, 'ignore') for a blended value.
    """
    if not isinstance(line_spec, Mapping):
        return attr, line_spec
    return attr, line_spec.get("output", attr), function_of(line_spec["rule"]), "ignore"


def find_keywords_in_section(hdr, title):
    """Return the keywords below a section heading (a comment card) of a header, up to the next one."""
    names, inside = [], False
    for card in hdr.cards:
        if card.keyword in ("", "COMMENT"):
            text = str(card.value).strip(" /")
            inside = title in text if text else inside
        elif inside:
            names.append(card.keyword)
    return names


class KeywordRules:
    """All rules of the observatory of a model.

    Parameters
    ----------
    model : DataModel or path-like
        Its observatory gives the rules.
    """

    def __init__(self, model):
        model = _opened(model)
        rules = model.observatory.blend_rules
        self.rules = [(path, path) for path in rules]
        self.rules += [(path, path, function_of(rule), "ignore") for path, rule in rules.items()]
        self._names = dict(rules)

    def index_of(self, kw):
        """Return the position of the rule that blends an attribute, or None."""
        return next((number for number, rule in enumerate(self.rules) if rule[0] == kw and len(rule) > 2), None)

    def merge(self, kwrules):
        """Take over the rules of another: for attributes that both have, its own stay."""
        known = {(rule[0], len(rule)) for rule in self.rules}
        self.rules += [rule for rule in kwrules.rules if (rule[0], len(rule)) not in known]
        self._names = {**kwrules._names, **self._names}

    def interpret_rules(self, hdrs):
        """Return the rules as tuples for `metablender`; they are the same for all headers."""
        return list(self.rules)

    def apply(self, models, tabhdu=False):
        """Blend the metadata of exposures: the dict of values, and the table (None unless `tabhdu`)."""
        aggregated, table = metablender(models, self.interpret_rules(models))
        return aggregated, (table if tabhdu else None)

    def add_rules_kws(self, hdr):
        """Note the rules as HISTORY cards of a header."""
        hdr["HISTORY"] = "metadata blended by these rules:"
        for path, rule in self._names.items():
            hdr["HISTORY"] = f"{path} = {rule}"
