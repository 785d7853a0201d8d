"""Where the labels of an image begin and end."""

from hexcal.kernels.compiled import kernel


@kernel
def columns_of_labels(first_row, last_row, labels, first, last):
    """Put the first and the last column in which each row has each label into `first` and `last`.

    Parameters
    ----------
    first_row, last_row : int
        Rows that are worked on.
    labels : int array (ny, nx)
        0 and negative numbers are no labels.
    first, last : int32 array (ny, nlabels + 1)
        By row and label; left as they are where a row does not have the label.
    """
    for y in range(first_row, last_row):
        for x in range(labels.shape[1]):
            label = labels[y, x]
            if label > 0:
                if last[y, label] < 0:
                    first[y, label] = x
                last[y, label] = x
