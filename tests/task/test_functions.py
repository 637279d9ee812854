"""Functions as content: what is sent is what the function would do at the moment of its submission."""

from __future__ import annotations

import fnmatch
import functools
import operator
import pickle
import sys
import textwrap
import threading
import types
from pathlib import Path

import pytest

from pilot_quantum.errors import NotPicklableError
from pilot_quantum.task.functions import label_of, ship


def arrives(shippable, *args):
    """What the pickled function returns where it arrives."""
    return pickle.loads(shippable.blob)(*args)


@pytest.fixture
def main():
    """Runs source as a program does: in `__main__`, where functions cannot be imported from; its names."""
    names = {"__name__": "__main__"}

    def run(source):
        exec(textwrap.dedent(source), names)
        return types.SimpleNamespace(**names)

    run.names = names
    return run


# What travels.


@pytest.mark.parametrize(
    "fn",
    [operator.neg, len, Path, Path.read_text, dict.fromkeys, textwrap.dedent, int, fnmatch._compile_pattern],
)
def test_what_can_be_imported_travels_as_a_reference_and_is_never_pickled_again(fn):
    shippable = ship(fn)
    assert pickle.loads(shippable.blob) == fn
    assert shippable.captured == ()
    assert shippable.fresh()


def test_equal_functions_have_equal_content():
    def make():
        return lambda n: n + 1

    assert ship(make()).digest == ship(make()).digest
    assert ship(make()).digest != ship(lambda n: n + 2).digest


def test_all_kinds_of_callables_arrive():
    class Adder:
        def __init__(self, amount):
            self.amount = amount

        def __call__(self, n):
            return n + self.amount

        def add(self, n):
            return n + self.amount

        @classmethod
        def one_more(cls, n):
            return n + 1

        @staticmethod
        def two_more(n):
            return n + 2

    amount = 3
    assert arrives(ship(lambda n: n + amount), 1) == 4
    assert arrives(ship(functools.partial(operator.add, 5)), 1) == 6
    assert arrives(ship(Adder(7)), 1) == 8
    assert arrives(ship(Adder(7).add), 1) == 8
    assert arrives(ship(Adder.one_more), 1) == 2
    assert arrives(ship(Adder.two_more), 1) == 3
    assert arrives(ship(Adder), 9).amount == 9
    assert arrives(ship("abc".upper)) == "ABC"
    assert arrives(ship(functools.lru_cache(lambda n: n * 2)), 4) == 8


def test_functions_of_a_program_call_each_other(main):
    names = main(
        """
        def even(n):
            return True if n == 0 else odd(n - 1)

        def odd(n):
            return False if n == 0 else even(n - 1)
        """
    )
    shippable = ship(names.even)
    assert arrives(shippable, 7) is False
    assert shippable.fresh()


def test_cached_functions_of_a_program_travel_with_their_code(main):
    names = main(
        """
        import functools
        @functools.lru_cache(maxsize=7)
        def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
        def twice(n): return 2 * fib(n)
        """
    )
    assert arrives(ship(names.fib), 50) == 12586269025
    assert arrives(ship(names.twice), 10) == 110
    assert pickle.loads(ship(names.fib).blob).cache_parameters() == {"maxsize": 7, "typed": False}


# What has changed since.


def test_a_changed_global_is_seen(main):
    fn = main("factor = 2\ndef fn(n): return n * factor").fn
    before = ship(fn)
    assert before.fresh()
    main("factor = 3")
    assert not before.fresh()
    assert (arrives(before, 5), arrives(ship(fn), 5)) == (10, 15)


def test_a_changed_global_of_a_function_that_it_calls_is_seen(main):
    fn = main(
        "factor = 2\ndef inner(n): return n * factor\ndef middle(n): return inner(n)\nfn = lambda n: middle(n)"
    ).fn
    before = ship(fn)
    assert before.fresh()
    main("factor = 3")
    assert not before.fresh()
    assert arrives(ship(fn), 5) == 15


def test_a_redefined_function_that_it_calls_is_seen(main):
    fn = main("def inner(n): return n\ndef fn(n): return inner(n)").fn
    before = ship(fn)
    main("def inner(n): return -n")
    assert not before.fresh()
    assert arrives(ship(fn), 5) == -5


def test_a_global_that_comes_later_is_seen(main):
    fn = main("def fn(n): return helper(n)").fn
    before = ship(fn)
    main("def helper(n): return n + 1")
    assert not before.fresh()
    assert arrives(ship(fn), 5) == 6


def test_a_builtin_that_is_hidden_later_is_seen(main):
    fn = main("def fn(n): return abs(n)").fn
    before = ship(fn)
    main("def abs(n): return 'mine'")
    assert not before.fresh()
    assert arrives(ship(fn), -5) == "mine"


def test_a_global_used_in_a_nested_function_only_is_seen(main):
    fn = main("factor = 2\ndef fn(n): return [(lambda x: x * factor)(i) for i in range(n)]").fn
    before = ship(fn)
    main("factor = 3")
    assert not before.fresh()
    assert arrives(ship(fn), 3) == [0, 3, 6]


