"""Compile the largest kernels when the environment is made (``make env``): the first run does not wait for them."""

from hexcal.core import registry


def main():
    """Compile the kernels of each step that names a largest one; what is on disk already costs nothing."""
    for alias in registry.aliases():
        step = registry.find(alias)
        if step.largest_kernel is not None:
            step.compile_kernels()


if __name__ == "__main__":
    main()
