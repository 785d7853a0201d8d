"""Where the labels of an image begin and end."""

from hexcal.kernels.compiled import kernel


@kernel
def columns_of_labels(first_row, last_row, labels, first, last):
    """Find the first and the last column of each label in each row.

    Parameters
    ----------
    first_row, last_row : int
        Rows that are worked on.
    labels : int array (ny, nx)
        0 and negative numbers are no labels.
    first, last : int32 array (ny, nlabels + 1)
        The columns found, for each row and label. `last` must be negative before; a label that a row does not have
        changes nothing.
    """
    for y in range(first_row, last_row):
        for x in range(labels.shape[1]):
            label = labels[y, x]
            if label > 0:
                if last[y, label] < 0:
                    first[y, label] = x
                last[y, label] = x
