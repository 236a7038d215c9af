-- Facts recorded so far. Where two customers have the same, the first by id: CheckProfiles names them.
INSERT INTO fact_keys (source, fact_id, kind, customer_id)
SELECT source, fact_id, kind, min(customer_id COLLATE "C")
FROM (SELECT source, transaction_id AS fact_id, 1 AS kind, customer_id FROM transactions
      UNION ALL
      SELECT source, contact_id, 2, customer_id FROM contacts
      UNION ALL
      SELECT source, contract_id, 3, customer_id FROM contracts) AS recorded
GROUP BY source, fact_id, kind
ORDER BY source, fact_id, kind;
