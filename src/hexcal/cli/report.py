"""``hexcal report DIR``: pages of the products of a programme, or of single products."""

from pathlib import Path


def main(words):
    """Write the pages, say where they are."""
    from hexcal.arguments import Arguments

    parser = Arguments(
        "hexcal report",
        "Write HTML pages: of a programme (the folder of hexcal process) with a page for each product, or of products.",
    )
    add = parser.add_argument
    add("targets", nargs="+", metavar="DIR|FILE", help="folder of the products of a programme, or products")
    add("--output", metavar="DIR", help="folder for the pages of single products (default: report)")
    options = parser.parse(words)
    if options is None:
        return 0
    for target in options.targets:
        print(_page(Path(target), options.output))
    return 0


def _page(target, output):
    from hexcal.errors import InputError
    from hexcal.report.pages import pages

    if target.is_dir():
        from hexcal.workflow.ledger import Ledger

        book = Ledger(target, writes=False)
        return f"written: {pages.write_programme(target, book.jobs(), f'Programme in {target.resolve().name}')}"
    folder = Path(output or pages.FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    page_facts = pages.write_product(target, folder)
    if page_facts is None:
        raise InputError(
            "there are no pages for files of this kind" if target.is_file() else "the file or folder does not exist",
            where=str(target),
            hint="name a FITS product, or the folder that hexcal process has written (--out)",
        )
    return f"written: {folder / page_facts['page']}"
