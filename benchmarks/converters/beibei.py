#!/usr/bin/env python3
"""beibei-multibehaviour: cart.txt, buy_train.txt and buy_test.txt, a customer and its items a line. No times: carts come first,
then purchases, the held-out purchase last."""
from common import Writer, either, lines, made_up_time, run

PARTS = ((("cart.txt.gz", "cart.txt"), "cart_add"), (("buy_train.txt.gz", "buy_train.txt"), "purchase"),
         (("buy_test.txt",), "purchase"))


def convert(folder):
    out = Writer()
    for place, (names, kind) in enumerate(PARTS):
        for line in lines(either(folder, *names)):
            customer, *items = line.split()
            for item in items:
                out.row(customer=customer, item=item, type=kind, time=made_up_time(place))


run(convert)
