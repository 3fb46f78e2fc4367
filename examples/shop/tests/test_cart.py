from decimal import Decimal

import pytest
from shop.cart import Cart, Line, cents, discounted, shipping

TEA = Line("tea", Decimal("4.50"), 2)
CUP = Line("cup", Decimal("12.00"))


@pytest.mark.parametrize(
    ("price", "quantity", "expected"),
    [("4.50", 2, "9.00"), ("0.333", 3, "1.00"), ("0.125", 1, "0.13"), ("7", 0, "0.00")],
)
def test_total_of_a_line(price, quantity, expected):
    assert Line("x", Decimal(price), quantity).total == Decimal(expected)


def test_add_puts_lines_in_order():
    cart = Cart()
    cart.add("tea", Decimal("4.50"), 2)
    cart.add("cup", Decimal("12.00"))
    assert cart.lines == [TEA, CUP]


def test_add_raises_the_quantity_and_takes_the_new_price():
    cart = Cart([Line("tea", Decimal("4.50"), 2)])
    cart.add("tea", Decimal("4.00"), 3)
    assert cart.lines == [Line("tea", Decimal("4.00"), 5)]


@pytest.mark.parametrize("quantity", [0, -1])
def test_add_refuses_a_quantity_under_one(quantity):
    cart = Cart([Line("tea", Decimal("4.50"), 2)])
    with pytest.raises(ValueError):
        cart.add("tea", Decimal("4.50"), quantity)
    assert cart.lines == [TEA]


def test_remove_lowers_the_quantity():
    cart = Cart([Line("tea", Decimal("4.50"), 3), CUP])
    cart.remove("tea")
    assert cart.lines == [TEA, CUP]


@pytest.mark.parametrize("quantity", [2, 5])
def test_remove_drops_a_line_that_is_used_up(quantity):
    cart = Cart([Line("tea", Decimal("4.50"), 2), CUP])
    cart.remove("tea", quantity)
    assert cart.lines == [CUP]


def test_remove_of_something_else():
    with pytest.raises(KeyError):
        Cart([CUP]).remove("tea")


def test_subtotal():
    assert Cart([TEA, CUP]).subtotal() == Decimal("21.00")


def test_subtotal_of_nothing():
    empty = Cart().subtotal()
    assert isinstance(empty, Decimal)
    assert str(empty) == "0.00"


def test_from_csv():
    cart = Cart.from_csv("sku,price,quantity\ntea,4.50,2\n\"cup, blue\",12.00,\n")
    assert cart.lines == [TEA, Line("cup, blue", Decimal("12.00"), 1)]


def test_from_csv_keeps_the_class():
    class GiftCart(Cart):
        pass

    assert type(GiftCart.from_csv("sku,price,quantity\n")) is GiftCart


@pytest.mark.parametrize(
    ("code", "expected"),
    [("WELCOME10", "18.00"), ("spring25", "15.00"), ("  Welcome10 ", "18.00")],
)
def test_discounted(code, expected):
    assert discounted(Decimal("20.00"), code) == Decimal(expected)


def test_discounted_rounds_to_cents():
    assert str(discounted(Decimal("9.99"), "SPRING25")) == "7.49"


def test_discounted_names_an_unknown_code():
    with pytest.raises(ValueError, match="WINTER"):
        discounted(Decimal("20.00"), "WINTER")


@pytest.mark.parametrize(
    ("subtotal", "country", "expected"),
    [("20.00", "DE", "3.90"), ("49.99", "CH", "9.50"), ("50.00", "DE", "0"), ("80", "AT", "0")],
)
def test_shipping(subtotal, country, expected):
    assert shipping(Decimal(subtotal), country) == Decimal(expected)


@pytest.mark.parametrize("subtotal", ["20.00", "80.00"])
def test_shipping_to_nowhere(subtotal):
    with pytest.raises(LookupError):
        shipping(Decimal(subtotal), "XX")


def test_an_order_from_start_to_end():
    cart = Cart()
    cart.add("tea", Decimal("4.50"), 3)
    cart.add("cup", Decimal("12.00"))
    cart.remove("tea")
    due = discounted(cart.subtotal(), "WELCOME10")
    assert due + shipping(due, "AT") == Decimal("24.80")


def test_cents():
    assert cents(Decimal("0.005")) == Decimal("0.01")
