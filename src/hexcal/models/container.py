"""Several models as one: the members of an association, or a list; each is opened when it is asked for."""

from collections.abc import Collection, Iterator, Mapping, MutableSequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hexcal.errors import InputError, ParameterError, unknown_name
from hexcal.models import asdf_tree, association_check, association_file, formats
from hexcal.models.datamodel import DataModel
from hexcal.models.member import Member
from hexcal.models.scratch import Scratch


def _is_model(member):
    return member["expname"].lower().endswith(formats.READ)


class ModelContainer(DataModel, MutableSequence):
    """A list of models.

    Parameters
    ----------
    init : path-like, Mapping, iterable or None
        An association (its file, or the mapping that it is, whose members are looked for in the present folder), or
        models and paths of models.
    asn_exptypes : list of str, optional
        Only members of these types.
    asn_n_members : int, optional
        Only the first so many members.
    in_memory : bool, optional
        Where members wait that were changed and given back (`give_back`): True, in memory; False, in temporary files.
        Default: models that were handed over open stay in memory, those read from files wait in files.

    Notes
    -----
    It is a list, and what it gives stays in memory. Steps *borrow* its members instead, one or a few at a time, and
    give them back: then the memory does not grow with their number::

        for exposure in container.each(changed=["dq"]):
            exposure.dq[bad] |= pixel.OUTLIER

    Only members that are models are in the list: a source catalogue, for one, stays in ``meta.asn_table``. Each model
    of an association carries in ``meta.asn`` the names of association and pool and its role (``exptype``).
    """

    model_type = "ModelContainer"
    _members: Any = None
    _file: Any = None
    _scratch: Any = None
    in_memory: Any = None
    on_open: Any = None
    """Called with each model when it is first opened; returns what takes its place. Set by who needs the members to be
    of one kind.
    """
    asn_table: Any = None
    """The association (a dict); empty for a list of models."""

    def __init__(self, init=None, asn_exptypes=None, asn_n_members=None, in_memory=None):
        super().__init__()
        self._members, self._file, self.asn_table = [], None, {}
        self._scratch, self.in_memory = Scratch(), in_memory
        if isinstance(init, ModelContainer):
            raise ParameterError("a container is made of an association or a list", hint="`container.copy()`")
        if isinstance(init, str | Path):
            self._file = Path(init)
            self._from_association(association_file.read_association(init), asn_exptypes, asn_n_members)
        elif isinstance(init, Mapping):
            if not association_file.is_association(init):
                raise InputError("an association needs `products`", hint=f"found: {', '.join(map(str, init))}")
            association_check.check(init, "association in memory")
            self._from_association(asdf_tree.plain(dict(init)), asn_exptypes, asn_n_members)
        elif init is not None:
            self.extend(init)

    def _from_association(self, association, types, count):
        self.asn_table = association
        self.set_unchecked("meta.asn_table", association)
        listed = [
            (number, member) for number, product in enumerate(association["products"]) for member in product["members"]
        ]
        if types is not None:
            known = {member["exptype"].lower() for _, member in listed}
            for kind in types:
                if kind.lower() not in known:
                    raise unknown_name("type of member", kind, known, where=self._where, error=InputError)
            wanted = {kind.lower() for kind in types}
            listed = [(number, member) for number, member in listed if member["exptype"].lower() in wanted]
        listed = [(number, member) for number, member in listed if _is_model(member)][:count]
        names = [member["expname"] for _, member in listed]
        association_check.warn_of_folders(names, self._where)
        roles = [((number, member["exptype"].lower()), member["expname"]) for number, member in listed]
        association_check.warn_of_repeats(roles, self._where)
        association_check.warn_of_product_folders(association["products"], self._where)
        association_file.require_members(names, self._folder, self._where)
        self._members = [Member(self._folder / member["expname"], member, number) for number, member in listed]

    @property
    def _folder(self):
        return self._file.parent if self._file else Path()

    @property
    def _where(self):
        return str(self._file or "association in memory")

    def describe(self, model: DataModel, record: dict) -> None:
        """Put into the metadata of a model what the association says of it."""
        if not self.asn_table:
            return
        model.set_unchecked("meta.asn.exptype", record["exptype"].lower())
        for path, value in (
            ("meta.asn.table_name", self.asn_table_name),
            ("meta.asn.pool_name", self.asn_pool_name),
            ("meta.group_id", record.get("group_id")),
            ("meta.tweakreg_catalog", record.get("tweakreg_catalog")),
        ):
            if value is not None:
                model.set_unchecked(path, value)

    # ---- what it holds

    @property
    def path(self):
        """The file of the association, or None."""
        return self._file

    @property
    def asn_table_name(self):
        """Name of the file of the association, or None; of one in memory its entry ``table_name``."""
        return self._file.name if self._file else self.asn_table.get("table_name")

    @property
    def asn_pool_name(self):
        """Name of the pool that the association came from, or None."""
        return self.asn_table.get("asn_pool")

    @property
    def exptypes(self):
        """The role of each model in the association, in order; "science" for a model of a list."""
        return [member.record.get("exptype", "science").lower() for member in self._members]

    def files(self):
        """Return (path, role) of the files behind it.

        The members that the association names, of all levels, and those of a list (list of tuple).
        """
        listed = list(association_file.member_files(self.asn_table, self._folder)) if self.asn_table else []
        known = {path for path, _ in listed}
        paths = [member.path or getattr(member.model, "path", None) for member in self._members]
        return [*listed, *((path, "member of the list") for path in paths if path is not None and path not in known)]

    def of_type(self, *types):
        """Return the models of these roles: a container that shares them.

        Parameters
        ----------
        *types : str
            Such as "science", "background", "psf".
        """
        wanted = {kind.lower() for kind in types}
        return self._sharing(
            [member for member, kind in zip(self._members, self.exptypes, strict=True) if kind in wanted]
        )

    def by_product(self) -> list[tuple[str, "ModelContainer"]]:
        """Return the name and the models of each product of the association: containers that share them."""
        return [
            (str(product.get("name") or ""), self._of_product(number, product))
            for number, product in enumerate(self.asn_table["products"])
        ]

    def _of_product(self, number, product):
        part = self._sharing([member for member in self._members if member.product == number])
        part.asn_table = {**self.asn_table, "products": [product]}
        part.set_unchecked("meta.asn_table", part.asn_table)
        return part

    def other_files(self, kind: str) -> list[Path]:
        """Return the members of one role that are no models, such as source catalogues, as paths."""
        return [
            self._folder / member["expname"]
            for member in self._listed()
            if member["exptype"].lower() == kind.lower() and not _is_model(member)
        ]

    def _listed(self):
        return [member for _, member in association_file.members(self.asn_table)] if self.asn_table else []

    @property
    def all_exptypes(self) -> list[str]:
        """The role of each member of the association, also of those that are no models."""
        return [member["exptype"].lower() for member in self._listed()] or self.exptypes

    def ind_asn_type(self, asn_exptype):
        """Return the positions of the models of one role (list of int)."""
        return [number for number, kind in enumerate(self.exptypes) if kind == asn_exptype.lower()]

    def parts(self):
        """Return the models, all opened."""
        return list(self)

    def check(self):
        """Raise InputError if there is no model in it."""
        if not self._members:
            raise InputError("no member of the association is a model", where=self._where)

    def name_of(self, index: int) -> str:
        """Return the name of the file of a member, for messages and records; its number if it has none."""
        return self._members[index].file_name or f"member {index}"

    # ---- lending

    def borrow(self, index: int) -> DataModel:
        """Return a member until it is given back.

        Parameters
        ----------
        index : int
            Its position.

        Raises
        ------
        InputError
            If it is borrowed already.
        """
        return self._members[index].borrow(self)

    def give_back(self, index: int, changed: bool | Collection[str] = True, model: DataModel | None = None) -> None:
        """Take a borrowed member back.

        Parameters
        ----------
        index : int
            Its position.
        changed : bool or collection of str
            What was changed: everything, nothing (all changes are forgotten), or these arrays and the metadata.
        model : DataModel, optional
            Another model that takes its place.

        Raises
        ------
        InputError
            If it was not borrowed.
        ResourceError
            If there is no room for what was changed.
        """
        member = self._members[index]
        if model is not None and model is not member.model:
            member.exchange(model)
            changed = True
        keeps = self.in_memory if self.in_memory is not None else member.path is None
        member.give_back(changed, None if keeps else self._scratch)

    @contextmanager
    def borrowed(self, index: int, changed: bool | Collection[str] = True) -> Iterator[DataModel]:
        """Borrow a member for the length of a ``with`` block; after an error its changes are not kept in files."""
        model = self.borrow(index)
        try:
            yield model
        except BaseException:
            self.give_back(index, False)
            raise
        self.give_back(index, changed)

    def each(self, changed: bool | Collection[str] = False) -> Iterator[DataModel]:
        """Borrow one member after the other.

        Parameters
        ----------
        changed : bool or collection of str
            As of `give_back`, for every member.
        """
        for index in range(len(self)):
            with self.borrowed(index, changed) as model:
                yield model

    # ---- a list

    __iter__ = MutableSequence.__iter__  # pyright: ignore[reportAssignmentType]
    __contains__ = MutableSequence.__contains__  # pyright: ignore[reportAssignmentType]

    def __len__(self):
        return len(self._members)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return self._sharing(self._members[index])
        return self._members[index].hold(self)

    def __setitem__(self, index, value):
        if isinstance(index, slice):
            self._members[index] = [self._member(item) for item in value]
        else:
            self._members[index] = self._member(value, self._members[index].record)

    def __delitem__(self, index):
        del self._members[index]

    def insert(self, index, value):
        """Put a model, or the path of one, before a position."""
        self._members.insert(index, self._member(value))

    def _member(self, value, record=None):
        if not isinstance(value, DataModel | str | Path):
            raise InputError(f"a container holds models or paths of models, got {type(value).__name__}")
        if isinstance(value, ModelContainer):
            raise InputError("a container does not hold containers")
        if isinstance(value, str | Path):
            association_file.require_file(Path(value))
        return Member(value, record or {})

    def _sharing(self, members):
        other = type(self)()
        other._members, other._file, other.asn_table = members, self._file, self.asn_table
        other._scratch, other.in_memory, other.on_open = self._scratch, self.in_memory, self.on_open
        if self.asn_table:
            other.set_unchecked("meta.asn_table", self.asn_table)
        return other

    # ---- life

    def copied(self, shares_wcs=False):
        """Return an independent container; what has not been opened stays in its file."""
        return self._sharing([member.copy() for member in self._members])

    def close(self):
        """Forget the models that were read from files; they are read again if asked for."""
        for member in self._members:
            member.close()

    def save(self, path=None, dir_path=None):
        """Save every model.

        Parameters
        ----------
        path : path-like, optional
            Root of the names: the models become ``root0.fits``, ``root1.fits`` ...; default is the name of each.
        dir_path : path-like, optional
            Folder; default that of `path`, or the present one.

        Returns
        -------
        list of str
            The files written.

        Raises
        ------
        InputError
            If two models would become one file, or a model has no name.
        """
        names = [self._name(number, model, path) for number, model in enumerate(self.each())]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(f"several models would become one file: {', '.join(twice[:3])}", hint="give a path")
        return [model.save(name, dir_path) for name, model in zip(names, self.each(), strict=True)]

    def _name(self, number, model, path):
        if path is not None:
            root, ending = formats.split(path)
            return f"{root}{number}{ending or '.fits'}"
        name = model.get_meta("meta.filename") or (model.path.name if model.path else None)
        if not name:
            raise InputError(f"model {number} has no file name to be saved under", hint="give a path")
        return name

    def __repr__(self):
        return f"<ModelContainer of {len(self)}{f' from {self._file.name}' if self._file else ''}>"

    def _repr_html_(self):
        from hexcal.models import notebook

        rows = [
            (member.path.name if member.path else repr(member.model), member.record.get("exptype", ""))
            for member in self._members
        ]
        return notebook.html_of_members(self, rows)
