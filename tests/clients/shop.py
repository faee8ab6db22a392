"""A shop that takes payments: python3 shop.py NODE_FOLDER SHOP.db ADDRESS ORDERS

Customers write the number of their order as the memo. Each payment is credited once, whatever is restarted, and what a
reorganisation undid is taken back. The shop's books and its position are changed in one step: that is all there is to it.
"""
import json, sqlite3, sys, threading, urllib.parse, urllib.request

(folder, path, address), orders = sys.argv[1:4], int(sys.argv[4])
books = sqlite3.connect(path, isolation_level=None)
books.executescript("""
    CREATE TABLE IF NOT EXISTS position (only INTEGER PRIMARY KEY, cursor TEXT);
    CREATE TABLE IF NOT EXISTS orders (memo TEXT PRIMARY KEY, price INTEGER);
    CREATE TABLE IF NOT EXISTS credits (payment TEXT PRIMARY KEY, memo TEXT, amount INTEGER);
    CREATE TABLE IF NOT EXISTS journal (number INTEGER PRIMARY KEY, event TEXT, payment TEXT, amount INTEGER);
""")
books.executemany("INSERT OR IGNORE INTO orders VALUES (?, ?)", ((f"order {n}", 1000 + n) for n in range(orders)))


def watch(cursor):
    """Asks the node what happened since, for up to 20 seconds. Needs no password: it only reads."""
    with open(f"{folder}/endpoints.json") as file:
        node = json.load(file)["http"]
    # From the first block on, as long as there is no position yet.
    since = {"cursor": cursor} if cursor else {"above": 0}
    query = urllib.parse.urlencode({"address": address, "timeout": 20, **since})
    with urllib.request.urlopen(f"http://{node}/api/watch?{query}", timeout=60) as answer:
        return json.load(answer)


def note(event):
    """Credits a payment, or takes it back. What the shop itself pays brings change, which is none."""
    if event["event"] not in ("confirmed", "undone") or event["spent"]:
        return
    payment, amount = event["id"], event["received"]
    if event["event"] == "confirmed":
        books.execute("INSERT INTO credits VALUES (?, ?, ?)", (payment, event["memo"], amount))
    else:
        books.execute("DELETE FROM credits WHERE payment = ?", (payment,))
    books.execute("INSERT INTO journal VALUES (NULL, ?, ?, ?)", (event["event"], payment, amount))


said = -1
while True:
    cursor = (books.execute("SELECT cursor FROM position").fetchone() or [None])[0]
    try:
        answer = watch(cursor)
    except (OSError, ValueError) as error:
        print("waiting for the node:", error, file=sys.stderr)
        threading.Event().wait(0.2)
        continue
    books.execute("BEGIN")
    for event in answer["events"]:
        note(event)
    books.execute("INSERT OR REPLACE INTO position VALUES (1, ?)", (answer["cursor"],))
    books.execute("COMMIT")
    sums = "SELECT memo, sum(amount) AS amount FROM credits GROUP BY memo"
    paid = books.execute(f"SELECT count(*) FROM orders JOIN ({sums}) USING (memo) WHERE amount >= price").fetchone()[0]
    if paid != said:
        print(f"{paid} of {orders} orders are paid", flush=True)
    said = paid
