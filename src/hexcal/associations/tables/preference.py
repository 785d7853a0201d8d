"""Companions that are preferred to others: `rather` in the tables of rules; and which companions a rule takes in the end."""

from hexcal.associations.tables.within import nearest

__all__ = ["Rather", "chosen", "rather"]


class Rather:
    """Companions with the value of the science exposure are taken rather than others; if there is none, all are.

    Attributes
    ----------
    attribute : str
        Column or fact.
    text : str
        The condition as one reads it.
    """

    __slots__ = ("attribute", "attributes", "text")

    def __init__(self, attribute):
        self.attribute, self.attributes = attribute, (attribute,)
        self.text = f"same {attribute}, if there are such"

    def holds(self, science, other):
        """Whether two `Exposure` may go together: any two may."""
        return True

    def is_preferred(self, science, other):
        """Whether two `Exposure` have the same value."""
        value = science.values.get(self.attribute)
        return value is not None and other.values.get(self.attribute) == value


def rather(attribute):
    """Prefer companions that have the value of the science exposure.

    Parameters
    ----------
    attribute : str
        Column or fact.

    Returns
    -------
    Rather
    """
    return Rather(attribute)


def chosen(rule, science, companions):
    """Leave out companions to which the rule prefers others, or which are beyond the number of the nearest that it takes.

    Parameters
    ----------
    rule : Rule
    science : Exposure
    companions : list of tuple
        Exposure and role first; all fulfil what the rule relates them by.

    Returns
    -------
    list of tuple
        In the order in which they were.
    """
    for role, relations in rule.related.items():
        for relation in relations:
            if isinstance(relation, Rather):
                companions = _preferred(role, relation, science, companions)
    return nearest(rule, science, companions)


def _preferred(role, relation, science, companions):
    best = {id(one[0]) for one in companions if one[1] == role and relation.is_preferred(science, one[0])}
    return [one for one in companions if not best or one[1] != role or id(one[0]) in best]
