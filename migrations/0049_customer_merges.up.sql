-- Two customers who are one are linked; no fact moves. Facts keep the id with which they came, so that undoing an import, sending a file
-- again and ending the link stay exact. The profile of the customer who stays contains the facts of all who are merged into it.
CREATE TABLE customer_merges (
    customer_id      text        NOT NULL,
    number           bigint      GENERATED ALWAYS AS IDENTITY,
    into_customer_id text        NOT NULL,
    merged_version   bigint      NOT NULL,
    unmerged_version bigint,
    reason           text,
    merged_at        timestamptz NOT NULL,
    unmerged_at      timestamptz,
    PRIMARY KEY (customer_id, number)
);
CREATE UNIQUE INDEX customer_merges_current ON customer_merges (customer_id) WHERE unmerged_version IS NULL;
CREATE INDEX customer_merges_into ON customer_merges (into_customer_id);
CREATE INDEX customer_merges_number ON customer_merges (number);
COMMENT ON TABLE customer_merges IS 'Which customers are or were merged into which; a row with an unmerged_version has ended';
COMMENT ON COLUMN customer_merges.customer_id IS 'The customer who was merged; has no profile while the row has not ended';
COMMENT ON COLUMN customer_merges.number IS 'Number of the row, in the order of recording';
COMMENT ON COLUMN customer_merges.into_customer_id IS 'The customer into whom; may be merged into another one since';
COMMENT ON COLUMN customer_merges.merged_version IS 'First version of the profile of the other customer that contains the facts of this one';
COMMENT ON COLUMN customer_merges.unmerged_version IS 'First version of both profiles after the end of the merge; null: it has not ended';
COMMENT ON COLUMN customer_merges.reason IS 'Why, in the words of the caller; null: not stated';
COMMENT ON COLUMN customer_merges.merged_at IS 'When the merge was recorded';
COMMENT ON COLUMN customer_merges.unmerged_at IS 'When its end was recorded; null: it has not ended';
