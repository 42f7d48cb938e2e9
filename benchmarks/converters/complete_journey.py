#!/usr/bin/env python3
"""complete-journey: transactions_sample.csv and coupon_redemptions.csv; products.csv for categories and brands. Times are the
shop's own (Cincinnati, America/New_York); a redemption names the coupon as its item and has a day without an hour."""
from common import Writer, either, run, table


def convert(folder):
    products = {row["product_id"]: row for row in table(either(folder, "products.csv.gz", "products.csv"))}
    out = Writer("order", "quantity", "currency", "item.category", "item.brand", "properties.store", "properties.campaign")
    for row in table(either(folder, "transactions_sample.csv.gz", "transactions_sample.csv")):
        product = products.get(row["product_id"], {})
        out.row(customer=row["household_id"], item=row["product_id"], type="purchase", time=row["transaction_timestamp"],
                value=row["sales_value"], order=row["basket_id"], quantity=row["quantity"], currency="USD",
                item__category=product.get("product_category", ""), item__brand=product.get("brand", ""),
                properties__store=row["store_id"])
    for row in table(either(folder, "coupon_redemptions.csv")):
        out.row(customer=row["household_id"], item=row["coupon_upc"], type="coupon_redeemed", time=row["redemption_date"],
                properties__campaign=row["campaign_id"])


run(convert)
