"""Marks by which a registry knows what of a module concerns it."""

__all__ = ["RegistryMarker"]


class RegistryMarker:
    """Decorators that mark rules, callbacks, utilities, schemas and modules for an `AssociationRegistry`.

    They set ``_asnreg_mark`` (True) and ``_asnreg_role`` of the object and return it.
    """

    class Schema:
        """A schema file (path-like) that a module names."""

        def __init__(self, filename):
            self.filename = filename
            _mark(self, "schema")

        def __repr__(self):
            return f"Schema({str(self.filename)!r})"

    @staticmethod
    def callback(event):
        """Mark a function that is called on an event, such as ``"finalize"``; it may have marks for several events."""

        def decorate(function):
            _mark(function, "callback")
            function._asnreg_events = [*getattr(function, "_asnreg_events", ()), event]
            return function

        return decorate

    @staticmethod
    def mark(obj):
        """Mark an object, such as a module, without giving it a role it does not have."""
        return _mark(obj, getattr(obj, "_asnreg_role", None))

    @staticmethod
    def rule(obj):
        """Mark a class as rule."""
        return _mark(obj, "rule")

    @staticmethod
    def schema(filename):
        """Return a mark for a schema file, to be kept in a variable of the module."""
        return RegistryMarker.Schema(filename)

    @staticmethod
    def utility(class_obj):
        """Mark a class whose functions are at hand as ``registry.Utility``; callbacks among them are registered."""
        return _mark(class_obj, "utility")

    @staticmethod
    def is_marked(obj):
        """Whether an object has been marked (bool)."""
        return bool(getattr(obj, "_asnreg_mark", False))


def _mark(obj, role):
    obj._asnreg_role = role
    obj._asnreg_mark = True
    return obj
