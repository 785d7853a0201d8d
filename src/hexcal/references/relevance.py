"""Conditions on header values in the headers of mappings (rmap_relevance, rmap_omit, parkey_relevance).

Parsed, checked, evaluated without ``eval``.
"""

import ast
import operator

from hexcal.python_texts import syntax_tree
from hexcal.references.conditioning import UNDEFINED

_COMPARE = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda value, others: value in others,
    ast.NotIn: lambda value, others: value not in others,
}


class Expression:
    """A condition such as ``(META.EXPOSURE.TYPE not in ("MIR_IMAGE", "NRC_IMAGE"))``.

    Parameters
    ----------
    text : str
        Comparisons of parameters with constants, joined by and, or, not.
    parameters : iterable of str
        The parameters that may be named, in upper case; ``_`` may stand for ``.``.

    Raises
    ------
    ValueError
        If it has any other element, or names another parameter.
    """

    def __init__(self, text, parameters):
        self.text = text
        self._known = {name.replace(".", "_"): name for name in parameters}
        try:
            self._tree = syntax_tree(text.strip(), mode="eval").body
        except SyntaxError as error:
            raise ValueError(f"not a condition: {text}") from error
        self._check(self._tree)

    def __call__(self, values):
        """Return whether it holds for conditioned values (parameter -> str)."""
        return bool(self._value(self._tree, values))

    def _check(self, node):
        if isinstance(node, ast.Attribute | ast.Name):
            self._parameter(node)
        elif isinstance(node, ast.Constant):
            return
        elif isinstance(node, ast.Tuple | ast.List | ast.BoolOp | ast.Compare) or (
            isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
        ):
            if isinstance(node, ast.Compare) and not all(type(op) in _COMPARE for op in node.ops):
                raise ValueError(f"comparison not allowed in a condition: {self.text}")
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    self._check(child)
        else:
            raise ValueError(f"{type(node).__name__} is not allowed in a condition: {self.text}")

    def _parameter(self, node):
        name = ast.unparse(node).upper().replace(".", "_")
        if name not in self._known:
            raise ValueError(
                f"the condition {self.text} names {ast.unparse(node)}, which is no parameter of the mapping"
            )
        return self._known[name]

    def _value(self, node, values):
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Tuple | ast.List):
            return tuple(self._value(element, values) for element in node.elts)
        if isinstance(node, ast.UnaryOp):
            return not self._value(node.operand, values)
        if isinstance(node, ast.BoolOp):
            results = (self._value(part, values) for part in node.values)
            return all(results) if isinstance(node.op, ast.And) else any(results)
        if isinstance(node, ast.Compare):
            left = self._value(node.left, values)
            for op, right in zip(node.ops, node.comparators, strict=True):
                right = self._value(right, values)
                if not _COMPARE[type(op)](left, right):
                    return False
                left = right
            return True
        return values.get(self._parameter(node), UNDEFINED)
