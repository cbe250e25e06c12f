-- Jobs are read in the order in which they are due, so that postponed ones cost nothing
-- until then; and frames that were fetched are found without reading all products.
DROP INDEX IF EXISTS job_pending;
DROP INDEX IF EXISTS job_waiting;
CREATE INDEX job_pending ON job (survey, due, sky) WHERE state = 'pending';
CREATE INDEX job_located ON job (survey, due, sky) WHERE state = 'located';
CREATE INDEX product_fetched ON product (survey) WHERE fetched = 1;

-- The first ledgers of version 1 did not count stamps of a second-best image.
INSERT OR IGNORE INTO tally (survey, what, count)
SELECT number, 'substitutes', (
    SELECT count(*)
    FROM cutout AS c
    WHERE c.survey = survey.number AND c.state = 'done' AND c.rank > 0 AND EXISTS (
        SELECT 1
        FROM cutout
        WHERE survey = c.survey AND target = c.target AND band = c.band
            AND rank < c.rank AND file_loc = c.file_loc
            AND note NOT IN ('', 'outside', 'no_data')
    )
)
FROM survey;

CREATE TRIGGER IF NOT EXISTS substitute_moved AFTER UPDATE OF state ON cutout
WHEN (old.state = 'done') <> (new.state = 'done') AND new.rank > 0 AND EXISTS (
    SELECT 1
    FROM cutout
    WHERE survey = new.survey AND target = new.target AND band = new.band
        AND rank < new.rank AND file_loc = new.file_loc
        AND note NOT IN ('', 'outside', 'no_data')
)
BEGIN
    UPDATE tally
    SET count = count + iif(new.state = 'done', 1, -1)
    WHERE survey = new.survey AND what = 'substitutes';
END;
