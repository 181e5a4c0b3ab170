"""Schema versions: objects of an old schema are read, and written back with a new one.

Run it with ``python -m examples.keyvalue.migrate_binary [host:port,…]``.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import date, datetime
from decimal import Decimal

from examples.running import Addresses, run_client
from ignite_dbapi.keyvalue import Client, GenericObjectMeta
from ignite_dbapi.keyvalue.datatypes import BoolObject, DateObject, DecimalObject, String


class OldInvoice(
    metaclass=GenericObjectMeta,
    type_name="ExampleInvoice",
    schema=OrderedDict([("date", DateObject), ("customer", String), ("total", DecimalObject), ("is_paid", BoolObject)]),
):
    """What the old program wrote: when the invoice was sent, and whether it is paid."""


def main(addresses: Addresses) -> None:
    """Call ``date`` ``sent_on``, and tell when an invoice was paid instead of whether."""
    with Client().connect(addresses) as client:
        invoices = client.get_or_create_cache("example invoices")
        for number in range(1, 6):
            sent = datetime(2026, 1, number)
            invoices.put(number, OldInvoice(sent, f"customer {number}", Decimal(100 * number), number % 2 == 0))

    with Client().connect(addresses) as client:
        # Without the old source: the cluster knows all schemas that the type has ever had.
        classes = client.query_binary_type("ExampleInvoice").values()
        old_class = next(found for found in classes if "is_paid" in found.schema)
        print("old:", ", ".join(old_class.schema))
        schema = old_class.schema.copy()
        schema["sent_on"] = schema.pop("date")
        del schema["is_paid"]
        schema["paid_on"] = DateObject
        new_class = GenericObjectMeta("Invoice", (), {}, type_name="ExampleInvoice", schema=schema)
        print("new:", ", ".join(new_class.schema))

        invoices = client.get_cache("example invoices")
        for number, old in list(invoices.scan()):
            invoices.put(
                number,
                new_class(
                    customer=old.customer,
                    total=old.total,
                    sent_on=old.date,
                    paid_on=date(2026, 2, 1) if old.is_paid else None,
                ),
            )

        for _, invoice in sorted(invoices.scan()):
            paid = f"{invoice.paid_on:%Y-%m-%d}" if invoice.paid_on else "open"
            print(f"{invoice.sent_on:%Y-%m-%d} {invoice.customer} {invoice.total} {paid}")
        # Objects of both schemas can be read for as long as there are any.
        print("schemas:", len(client.query_binary_type("ExampleInvoice")))
        invoices.destroy()


if __name__ == "__main__":
    run_client(main)
