"""``hexcal status DIR``: what became of the jobs of a programme."""


def main(words):
    """Print the ledger of a folder of products; exit status 1 if a job failed."""
    from hexcal.arguments import Arguments

    parser = Arguments("hexcal status", "Show what became of the jobs of a programme that hexcal process works on.")
    parser.add_argument("folder", metavar="DIR", help="folder of the products (--out of hexcal process)")
    options = parser.parse(words)
    if options is None:
        return 0
    from hexcal.workflow.ledger import FAILED, Ledger, is_held
    from hexcal.workflow.tell import status_text

    book = Ledger(options.folder, writes=False)
    print("\n".join(status_text(book, is_held(options.folder))))
    return 1 if any(job["state"] == FAILED for job in book.jobs()) else 0
