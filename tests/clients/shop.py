"""A shop that takes payments: python3 shop.py NODE_FOLDER SHOP.db ADDRESS ORDERS

Customers write the number of their order as the memo. Each payment is credited once, whatever is restarted, and what a
reorganisation undid is taken back. The shop's books and its position are changed in one step: that is all there is to it.
"""
import json, sqlite3, sys, threading, urllib.error, urllib.parse, urllib.request

folder, path, address, orders = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
books = sqlite3.connect(path, isolation_level=None)
books.executescript("""
    CREATE TABLE IF NOT EXISTS position (cursor TEXT);
    CREATE TABLE IF NOT EXISTS credits (payment TEXT PRIMARY KEY, memo TEXT, amount INTEGER);
    CREATE TABLE IF NOT EXISTS journal (number INTEGER PRIMARY KEY, event TEXT, payment TEXT, amount INTEGER);
""")


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
    """Credits a payment, or takes it back."""
    payment, amount = event["id"], event["received"]
    if event["event"] == "confirmed":
        books.execute("INSERT INTO credits VALUES (?, ?, ?)", (payment, event["memo"], amount))
    elif event["event"] == "undone":
        books.execute("DELETE FROM credits WHERE payment = ?", (payment,))
    else:
        return
    books.execute("INSERT INTO journal VALUES (NULL, ?, ?, ?)", (event["event"], payment, amount))


said = -1
while True:
    cursor = (books.execute("SELECT cursor FROM position").fetchone() or [None])[0]
    try:
        answer = watch(cursor)
    except (OSError, ValueError, urllib.error.HTTPError) as error:
        print("waiting for the node:", error, file=sys.stderr)
        threading.Event().wait(0.2)
        continue
    books.execute("BEGIN")
    for event in answer["events"]:
        note(event)
    books.execute("DELETE FROM position")
    books.execute("INSERT INTO position VALUES (?)", (answer["cursor"],))
    books.execute("COMMIT")
    paid = books.execute("SELECT count(DISTINCT memo) FROM credits").fetchone()[0]
    if paid != said:
        said = paid
        print(f"{paid} of {orders} orders are paid", flush=True)