def test_a_changed_closure_is_seen():
    amount = 1

    def fn(n):
        return n + amount

    before = ship(fn)
    assert before.fresh()
    amount = 2
    assert not before.fresh()
    assert (arrives(before, 1), arrives(ship(fn), 1)) == (2, 3)


def test_a_closure_that_is_filled_later_is_seen():
    def fn():
        return later

    before = ship(fn)
    later = 7
    assert not before.fresh()
    assert arrives(ship(fn)) == 7


def test_what_can_change_in_place_is_pickled_each_time(main):
    names = main(
        """
        class Settings: value = 1
        items, settings = [1], Settings()
        def of_items(): return sum(items)
        def of_object(): return settings.value
        def of_class(): return Settings.value
        """
    )
    before = [ship(fn) for fn in (names.of_items, names.of_object, names.of_class)]
    assert [arrives(one) for one in before] == [1, 1, 1]
    names.items.append(1)
    names.settings.value = 3
    names.Settings.value = 4
    assert not any(one.fresh() for one in before)
    assert [arrives(ship(fn)) for fn in (names.of_items, names.of_object, names.of_class)] == [2, 3, 4]


def test_a_class_made_inside_a_function_can_change_too():
    class Settings:
        value = 1

    def fn():
        return Settings.value

    before = ship(fn)
    Settings.value = 2
    assert not before.fresh()
    assert arrives(ship(fn)) == 2


@pytest.mark.parametrize("kind", ["method", "object", "partial", "builtin method"])
def test_the_state_behind_a_callable_is_seen(kind):
    class Counter:
        def __init__(self):
            self.count = 1

        def get(self):
            return self.count

        def __call__(self):
            return self.count

    counter, items = Counter(), [1]
    fn = {
        "method": counter.get,
        "object": counter,
        "partial": functools.partial(sum, items),
        "builtin method": items.__len__,
    }[kind]
    before = ship(fn)
    counter.count = 2
    items.append(1)
    assert not before.fresh()
    assert arrives(ship(fn)) == 2


def test_changed_defaults_code_and_attributes_are_seen(main):
    def fresh_after(change):
        fn = main("def fn(n=1, *, m=1): return n + m + getattr(fn, 'extra', 0)").fn
        before = ship(fn)
        assert before.fresh()
        change(fn)
        return before.fresh()

    assert fresh_after(lambda fn: None)
    assert not fresh_after(lambda fn: setattr(fn, "__defaults__", (2,)))
    assert not fresh_after(lambda fn: setattr(fn, "__kwdefaults__", {"m": 2}))
    assert not fresh_after(lambda fn: setattr(fn, "__code__", (lambda n=1, *, m=1: 0).__code__))
    assert not fresh_after(lambda fn: setattr(fn, "extra", 5))


@pytest.mark.parametrize("wraps", [True, False])
def test_what_is_behind_a_decorator_of_another_module_is_seen(main, monkeypatch, wraps):
    module = types.ModuleType("decorators_of_a_test")
    source = """
        import functools
        def twice(fn):
            {wraps}
            def wrapper(*args): return 2 * fn(*args)
            return wrapper
        """
    exec(textwrap.dedent(source.format(wraps="@functools.wraps(fn)" if wraps else "")), module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    main.names["twice"] = module.twice
    fn = main("factor = 2\n@twice\ndef fn(n): return n * factor").fn
    before = ship(fn)
    assert arrives(before, 5) == 20
    main("factor = 3")
    assert not before.fresh()
    assert arrives(ship(fn), 5) == 30


def test_what_has_not_changed_is_not_pickled_again(main):
    names = main(
        """
        import math
        factor, name, nothing = 2.5, "x", None
        def inner(n): return math.floor(n * factor)
        def fn(n, m=1): return inner(n) + m if name else nothing
        """
    )
    assert ship(names.fn).fresh()
    assert ship(lambda n: n).fresh()


# What cannot travel.


def test_a_function_that_captures_what_cannot_travel_is_named_with_the_remedy():
    lock = threading.Lock()

    def guarded():
        return lock.locked()

    with pytest.raises(NotPicklableError, match=r"guarded cannot be sent .*lock.*arguments") as caught:
        ship(guarded)
    assert isinstance(caught.value, TypeError)
    assert caught.value.__cause__ is not None


def test_an_object_whose_pickling_fails_in_its_own_way_is_named():
    class Stubborn:
        def __call__(self):
            return 1

        def __reduce__(self):
            raise RuntimeError("not today")

    with pytest.raises(NotPicklableError, match=r"Stubborn.*not today"):
        ship(Stubborn())


def test_what_is_no_function_is_refused():
    with pytest.raises(TypeError, match="5 is not callable"):
        ship(5)


def test_people_know_functions_by_their_names():
    class Thing:
        def __call__(self):
            return 1

        def method(self):
            return 1

    assert label_of(operator.neg) == "neg"
    assert label_of(functools.partial(operator.add, 1)) == "add"
    assert label_of(Thing()).endswith("Thing")
    assert label_of(Thing().method).endswith("Thing.method")
    assert label_of(lambda: 1).endswith("<lambda>")
