-- Kinds and names that were stated until now: those of the import that created or renamed the customer are its own, all others are of no import.
-- import_writes then only has versions, and whether facts of an undone import stay, so that a later undoing looks at them again. Nothing reads
-- withdrawn facts by import.
DO $$
BEGIN
    INSERT INTO customer_namings (customer_id, import, kind, names, display_name)
    SELECT stated.customer_id, stated.import, stated.kind, true, stated.display_name
    FROM (SELECT c.customer_id, 0 AS import, coalesce(w.kind_before, c.kind) AS kind,
                 CASE WHEN w.import IS NULL THEN c.display_name ELSE w.name_before END AS display_name, 1 AS step
          FROM customers AS c
          LEFT JOIN LATERAL (SELECT import, kind_before, name_before, created
                             FROM import_writes
                             WHERE customer_id = c.customer_id AND NOT undone AND kind_after = c.kind
                               AND name_after IS NOT DISTINCT FROM c.display_name
                             ORDER BY last_version DESC
                             LIMIT 1) AS w ON true
          WHERE w.created IS NOT TRUE
          UNION ALL
          SELECT c.customer_id, w.import, c.kind, c.display_name, 2
          FROM customers AS c
          CROSS JOIN LATERAL (SELECT import
                              FROM import_writes
                              WHERE customer_id = c.customer_id AND NOT undone AND kind_after = c.kind
                                AND name_after IS NOT DISTINCT FROM c.display_name
                              ORDER BY last_version DESC
                              LIMIT 1) AS w) AS stated
    ORDER BY stated.customer_id, stated.step;
    ALTER TABLE import_writes DROP COLUMN created, DROP COLUMN kind_before, DROP COLUMN name_before, DROP COLUMN kind_after, DROP COLUMN name_after,
        ADD COLUMN kept boolean NOT NULL DEFAULT false;
    DROP INDEX withdrawn_facts_import;
    COMMENT ON TABLE import_writes IS 'The versions of profiles that an import made';
    COMMENT ON COLUMN import_writes.last_version IS 'Last version that the same call made; below the first: the import only repeated facts of the customer, or named them';
    COMMENT ON COLUMN import_writes.kept IS 'Whether facts of the undone import stay, because others corrected or repeated them';
END
$$;
