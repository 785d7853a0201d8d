"""What `Explainer` answers, as lines to read."""

__all__ = ["lines_of"]

_MARK = {True: "yes", False: "no "}


def lines_of(answer):
    """Return an answer of `Explainer` as text (list of str)."""
    if "together" in answer:
        return [*_two(answer)]
    return [*_exposure(answer), *(_rule(answer) if "rule" in answer else _one(answer))]


def _exposure(answer):
    names = ", ".join(f"{identifier} ({kind})" for identifier, kind in answer["candidates"]) or "none"
    yield f"exposure    {answer['exposures'][0]}"
    yield f"candidates  {names}"


def _count(associations):
    number = len(associations)
    return f"{number} association{'' if number == 1 else 's'}:" if number else "no association"


def _associations(associations, role="as"):
    for association in associations:
        roles = " and ".join(", ".join(roles) or "member" for roles in association["roles"])
        yield f"  {association['name']}  {association['rule']}  {role} {roles}"
        yield f"      product {association['product']}"


def _one(answer):
    associations = answer["associations"]
    yield f"it is in {_count(associations)}"
    yield from _associations(associations)
    if answer["without_association"]:
        yield "rules that take it, but make no association of it:"
        for entry in answer["without_association"]:
            yield f"  {entry['rule']}: {'; '.join(entry['reasons'])}"
    if answer["nearly"]:
        yield "rules that miss one thing:"
        for entry in answer["nearly"]:
            yield f"  {entry['rule']}: asks that {entry['lacks']}"


def _rule(answer):
    kind = f", type {answer['type']}" if "type" in answer else ""
    yield f"rule        {answer['rule']}{kind}: {answer['text']}"
    if "constraints" in answer:
        yield from _constraints(answer)
    else:
        yield from _table(answer)
    associations = answer["associations"]
    if associations:
        yield f"result      it is in {len(associations)} of its associations:"
        yield from _associations(associations)
    else:
        missed = [f"it asks that {condition}" for condition in answer.get("missed", ())]
        yield f"result      in none of its associations: {'; '.join(missed or answer.get('reasons') or ['see above'])}"


def _table(answer):
    for role in answer["roles"]:
        more = f" (nearest of {role['alternatives']} ways)" if role["alternatives"] > 1 and not role["holds"] else ""
        yield f"role        {role['role']}: {'yes' if role['holds'] else 'no'}{more}"
        for entry in role["conditions"]:
            yield f"  {_MARK[entry['holds']]}  {entry['text']}; it is {entry['found'] or 'not given'}"
    yield "the members share:"
    for entry in answer["same"]:
        lack = "" if entry["value"] or not entry["required"] else "  required"
        yield f"  {entry['text'].rstrip('?').replace('|', ' or ')}: {entry['value'] or 'not given'}{lack}"
    yield f"an association needs: {', '.join(answer['needs'])}"


def _constraints(answer):
    yield f"it {'takes' if answer['takes'] else 'does not take'} the exposure by itself; its constraints:"
    for constraint in answer["constraints"]:
        values = ", ".join(f"{name} is {value}" for name, value in (constraint["found"] or {}).items())
        asks = constraint["asks"] if constraint["parts"] else f"{constraint['name']} asks for {constraint['asks']}"
        yield f"  {'  ' * constraint['depth']}{_MARK[constraint['holds']]}  {asks}{f'; {values}' if values else ''}"


def _two(answer):
    for name, pairs in zip(answer["exposures"], answer["candidates"], strict=True):
        yield f"exposure    {name}, candidates {', '.join(identifier for identifier, _ in pairs) or 'none'}"
    together = answer["together"]
    yield f"together in {_count(together)}"
    yield from _associations(together)
    if answer["apart"]:
        yield "apart, although the rule takes both:"
        for entry in answer["apart"]:
            roles = entry.get("roles")
            as_roles = f" (as {' and '.join('/'.join(each) for each in roles)})" if roles else ""
            yield f"  {entry['rule']}{as_roles}"
            for reason in entry["reasons"]:
                yield f"      {reason}"
    if answer["one_only"]:
        yield "the rule does not take both:"
        for entry in answer["one_only"]:
            for name, missed in zip(answer["exposures"], entry["missed"], strict=True):
                if missed:
                    yield f"  {entry['rule']}: of {name} it asks that {'; '.join(missed)}"
