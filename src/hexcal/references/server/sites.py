"""The observatories of a cache that one server publishes."""

import os

from hexcal.errors import ReferenceError_, unknown_name
from hexcal.references.cache import DEFAULT_PATH, observatories, observatory_of_name
from hexcal.references.server.site import Site


class Sites:
    """The observatories that one server publishes.

    Parameters
    ----------
    root : path-like
        The cache.
    observatory : str, optional
        Only this one; default: all of the cache that have a context.
    context : str, optional
        The default context of the observatory that its name begins with.

    Attributes
    ----------
    by_name : dict of str to Site
    left_out : dict of str to ReferenceError_
        Observatories of the cache that are not published, and why.

    Raises
    ------
    ReferenceError_
        If there is no such cache, observatory or context, or nothing to publish.
    """

    def __init__(self, root, observatory=None, context=None):
        self.root = os.path.realpath(os.path.expanduser(root or os.environ.get("CRDS_PATH") or DEFAULT_PATH))
        names = observatories(self.root)
        if not names:
            what = "holds no mappings" if os.path.isdir(self.root) else "does not exist"
            raise ReferenceError_(
                f"the cache of reference files {what}", where=self.root, hint="--cache DIR, or set CRDS_PATH"
            )
        if observatory:
            if observatory.lower() not in names:
                raise unknown_name("observatory", observatory, names, where=self.root, error=ReferenceError_)
            names = [observatory.lower()]
        owner = _owner(self.root, names, context)
        self.by_name, self.left_out = {}, {}
        for name in names:
            try:
                self.by_name[name] = Site(self.root, name, context if name == owner else None)
            except ReferenceError_ as error:
                if name == owner or len(names) == 1:
                    raise
                self.left_out[name] = error
        if not self.by_name:
            raise ReferenceError_("the cache has no context to publish", where=self.root)

    def of(self, observatory):
        """Return the `Site` of a name, any case; ReferenceError_ if it is not published."""
        site = self.by_name.get(str(observatory).lower())
        if site is None:
            raise unknown_name("observatory", observatory, self.by_name, error=ReferenceError_)
        return site

    def of_file(self, name):
        """Return the `Site` whose name a mapping or context begins with, or None."""
        observatory = observatory_of_name(self.root, str(name))
        return self.by_name.get(observatory) if observatory else None

    def stop(self):
        """End the work in the background."""
        for site in self.by_name.values():
            site.sums.stop()


def _owner(root, names, context):
    """Return the observatory for which a context is meant, or None if none is given."""
    if not context:
        return None
    if len(names) == 1:
        return names[0]
    owner = observatory_of_name(root, context)
    if owner is None:
        raise ReferenceError_(
            f"the observatory of the context '{context}' is not known",
            where=root,
            hint=f"name it with --observatory; the cache has {', '.join(names)}",
        )
    return owner
