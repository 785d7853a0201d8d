"""``hexcal reffiles``: reference files from calibration exposures, planned, made, checked, compared, delivered."""

_HELP = """usage: hexcal reffiles COMMAND ...

commands:
  plan TYPE... INPUT...      show which exposures go into which file and what remains to be done; writes nothing
  make TYPE... INPUT...      from raw exposures to checked reference files; TYPE may be `all`
  combine TYPE FILE...       join individual files into one
  check FILE...              certify and open files, check limits of quality, and run the pipeline with them
  compare NEW OLD            show what a new file changes, also in an exposure calibrated with each of the two
  deliver FILE...            insert checked files into a new context, with the form of the delivery
  coverage                   list the modes for which a context has no file of a type
  makers                     list what can be made, and from what
  config                     print a configuration with all keys and their defaults
  template NAME              print a maker to start your own from
  new-maker NAME             write it, with a test that passes

TYPE is a type of reference file or the label of a maker; INPUT a file, a folder, a pattern or a list of files.
Parameters of makers are --PARAMETER=VALUE, or --LABEL.PARAMETER=VALUE where several have it.
`hexcal reffiles COMMAND --help` lists the options, `hexcal reffiles makers LABEL` the parameters of a maker.

  hexcal simulate calibration --darks 10 --flats 4 --subarray SUB64P --output sim
  hexcal reffiles plan superbias readnoise sim
  hexcal reffiles make all sim --author "A. Name" --output made"""


def main(words):
    """Run one of the commands; returns the exit status."""
    from hexcal.cli import reffiles_check, reffiles_make, reffiles_makers
    from hexcal.errors import unknown_name

    if not words or words[0] in ("-h", "--help"):
        print(_HELP)
        return 0 if words else 1
    commands = {
        "plan": reffiles_make.plan,
        "make": reffiles_make.make,
        "combine": reffiles_make.combine,
        "check": reffiles_check.check,
        "compare": reffiles_check.compare,
        "deliver": reffiles_check.deliver,
        "coverage": reffiles_check.coverage,
        "makers": reffiles_makers.makers,
        "config": reffiles_makers.config,
        "template": reffiles_makers.template,
        "new-maker": reffiles_makers.new_maker,
    }
    if words[0] not in commands:
        raise unknown_name("command", words[0], commands, where="hexcal reffiles")
    return commands[words[0]](words[1:])
