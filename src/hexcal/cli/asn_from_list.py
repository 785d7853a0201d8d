"""``hexcal asn from-list``, ``asn_from_list``: an association of the files that the user names."""

import sys


def main(words):
    """Make the association, write it, say where it is."""
    from hexcal.associations.asn_from_list import Main

    command = Main.cli(words)
    print(f"{command.options.output_file}: {len(command.options.filelist)} files, rule {command.options.rule}")
    elsewhere = command.elsewhere()
    if elsewhere:
        print(
            f"note: pipelines look for members from the folder of the association; {len(elsewhere)} are not there: "
            f"{', '.join(elsewhere[:3])}",
            file=sys.stderr,
        )
    return 0
