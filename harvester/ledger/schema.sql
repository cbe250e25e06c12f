-- What has been done for which galaxy. Angles are ICRS degrees, times Unix seconds.

CREATE TABLE run (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE target (
    number INTEGER PRIMARY KEY,          -- place in the catalogue, from 0
    id TEXT NOT NULL,                    -- as the catalogue spells it
    ra REAL NOT NULL CHECK (ra >= 0 AND ra < 360),
    dec REAL NOT NULL CHECK (dec BETWEEN -90 AND 90),
    stem TEXT NOT NULL,                  -- of its file names; no two are the same
    line INTEGER NOT NULL                -- of the catalogue file, from 1
) STRICT;

CREATE TABLE reject (
    line INTEGER NOT NULL,
    id TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;

CREATE TABLE survey (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE            -- sdss:g,r or hst:WFC3/IR:F160W
) STRICT;

-- One target in one survey: the unit of status. The moves are in states.py.
CREATE TABLE job (
    survey INTEGER NOT NULL REFERENCES survey,
    target INTEGER NOT NULL REFERENCES target,
    sky INTEGER NOT NULL,                -- rank along the sky: neighbours are near
    state TEXT NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'located', 'done', 'no_coverage', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    due REAL NOT NULL DEFAULT 0,         -- not to be touched before
    by_position INTEGER NOT NULL DEFAULT 0 CHECK (by_position IN (0, 1)),
    reason TEXT NOT NULL DEFAULT '',
    match TEXT NOT NULL DEFAULT '',      -- how it was matched with an object: JSON
    PRIMARY KEY (survey, target)
) STRICT, WITHOUT ROWID;

CREATE TABLE product (
    number INTEGER PRIMARY KEY,
    survey INTEGER NOT NULL REFERENCES survey,
    name TEXT NOT NULL,                  -- the archive's file name
    band TEXT NOT NULL,
    url TEXT NOT NULL,
    mirrors TEXT NOT NULL,               -- JSON list, asked first
    size INTEGER,                        -- bytes, as the archive says: a hint; 0: none
    fetched INTEGER NOT NULL DEFAULT 0   -- it was here, and stamps were cut of it
        CHECK (fetched IN (0, 1)),
    facts TEXT NOT NULL DEFAULT '',      -- what the archive told of it: JSON
    UNIQUE (survey, name, band)
) STRICT;

-- What an archive offers a survey on the whole sky, asked once in a run.
CREATE TABLE offer (
    product INTEGER PRIMARY KEY REFERENCES product,
    region TEXT,                         -- s_region
    exposure_s REAL NOT NULL
) STRICT;

CREATE TABLE listing (
    survey INTEGER PRIMARY KEY REFERENCES survey,
    asked_at REAL NOT NULL,
    rows INTEGER NOT NULL
) STRICT;

CREATE TABLE cutout (
    survey INTEGER NOT NULL,
    target INTEGER NOT NULL,
    band TEXT NOT NULL,
    product INTEGER NOT NULL REFERENCES product,
    rank INTEGER NOT NULL,               -- 0 is the best product for it
    -- spare: taken when a better one turns out empty, or, with a note, in place of a
    -- worse one that is done; empty: no stamp came of it, because the frame does not
    -- show the target or for what `note` says
    state TEXT NOT NULL CHECK (state IN ('wanted', 'spare', 'done', 'empty')),
    note TEXT NOT NULL DEFAULT '',       -- why it is or was empty: `Receipt.problem`
    file_loc TEXT NOT NULL,
    sha256 TEXT NOT NULL DEFAULT '',
    size INTEGER NOT NULL DEFAULT 0,
    coverage REAL NOT NULL DEFAULT 0,
    facts TEXT NOT NULL DEFAULT '',      -- `StampFacts` as JSON
    PRIMARY KEY (survey, target, band, product),
    FOREIGN KEY (survey, target) REFERENCES job (survey, target)
) STRICT, WITHOUT ROWID;

-- Counters that status reads: counting a million rows would take a second.
CREATE TABLE tally (
    survey INTEGER NOT NULL REFERENCES survey,
    what TEXT NOT NULL,                  -- a state of jobs, or as in tally.py
    count INTEGER NOT NULL CHECK (count >= 0),
    PRIMARY KEY (survey, what)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER job_moved AFTER UPDATE OF state ON job
WHEN old.state <> new.state
BEGIN
    UPDATE tally SET count = count - 1 WHERE survey = old.survey AND what = old.state;
    UPDATE tally SET count = count + 1 WHERE survey = new.survey AND what = new.state;
END;

CREATE TRIGGER stamp_moved AFTER UPDATE OF state ON cutout
WHEN (old.state = 'done') <> (new.state = 'done')
BEGIN
    UPDATE tally
    SET count = count + iif(new.state = 'done', 1, -1)
    WHERE survey = new.survey AND what = 'stamps';
END;

-- A stamp for which a better product could not be had: as in substitutes.py.
CREATE TRIGGER substitute_moved AFTER UPDATE OF state ON cutout
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

CREATE TABLE host (
    name TEXT PRIMARY KEY,
    requests INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    cooled_until REAL NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- What was learned of the hosts that files come from: as in `HostFacts`.
CREATE TABLE host_fact (
    name TEXT PRIMARY KEY,
    bandwidth REAL CHECK (bandwidth > 0),    -- bytes a second; NULL: not known, as below
    latency_s REAL CHECK (latency_s >= 0),   -- from a request to the head of its reply
    measured_at REAL NOT NULL,
    ranges INTEGER CHECK (ranges IN (0, 1)), -- whether it gives ranges
    ranges_at REAL NOT NULL,
    bound TEXT NOT NULL,                     -- what limits the frames; empty: not known
    several INTEGER CHECK (several IN (0, 1)), -- whether it sends several at a time
    several_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

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
