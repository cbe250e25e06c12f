-- Stamps are counted for each band, and the history of the run is kept.
-- Of each band, the targets that have a stamp, by the state of their job: counted as
-- 'band STATE BAND', which bands.py reads.
CREATE TRIGGER band_job_moved AFTER UPDATE OF state ON job
WHEN old.state <> new.state
BEGIN
    UPDATE tally
    SET count = count - 1
    WHERE survey = old.survey AND what IN (
        SELECT 'band ' || old.state || ' ' || band
        FROM cutout
        WHERE survey = old.survey AND target = old.target AND state = 'done'
    );
    INSERT INTO tally (survey, what, count)
    SELECT DISTINCT survey, 'band ' || new.state || ' ' || band, 1
    FROM cutout
    WHERE survey = new.survey AND target = new.target AND state = 'done'
    ON CONFLICT DO UPDATE SET count = count + 1;
END;

-- Where all observations are asked for, a target has several stamps in a band: the
-- first that comes and the last that goes count.
CREATE TRIGGER band_stamp_moved AFTER UPDATE OF state ON cutout
WHEN (old.state = 'done') <> (new.state = 'done') AND NOT EXISTS (
    SELECT 1
    FROM cutout
    WHERE survey = new.survey AND target = new.target AND band = new.band
        AND product <> new.product AND state = 'done'
)
BEGIN
    UPDATE tally
    SET count = count - 1
    WHERE old.state = 'done' AND survey = old.survey AND what IN (
        SELECT 'band ' || state || ' ' || old.band
        FROM job
        WHERE survey = old.survey AND target = old.target
    );
    INSERT INTO tally (survey, what, count)
    SELECT survey, 'band ' || state || ' ' || new.band, 1
    FROM job
    WHERE survey = new.survey AND target = new.target AND new.state = 'done'
    ON CONFLICT DO UPDATE SET count = count + 1;
END;

INSERT INTO tally (survey, what, count)
SELECT c.survey, 'band ' || j.state || ' ' || c.band, count(DISTINCT c.target)
FROM cutout AS c
JOIN job AS j ON j.survey = c.survey AND j.target = c.target
WHERE c.state = 'done'
GROUP BY c.survey, j.state, c.band;

-- How the run went: a row a minute while a harvest runs, thinned with age as in
-- history.py. Numbers are those of the whole run so far, so a rate is a difference.
CREATE TABLE band_history (
    survey INTEGER NOT NULL REFERENCES survey,
    band TEXT NOT NULL,
    at INTEGER NOT NULL,
    done INTEGER NOT NULL,
    no_coverage INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    open INTEGER NOT NULL,               -- pending or located
    PRIMARY KEY (survey, band, at)
) STRICT, WITHOUT ROWID;

CREATE TABLE host_history (
    host TEXT NOT NULL,
    at INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    in_flight INTEGER NOT NULL,          -- at that moment
    waiting INTEGER NOT NULL,            -- likewise
    rate REAL NOT NULL,                  -- requests a second that were allowed
    state TEXT NOT NULL,                 -- `HostState.kind`
    answers INTEGER NOT NULL,            -- since the row before
    p50_s REAL,                          -- seconds until an answer began: half of them
    p95_s REAL,                          -- and nineteen in twenty; NULL: none came
    PRIMARY KEY (host, at)
) STRICT, WITHOUT ROWID;
