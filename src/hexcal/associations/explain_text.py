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


def _count(found):
    return f"{len(found)} association{'' if len(found) == 1 else 's'}:" if found else "no association"


def _associations(associations, role="as"):
    for one in associations:
        roles = " and ".join(", ".join(roles) or "member" for roles in one["roles"])
        yield f"  {one['name']}  {one['rule']}  {role} {roles}"
        yield f"      product {one['product']}"


def _one(answer):
    found = answer["associations"]
    yield f"it is in {_count(found)}"
    yield from _associations(found)
    if answer["without_association"]:
        yield "rules that take it, but make no association of it:"
        for one in answer["without_association"]:
            yield f"  {one['rule']}: {'; '.join(one['reasons'])}"
    if answer["nearly"]:
        yield "rules that miss one thing:"
        for one in answer["nearly"]:
            yield f"  {one['rule']}: asks that {one['lacks']}"


def _rule(answer):
    kind = f", type {answer['type']}" if "type" in answer else ""
    yield f"rule        {answer['rule']}{kind}: {answer['text']}"
    if "constraints" in answer:
        yield from _constraints(answer)
    else:
        yield from _table(answer)
    found = answer["associations"]
    if found:
        yield f"result      it is in {len(found)} of its associations:"
        yield from _associations(found)
    else:
        missed = [f"it asks that {one}" for one in answer.get("missed", ())]
        yield f"result      in none of its associations: {'; '.join(missed or answer.get('reasons') or ['see above'])}"


def _table(answer):
    for role in answer["roles"]:
        more = f" (nearest of {role['alternatives']} ways)" if role["alternatives"] > 1 and not role["holds"] else ""
        yield f"role        {role['role']}: {'yes' if role['holds'] else 'no'}{more}"
        for one in role["conditions"]:
            yield f"  {_MARK[one['holds']]}  {one['text']}; it is {one['found'] or 'not given'}"
    yield "the members share:"
    for one in answer["same"]:
        lack = "" if one["value"] or not one["required"] else "  required"
        yield f"  {one['text'].rstrip('?').replace('|', ' or ')}: {one['value'] or 'not given'}{lack}"
    yield f"an association needs: {', '.join(answer['needs'])}"


def _constraints(answer):
    yield f"it {'takes' if answer['takes'] else 'does not take'} the exposure by itself; its constraints:"
    for one in answer["constraints"]:
        found = ", ".join(f"{name} is {value}" for name, value in (one["found"] or {}).items())
        asks = one["asks"] if one["parts"] else f"{one['name']} asks for {one['asks']}"
        yield f"  {'  ' * one['depth']}{_MARK[one['holds']]}  {asks}{f'; {found}' if found else ''}"


def _two(answer):
    for name, pairs in zip(answer["exposures"], answer["candidates"], strict=True):
        yield f"exposure    {name}, candidates {', '.join(identifier for identifier, _ in pairs) or 'none'}"
    found = answer["together"]
    yield f"together in {_count(found)}"
    yield from _associations(found)
    if answer["apart"]:
        yield "apart, although the rule takes both:"
        for one in answer["apart"]:
            roles = one.get("roles")
            as_roles = f" (as {' and '.join('/'.join(each) for each in roles)})" if roles else ""
            yield f"  {one['rule']}{as_roles}"
            for reason in one["reasons"]:
                yield f"      {reason}"
    if answer["one_only"]:
        yield "the rule does not take both:"
        for one in answer["one_only"]:
            for name, missed in zip(answer["exposures"], one["missed"], strict=True):
                if missed:
                    yield f"  {one['rule']}: of {name} it asks that {'; '.join(missed)}"
