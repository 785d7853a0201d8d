"""Leave out the groups that the reset switch charge decay of the MIRI detectors disturbs."""

from typing import Literal

from hexcal.core import SkipStep, Step, StepParameters, parameter
from hexcal.errors import ParameterError, ReferenceError_
from hexcal.models.dqflags import group


class RscdStep(Step):
    """Flag the first groups of the second and later MIRI integrations, so that later steps leave them out."""

    alias = "rscd"
    reference_types = ("rscd",)
    input_model = "RampModel"
    by_integration = True

    class Parameters(StepParameters):
        type: Literal["baseline", "enhanced"] = parameter(
            "baseline", "Method: 'baseline' flags groups; 'enhanced', a correction of them, is not available."
        )

    def process(self, ramp, references):
        if self.parameters.type == "enhanced":
            raise ParameterError(
                "rscd has only the method 'baseline'; the correction 'enhanced' was never enabled, "
                "and no reference file supports it",
                where=self.where,
                hint="leave the parameter 'type' at its default 'baseline'",
            )
        if not ramp.is_miri:
            raise SkipStep("only MIRI detectors have a reset switch charge decay", is_expected=True)
        subarray, readpatt = ramp.meta.subarray.name, ramp.meta.exposure.readpatt
        n_skip = groups_to_skip(
            references.rscd.rscd_group_skip_table,
            subarray,
            readpatt,
            where=str(references.rscd.path or "a reference in memory"),
        )
        if n_skip is None:
            raise SkipStep(f"the reference file has no entry for SUBARRAY = {subarray}, READPATT = {readpatt}")
        n_groups = ramp.shape[1]
        if n_groups <= n_skip + 3:
            raise SkipStep(f"at least {n_skip + 4} groups are needed to leave out {n_skip}, found {n_groups}")
        self.log.info("the first %d groups of the second and later integrations are flagged", n_skip)
        flag_first_groups(ramp.groupdq, n_skip, ramp.meta.exposure.integration_start or 1)
        return ramp


def groups_to_skip(table, subarray, readpatt, where=None):
    """Look up how many groups to leave out.

    Parameters
    ----------
    table : structured array or None
        RSCD_GROUP_SKIP, with the columns subarray, readpatt, group_skip (newer files have group_skip1, for the first
        integration, as well; it is not used by the documented method).
    subarray, readpatt : str
        SUBARRAY and READPATT of the exposure.
    where : str, optional
        Name of the file, for messages.

    Returns
    -------
    int or None
        None if there is no such row.

    Raises
    ------
    ReferenceError_
        If the file has no such table: the table RSCD that the documents list serves only the method 'enhanced'.
    """
    columns = {} if table is None else {name.lower(): name for name in table.dtype.names}
    missing = [name for name in ("subarray", "readpatt", "group_skip") if name not in columns]
    if table is None or missing:
        raise ReferenceError_(
            "the rscd reference needs the table RSCD_GROUP_SKIP with the columns subarray, readpatt, group_skip; "
            + ("it has no such table" if table is None else f"missing: {', '.join(missing)}"),
            where=where,
            hint="a file with only the table RSCD serves a method that was never enabled; give a newer one",
        )
    for row in table:
        if _text(row[columns["subarray"]]) == _text(subarray) and _text(row[columns["readpatt"]]) == _text(readpatt):
            return int(row[columns["group_skip"]])
    return None


def _text(value):
    return (value.decode() if isinstance(value, bytes) else str(value)).strip().upper()


def flag_first_groups(group_dq, n_skip, first_integration=1):
    """Set DO_NOT_USE in the first groups of the second and later integrations, in place.

    Parameters
    ----------
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Flags.
    n_skip : int
        Number of groups to flag.
    first_integration : int
        INTSTART: number in the exposure, 1-based, of the first integration in the data.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section rscd.
    """
    first = 1 if first_integration == 1 else 0
    group_dq[first:, :n_skip] |= group.DO_NOT_USE
