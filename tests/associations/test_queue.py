"""Items, lists of items, and the queue in which lists wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hexcal.associations import ListCategory, ProcessItem, ProcessList, ProcessQueue, ProcessQueueSorted

RULES, BOTH, EXISTING, NONSCIENCE = (
    ListCategory.RULES,
    ListCategory.BOTH,
    ListCategory.EXISTING,
    ListCategory.NONSCIENCE,
)


@pytest.mark.req("API-12")
def test_categories():
    assert [(one.name, one.value) for one in ListCategory] == [
        ("RULES", 0),
        ("BOTH", 1),
        ("EXISTING", 2),
        ("NONSCIENCE", 3),
    ]


@pytest.mark.req("API-13")
def test_process_list():
    first = ProcessList(["a", "b"], rules=["R1"])
    assert (first.work_over, first.only_on_match) == (BOTH, False)
    assert (first.trigger_constraints, first.trigger_rules) == (set(), set())
    assert first.hash == ProcessList(["c"], rules=["R1"]).hash
    assert first.hash != ProcessList(["a", "b"], rules=["R2"]).hash
    assert first.hash != ProcessList(rules=["R1"], work_over=RULES).hash
    assert first.hash != ProcessList(rules=["R1"], only_on_match=True).hash
    other = ProcessList(["c"], ["R2"], RULES, True, trigger_constraints=["q"], trigger_rules=["T"])
    first.update(other)
    assert (first.items, first.rules, first.work_over, first.only_on_match) == (["a", "b", "c"], ["R1"], BOTH, False)
    assert (first.trigger_constraints, first.trigger_rules) == ({"q"}, {"T"})
    first.update(other, full=True)
    assert (first.rules, first.work_over, first.only_on_match) == (["R1", "R2"], RULES, True)
    assert "RULES" in repr(first)


@pytest.mark.req("API-14")
def test_process_item():
    one, two = ProcessItem({"a": "1", "b": "2"}), ProcessItem({"b": "2", "a": "1"})
    assert one == two and len({one, two}) == 1
    assert one != ProcessItem({"a": "1"}) and one != {"a": "1", "b": "2"}
    assert [item.obj for item in ProcessItem.to_process_items(["x", "y"])] == ["x", "y"]
    assert ProcessItem(["x"]) == ProcessItem(["x"]) and hash(ProcessItem(["x"])) == hash(ProcessItem(["x"]))
    assert hash(ProcessItem({"a": ["x"]})) == hash(ProcessItem({"a": ["x"]}))


@pytest.mark.req("API-14")
def test_process_queue_may_grow():
    queue, taken = ProcessQueue([1, 2, 3]), []
    for one in queue:
        taken.append(one)
        if one == 2:
            queue.extend([9, 10])
    assert (taken, list(queue)) == ([1, 2, 3, 9, 10], [])


@pytest.mark.req("API-14")
def test_sorted_queue():
    queue = ProcessQueueSorted(
        [
            ProcessList([1]),
            ProcessList([2], work_over=EXISTING),
            ProcessList([3], work_over=NONSCIENCE),
            ProcessList([4], work_over=RULES),
            ProcessList([5, 1]),
            ProcessList([6, 1], rules=["x"]),
        ]
    )
    assert len(queue) == 5
    taken = []
    for one in queue:
        taken.append((one.items, one.work_over.name, one.rules))
        if one.items == [2]:
            queue.extend([ProcessList([7], work_over=RULES), ProcessList([8], work_over=EXISTING)])
    assert taken == [
        ([4], "RULES", None),
        ([1, 5], "BOTH", None),
        ([6, 1], "BOTH", ["x"]),
        ([2], "EXISTING", None),
        ([7], "RULES", None),
        ([8], "EXISTING", None),
        ([3], "NONSCIENCE", None),
    ]
    assert not queue


lists = st.lists(
    st.tuples(st.lists(st.integers(0, 5)), st.sampled_from(list(ListCategory)), st.sampled_from([None, ["r"]]))
)


@given(lists)
def test_nothing_is_lost_and_nothing_waits_twice(given_lists):
    queue = ProcessQueueSorted([ProcessList(items, rules, work_over) for items, work_over, rules in given_lists])
    taken = [(item, one.work_over, one.hash) for one in queue for item in one.items]
    assert len(taken) == len(set(taken))
    assert set(taken) == {
        (item, work_over, ProcessList([], rules, work_over).hash)
        for items, work_over, rules in given_lists
        for item in items
    }
    assert [one[1].value for one in taken] == sorted(one[1].value for one in taken)
