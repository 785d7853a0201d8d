"""The files that a running step asks for, reads and writes by itself."""

# Every public signature is typed; what lies behind it need not be.
# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hexcal.models.datamodel import DataModel


class StepFiles:
    """The part of `Step` for use in its ``process``."""

    context: Any
    parameters: Any
    inherited: Any
    input_dir: Any

    def get_reference_file(self, model: Any, reference_type: str) -> str:
        """Return the path of the reference file for a model, or "N/A".

        Parameters
        ----------
        model : DataModel or path-like
            Whose metadata choose.
        reference_type : str
            Such as "dark"; the step need not declare it.
        """
        from hexcal.core import run_references
        from hexcal.models.open import open as open_model

        reference = run_references.ask(self, open_model(model), reference_type)
        return str(getattr(reference, "path", None) or reference)

    def get_reference_file_model(self, model: Any, reference_type: str) -> Any:
        """Return the reference for a model, opened (see `get_reference_file`).

        An override that is an open model is returned as it is.

        Raises
        ------
        ReferenceError_
            If the type does not apply to the exposure ("N/A").
        """
        from hexcal.core import run_references
        from hexcal.models.open import open as open_model

        return run_references.opened(self, open_model(model), reference_type)

    def save_model(
        self,
        model: Any,
        suffix: str | None = None,
        idx: int | str | None = None,
        force: bool = False,
        basepath: str | PathLike[str] | None = None,
    ) -> Any:
        """Write a model, if `save_results` asks for it.

        Parameters
        ----------
        model : DataModel
            What to write.
        suffix : str, optional
            Default: the step's own.
        idx : int, optional
            Number in the name.
        force : bool
            Write even if `save_results` is false.
        basepath : path-like, optional
            Base name instead of that of the other products.

        Returns
        -------
        str or None
            Path written.
        """
        from hexcal.core import run

        return run.save(self, model, suffix, idx, basepath) if force or self.saves else None

    @property
    def saves(self) -> bool:
        """Whether results are written: asked for, or implied by an own output_file or output_dir."""
        own = self.parameters
        return bool(own.save_results or own.output_file or own.output_dir)

    def make_output_path(
        self,
        basepath: str | PathLike[str] | None = None,
        suffix: str | None = None,
        ext: str | None = None,
        idx: int | str | None = None,
        model: "DataModel | None" = None,
    ) -> Any:
        """Return the path under which a product of this step is written."""
        from hexcal.core import names

        return str(names.output_path(self, basepath=basepath, suffix=suffix, ext=ext, idx=idx, model=model))

    def make_output_dir(self) -> Any:
        """Make the folder of the step's products, for a file that the step writes itself."""
        from hexcal.core import names

        names.make_folder(names.folder_of(self))

    def make_input_path(self, name: str | PathLike[str]) -> Any:
        """Resolve the name of a further input against `input_dir`, or the directory of the first input.

        A file that is not there, but in the working directory, is taken from there.
        """
        from hexcal.files import gate

        path = Path(name)
        base = self.input_dir or self.inherited("input_dir")
        beside = path if path.is_absolute() or base is None else Path(base) / path
        # Who types a path in a shell means it as the shell completes it.
        path = path if path.exists() and not beside.exists() else beside
        gate.reading(path, "further input")
        return str(path)

    def open_model(self, init: Any) -> Any:
        """Open a path (relative to the inputs) as a model.

        Of a model a new one that shares its arrays and metadata, and can be closed; of a container one that shares its
        members.
        """
        from hexcal.models.container import ModelContainer
        from hexcal.models.datamodel import DataModel
        from hexcal.models.open import open as open_model

        if isinstance(init, ModelContainer):
            return init[:]
        return type(init)(init) if isinstance(init, DataModel) else open_model(self.make_input_path(init))

    def load_as_level2_asn(self, obj: Any) -> dict[str, Any]:
        """Return a file, a list of files or an association file as an association with a product for each file."""
        from hexcal.core import as_association

        return as_association.level2(obj)

    def load_as_level3_asn(self, obj: Any) -> dict[str, Any]:
        """Return a file, a list of files or an association file as an association with one product of all files."""
        from hexcal.core import as_association

        return as_association.level3(obj)
