-- View of peers.db, for people and their tools. A column has one type in all rows: source is empty for a configured
-- address, a time is 0 for never, node_id is the node's public key, empty if it is not known.

CREATE VIEW v_peers AS
SELECT address, ifnull(source, '') AS source, last_seen, ifnull(last_success, 0) AS last_success,
       ifnull(last_attempt, 0) AS last_attempt, failures, lower(hex(ifnull(node, x''))) AS node_id
FROM {db}book;
