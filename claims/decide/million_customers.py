"""Customers with orders and consents, and the campaign's count in plain SQL.

make FOLDER CUSTOMERS    writes orders.parquet, consents.jsonl and customers.csv: an order line or more each, by chance with a
                         fixed seed; three in five gave consent to e-mail, a tenth of those took it back
count HISTORY            the question of the campaign over a copy of the shop's history, once to warm up and once timed:
                         "SECONDS CUSTOMERS"
"""
import sys
import time

import duckdb

# The campaign's rule and consent: who bought, and allows e-mail now, by the latest word.
COUNT = """
WITH bought AS (
  SELECT customer, count(DISTINCT coalesce(order_id, '#' || sequence)) AS orders
  FROM visible_rows WHERE type = (SELECT code FROM event_types WHERE name = 'purchase') AND customer <> 0 GROUP BY customer),
said AS (
  SELECT customer, arg_max(type, time) AS word FROM visible_rows
  WHERE type IN (SELECT code FROM event_types WHERE name IN ('consent_given', 'consent_withdrawn')) GROUP BY customer)
SELECT count(*) FROM bought JOIN said USING (customer)
WHERE orders >= 1 AND word = (SELECT code FROM event_types WHERE name = 'consent_given')
"""


def make(folder: str, customers: int) -> None:
    con = duckdb.connect()
    con.execute("SET threads = 2")
    con.execute("SELECT setseed(.5)")
    con.execute(f"""
      COPY (SELECT 'o' || c || '-' || n AS order_id, 'c' || c AS customer_id, 'p' || (random() * 5000)::INT AS product_id,
              strftime(TIMESTAMP '2026-10-31 23:00:00' - INTERVAL (1 + random() * random() * 46000000) SECOND, '%Y-%m-%d %H:%M:%S')
                AS date, 1 AS quantity, round(5 + 95 * random(), 2) AS price
            FROM range({customers}) t(c), range(12) u(n) WHERE n < 1 + floor(-ln(1 - random()) * 4) ORDER BY date)
      TO '{folder}/orders.parquet' (FORMAT parquet)""")
    con.execute(f"""
      COPY (SELECT 'track' AS type, 'c' || c AS userId, 'consent_given' AS event, '2025-01-01T00:00:00Z' AS timestamp,
              {{'purpose': 'email'}} AS properties FROM range({customers}) t(c) WHERE hash(c) % 5 < 3
            UNION ALL
            SELECT 'track', 'c' || c, 'consent_withdrawn', '2025-06-01T00:00:00Z', {{'purpose': 'email'}}
            FROM range({customers}) t(c) WHERE hash(c) % 50 < 3)
      TO '{folder}/consents.jsonl' (FORMAT json)""")
    con.execute(f"""
      COPY (SELECT 'c' || c AS customer_id, 'c' || c || '@mail.example' AS email FROM range({customers}) t(c))
      TO '{folder}/customers.csv' (HEADER)""")


def count(history: str) -> None:
    con = duckdb.connect(history, read_only=True)
    con.execute("SET threads = 2")
    con.execute(COUNT).fetchone()
    begun = time.perf_counter()
    answer = con.execute(COUNT).fetchone()[0]
    print(f"{time.perf_counter() - begun:.3f} {answer}")


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], int(sys.argv[3]))
    else:
        count(sys.argv[2])
