"""Classes of complex objects, of the program and generated, and their hash codes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import Any

import attrs
import pytest

from ignite_dbapi.keyvalue import exceptions, presentation, utils
from ignite_dbapi.keyvalue.binary import GenericObjectMeta
from ignite_dbapi.keyvalue.datatypes import (
    BinaryObject,
    ByteObject,
    CharObject,
    DateObject,
    DecimalObject,
    IntArrayObject,
    IntObject,
    LongObject,
    String,
    StringArrayObject,
    TimestampObject,
)
from ignite_dbapi.keyvalue.datatypes.conversion import to_wire
from ignite_dbapi.keyvalue.presentation import class_name_of
from ignite_dbapi.protocol.codec import (
    MissingBinaryType,
    TypeCode,
    decode,
)
from ignite_dbapi.protocol.codec.type_codes import PRIMITIVE_ARRAY_FORMATS
from ignite_dbapi.protocol.codec.values import EnumValue, Typed
from tests.unit.round_trips import knowledge, read, written


class Person(metaclass=GenericObjectMeta, schema=OrderedDict([("name", String), ("age", IntObject)])):
    """A person."""

    def greeting(self) -> str:
        return f"Hello, {self.name}"  # type: ignore[attr-defined]


class Anything(metaclass=GenericObjectMeta, schema=OrderedDict([("value", BinaryObject)])):
    """Holds a value of any type."""


def test_a_class_of_objects() -> None:
    person: Any = Person(name="Ann", age=3)
    assert repr(person) == "Person(name='Ann', age=3, version=1)"
    assert person == Person(name="Ann", age=3)
    assert person != Person(name="Ann", age=4)
    assert hash(person) == hash(Person(name="Ann", age=3))
    assert (Person.type_name, person.type_name) == ("Person", "Person")
    assert Person.type_id == person.type_id == utils.entity_id("person") == -991716523
    assert Person.schema == person.schema == OrderedDict([("name", String), ("age", IntObject)])
    assert Person.schema_id == person.schema_id == utils.schema_id(Person.schema)
    assert attrs.has(Person)
    assert (Person().name, Person().age, Person().version, Person.version) == (None, 0, 1, None)
    assert person.greeting() == "Hello, Ann"
    Person.schema["name"] = IntObject
    assert Person.schema["name"] is String
    assert utils.is_binary(person)
    assert not utils.is_binary(5)


def test_defaults_are_not_shared() -> None:
    class Listing(metaclass=GenericObjectMeta, schema=OrderedDict([("items", StringArrayObject)])):
        pass

    first: Any = Listing()
    first.items.append("a")
    assert Listing().items == []


def test_methods_of_the_program_stay() -> None:
    class Account(metaclass=GenericObjectMeta, schema=OrderedDict([("sum", IntObject), ("schema", String)])):
        def __init__(self, total: int) -> None:
            self.total = total
            self.schema = "mine"

        @property
        def total(self) -> int:
            return self.sum // 100

        @total.setter
        def total(self, value: int) -> None:
            self.sum = value * 100

        def __repr__(self) -> str:
            return f"<{self.total}>"

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Account) and self.total == other.total

    account = Account(5)
    assert repr(account) == "<5>"
    known = knowledge()
    again = read(written(to_wire(account), known), known)
    assert (type(again), again.sum, again.total, again.schema) == (Account, 500, 5, "mine")
    assert again == account


def test_fields_that_are_annotated() -> None:
    class Town(metaclass=GenericObjectMeta, schema=OrderedDict([("name", String), ("people", IntObject)])):
        name: str

        def shout(self) -> str:
            return self.name.upper()

    town: Any = Town("Bern", 134_000)
    assert (town.shout(), town.people) == ("BERN", 134_000)
    known = knowledge()
    assert read(written(to_wire(town), known), known).name == "Bern"


def test_fields_that_are_properties() -> None:
    class Circle(metaclass=GenericObjectMeta, schema=OrderedDict([("radius", IntObject)])):
        @property
        def radius(self) -> int:
            return self._diameter // 2

        @radius.setter
        def radius(self, value: int) -> None:
            self._diameter = value * 2

    circle: Any = Circle(radius=4)
    known = knowledge()
    assert read(written(to_wire(circle), known), known)._diameter == 8


def test_names_that_python_cannot_spell() -> None:
    schema = OrderedDict([("class", String), ("a b", IntObject), ("self", IntObject), ("ok", IntObject)])
    odd: Any = GenericObjectMeta("Odd", (), {}, schema=schema)
    value = odd(ok=1)
    setattr(value, "a b", 7)
    known = knowledge()
    again = read(written(to_wire(value), known), known)
    assert getattr(again, "a b") == 7
    assert getattr(again, "class") is None
    assert again == value
    assert hash(again) == hash(value)
    setattr(again, "a b", 8)
    assert again != value
    assert "a b=8" in repr(again)


def test_fields_of_no_data_type_are_an_error() -> None:
    with pytest.raises(exceptions.ParseError, match="field 'a' of Wrong is of <class 'int'>"):
        GenericObjectMeta("Wrong", (), {}, schema={"a": int})


def test_subclasses_keep_the_schema() -> None:
    class Employee(Person):
        pass

    assert Employee.type_name == "Employee"
    assert Employee.schema == Person.schema


def test_unknown_types_are_read_as_generated_classes() -> None:
    writer, reader = knowledge(), knowledge()
    first, second = (
        written(to_wire(value), writer)
        for value in (
            GenericObjectMeta("x", (), {}, type_name="org.foo.Bar$inner", schema={"a": IntObject})(a=1),
            GenericObjectMeta("x", (), {}, type_name="org.foo.Bar$inner", schema={"a": IntObject, "b": String})(b="y"),
        )
    )
    type_id = utils.entity_id("org.foo.Bar$inner")
    assert type_id is not None
    described = writer.binary_types.get(type_id)
    assert described is not None
    reader.binary_types.add(described)
    old, new = read(first, reader), read(second, reader)
    assert repr(old) == "OrgFooBarInner(a=1, version=1)"
    assert repr(new) == "OrgFooBarInner(a=0, b='y', version=1)"
    assert type(old) is not type(new)
    assert type(read(first, reader)) is type(old)
    assert old.type_name == "org.foo.Bar$inner"
    assert new.schema == {"a": IntObject, "b": String}
    assert written(to_wire(type(new)(a=2, b="z")), reader)


@pytest.mark.parametrize(
    ("type_name", "name"),
    [
        ("person", "Person"),
        ("SQL_PUBLIC_T_1_KEY", "SQL_PUBLIC_T_1_KEY"),
        ("org.foo.Bar$Inner+x", "OrgFooBarInnerX"),
        ("1st", "St"),
        ("Non.Pythonic#type-name$", "NonPythonictypename"),
        ("日本", "Type"),
        ("a.日1", "A1"),
    ],
)
def test_names_of_generated_classes(type_name: str, name: str) -> None:
    assert class_name_of(type_name) == name


NARROW = [
    Typed(TypeCode.BYTE, 1),
    Typed(TypeCode.SHORT, 1),
    Typed(TypeCode.INT, 1),
    Typed(TypeCode.FLOAT, 1.5),
    Typed(TypeCode.CHAR, "a"),
    EnumValue(5, 6, binary=False),
    *(Typed(TypeCode(code), []) for code in PRIMITIVE_ARRAY_FORMATS),
]


@pytest.mark.parametrize("wire", NARROW, ids=str)
def test_fields_of_any_type_keep_the_type_that_they_were_read_with(wire: Any) -> None:
    known = knowledge()
    known.presentation.remember(Anything)  # type: ignore[union-attr]
    template = to_wire(Anything())
    template.fields["value"] = wire
    data = written(template, known)
    shown = read(data, known)
    assert type(shown) is Anything
    assert written(to_wire(shown), known) == data
    for value in ("another", 2**40, 5):
        shown.value = value
        assert read(written(to_wire(shown), known), known).value == value


def test_objects_within_themselves() -> None:
    value: Any = Anything()
    value.value = value
    known = knowledge()
    shown = read(written(to_wire(value), known), known)
    assert shown.value is shown


def test_null_fields_are_registered_with_their_type() -> None:
    known = knowledge()
    written(to_wire(Person()), known)
    described = known.binary_types.get(Person.type_id)
    assert described is not None
    assert [(field.name, field.type_code) for field in described.fields] == [("name", 9), ("age", 3)]


def test_names_of_fields_are_asked_for_once() -> None:
    known = knowledge()
    data = written(to_wire(Person(name="Ann", age=3)), known)
    described = known.binary_types.get(Person.type_id)
    assert described is not None
    reader = knowledge()
    reader.binary_types.add(attrs.evolve(described, fields=()))
    for _ in described.fields:
        # Until the cluster has answered: another thread may look at the same time, and the first may get no answer.
        for _ in range(2):
            with pytest.raises(MissingBinaryType) as missing:
                decode(data, reader)
        assert missing.value.field_id is not None
        reader.binary_types.add_nameless(missing.value.type_id, missing.value.field_id)
    nameless = decode(data, reader)
    assert [getattr(nameless, name) for name in nameless.schema] == ["Ann", 3]
    assert all(name.startswith("#") for name in nameless.schema)
    assert written(to_wire(nameless), reader) == data
    assert reader.binary_types.get(Person.type_id).fields == ()  # type: ignore[union-attr]
    reader.binary_types.add(described)
    named = decode(data, reader)
    assert (named.name, named.age) == ("Ann", 3)
    assert type(named) is not type(nameless)


def test_threads_get_the_same_class(monkeypatch: pytest.MonkeyPatch) -> None:
    known = knowledge()
    data = written(to_wire(Person(name="Ann", age=3)), known)
    described = known.binary_types.get(Person.type_id)
    assert described is not None
    reader = knowledge()
    reader.binary_types.add(described)
    meeting = threading.Barrier(2)

    def slowly(type_name: str, schema: Any, make: Any = presentation._new_class) -> Any:
        # Both are here at the same time, unless the second has to wait for the first.
        with suppress(threading.BrokenBarrierError):
            meeting.wait(0.5)
        return make(type_name, schema)

    monkeypatch.setattr(presentation, "_new_class", slowly)
    classes: list[type] = []
    threads = [threading.Thread(target=lambda: classes.append(type(decode(data, reader)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(classes) == 2
    assert len(set(classes)) == 1


def test_hash_codes() -> None:
    class Internal(metaclass=GenericObjectMeta, schema=OrderedDict([("id", IntObject), ("str", String)])):
        pass

    class TestObject(
        metaclass=GenericObjectMeta,
        schema=OrderedDict([("id", IntObject), ("str", String), ("internal", BinaryObject)]),
    ):
        pass

    value: Any = TestObject(id=1, str="test_string", internal=Internal(id=2, str="lorem ipsum"))
    # As pyignite 0.6.1 computes it; its hash of the object with negative bytes as well.
    assert BinaryObject.hashcode(value) == -1314567146
    value.str = "юникод"
    assert BinaryObject.hashcode(value) == 874269101
    assert [
        ByteObject.hashcode(5),
        LongObject.hashcode(-1),
        CharObject.hashcode("x"),
        String.hashcode("abc"),
        DecimalObject.hashcode(Decimal("1.50")),
        DateObject.hashcode(datetime(2020, 1, 1)),
        TimestampObject.hashcode((datetime(2020, 1, 1), 5)),
        IntArrayObject.hashcode([1, 2]),
    ] == [5, 0, 120, 96354, 4652, 1583802735, 1583802735, 994]


def test_utilities() -> None:
    assert utils.hashcode("😀") == 1772899
    assert utils.hashcode(b"\xff\x01") == 931
    assert utils.hashcode(None) == 0
    assert (utils.cache_id("x"), utils.cache_id(5), utils.entity_id(None), utils.entity_id(7)) == (120, 5, None, 7)
    assert (utils.schema_id(5), utils.schema_id(None)) == (5, 0)
    assert utils.schema_id({"a": 1, "B": 2}) == 571803110
    assert utils.decimal_hashcode(Decimal("1.50")) == 4652
    assert utils.datetime_hashcode(1714979289123) == 1287338412
    assert (utils.int_overflow(2**31), utils.unsigned(-1)) == (-(2**31), 2**32 - 1)
    assert (utils.is_pow2(8), utils.is_pow2(6), utils.is_pow2(0)) == (True, False, False)
    assert (utils.is_iterable("a"), utils.is_iterable(5)) == (True, False)
    assert (utils.is_hinted((1, IntObject)), utils.is_hinted((1, int))) == (True, False)
    person: Any = Person(name="Ann")
    assert utils.get_field_by_id(person, utils.entity_id("NAME") or 0) == ("Ann", String)
    assert utils.get_field_by_id(person, 1) is None


def test_a_class_gives_its_objects_a_version() -> None:
    class Second(metaclass=GenericObjectMeta, schema={"x": IntObject}, version=2):
        pass

    assert Second().version == 2
    assert Second(version=3).version == 3
    assert repr(Second(x=1)) == "Second(x=1, version=2)"
