BEGIN TRANSACTION;
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
INSERT INTO "cutout" VALUES(0,0,'g',1,0,'done','','cutouts/sdss/g/0000/id0.fits','s',9,1.0,'{"flags": 4}');
INSERT INTO "cutout" VALUES(0,0,'g',2,1,'spare','','cutouts/sdss/g/0000/id0.fits','',0,0.0,'');
INSERT INTO "cutout" VALUES(0,0,'r',3,0,'done','','cutouts/sdss/r/0000/id0.fits','s',9,0.5,'{"flags": 4}');
INSERT INTO "cutout" VALUES(0,0,'r',4,1,'spare','','cutouts/sdss/r/0000/id0.fits','',0,0.0,'');
INSERT INTO "cutout" VALUES(0,1,'g',1,0,'empty','corrupt','cutouts/sdss/g/0000/id1.fits','',0,0.0,'');
INSERT INTO "cutout" VALUES(0,1,'g',2,1,'done','','cutouts/sdss/g/0000/id1.fits','s',9,1.0,'');
INSERT INTO "cutout" VALUES(0,1,'r',3,0,'wanted','','cutouts/sdss/r/0000/id1.fits','',0,0.0,'');
INSERT INTO "cutout" VALUES(0,1,'r',4,1,'spare','','cutouts/sdss/r/0000/id1.fits','',0,0.0,'');
INSERT INTO "cutout" VALUES(0,2,'g',1,0,'empty','outside','cutouts/sdss/g/0000/id2.fits','',0,0.0,'');
INSERT INTO "cutout" VALUES(0,2,'g',2,1,'wanted','','cutouts/sdss/g/0000/id2.fits','',0,0.0,'');
INSERT INTO "cutout" VALUES(0,2,'r',3,0,'wanted','','cutouts/sdss/r/0000/id2.fits','',0,0.0,'');
INSERT INTO "cutout" VALUES(0,2,'r',4,1,'spare','','cutouts/sdss/r/0000/id2.fits','',0,0.0,'');
INSERT INTO "cutout" VALUES(0,3,'g',1,0,'wanted','','cutouts/sdss/g/0000/id3.fits','',0,0.0,'');
INSERT INTO "cutout" VALUES(0,3,'g',2,1,'spare','','cutouts/sdss/g/0000/id3.fits','',0,0.0,'');
INSERT INTO "cutout" VALUES(0,3,'r',3,0,'wanted','','cutouts/sdss/r/0000/id3.fits','',0,0.0,'');
INSERT INTO "cutout" VALUES(0,3,'r',4,1,'spare','','cutouts/sdss/r/0000/id3.fits','',0,0.0,'');
INSERT INTO "cutout" VALUES(0,4,'g',1,0,'wanted','','cutouts/sdss/g/0000/id4.fits','',0,0.0,'');
INSERT INTO "cutout" VALUES(0,4,'g',2,1,'spare','','cutouts/sdss/g/0000/id4.fits','',0,0.0,'');
INSERT INTO "cutout" VALUES(0,4,'r',3,0,'wanted','','cutouts/sdss/r/0000/id4.fits','',0,0.0,'');
INSERT INTO "cutout" VALUES(0,4,'r',4,1,'spare','','cutouts/sdss/r/0000/id4.fits','',0,0.0,'');
CREATE TABLE host (
    name TEXT PRIMARY KEY,
    requests INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    cooled_until REAL NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
INSERT INTO "host" VALUES('dr17.sdss.org',3,1000,0.0);
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
INSERT INTO "job" VALUES(0,0,0,'done',0,0.0,0,'','{"n_candidates": 1, "sep_arcsec": 0.4, "match_ambiguous": false}');
INSERT INTO "job" VALUES(0,1,1,'located',0,0.0,0,'','');
INSERT INTO "job" VALUES(0,2,2,'located',0,0.0,0,'','');
INSERT INTO "job" VALUES(0,3,3,'located',1,1.79601730331783723823e+09,0,'timeout','');
INSERT INTO "job" VALUES(0,4,4,'located',0,0.0,0,'','');
INSERT INTO "job" VALUES(0,5,5,'pending',0,0.0,0,'','');
INSERT INTO "job" VALUES(1,0,0,'no_coverage',0,0.0,0,'','');
INSERT INTO "job" VALUES(1,1,1,'no_coverage',0,0.0,0,'proprietary','');
INSERT INTO "job" VALUES(1,2,2,'pending',0,0.0,0,'','');
INSERT INTO "job" VALUES(1,3,3,'pending',0,0.0,0,'','');
INSERT INTO "job" VALUES(1,4,4,'pending',0,0.0,0,'','');
INSERT INTO "job" VALUES(1,5,5,'pending',0,0.0,0,'','');
CREATE TABLE listing (
    survey INTEGER PRIMARY KEY REFERENCES survey,
    asked_at REAL NOT NULL,
    rows INTEGER NOT NULL
) STRICT;
CREATE TABLE offer (
    product INTEGER PRIMARY KEY REFERENCES product,
    region TEXT,                         -- s_region
    exposure_s REAL NOT NULL
) STRICT;
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
INSERT INTO "product" VALUES(1,0,'frame-g-1.fits.bz2','g','https://dr17.sdss.org/sas/frame-g-1.fits.bz2','[]',NULL,1,'{"mjd": 51075.4}');
INSERT INTO "product" VALUES(2,0,'frame-g-2.fits.bz2','g','https://dr17.sdss.org/sas/frame-g-2.fits.bz2','[]',NULL,1,'');
INSERT INTO "product" VALUES(3,0,'frame-r-1.fits.bz2','r','https://dr17.sdss.org/sas/frame-r-1.fits.bz2','[]',NULL,1,'');
INSERT INTO "product" VALUES(4,0,'frame-r-2.fits.bz2','r','https://dr17.sdss.org/sas/frame-r-2.fits.bz2','[]',NULL,0,'');
CREATE TABLE reject (
    line INTEGER NOT NULL,
    id TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;
INSERT INTO "reject" VALUES(9,'bad','no position');
CREATE TABLE run (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "run" VALUES('began','2026-11-30T06:00:00Z');
INSERT INTO "run" VALUES('catalogue','c.csv');
INSERT INTO "run" VALUES('catalogue sha256','0');
INSERT INTO "run" VALUES('settings','{}');
INSERT INTO "run" VALUES('settings sha256','0');
INSERT INTO "run" VALUES('x','y');
CREATE TABLE survey (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE            -- sdss:g,r or hst:WFC3/IR:F160W
) STRICT;
INSERT INTO "survey" VALUES(0,'sdss:g,r');
INSERT INTO "survey" VALUES(1,'hst:WFC3/IR:F160W');
CREATE TABLE tally (
    survey INTEGER NOT NULL REFERENCES survey,
    what TEXT NOT NULL,                  -- a state of jobs, or as in tally.py
    count INTEGER NOT NULL CHECK (count >= 0),
    PRIMARY KEY (survey, what)
) STRICT, WITHOUT ROWID;
INSERT INTO "tally" VALUES(0,'by identifier',5);
INSERT INTO "tally" VALUES(0,'done',1);
INSERT INTO "tally" VALUES(0,'doubt runs',1);
INSERT INTO "tally" VALUES(0,'failed',0);
INSERT INTO "tally" VALUES(0,'image bytes needed',0);
INSERT INTO "tally" VALUES(0,'located',4);
INSERT INTO "tally" VALUES(0,'no_coverage',0);
INSERT INTO "tally" VALUES(0,'pending',1);
INSERT INTO "tally" VALUES(0,'stamps',3);
INSERT INTO "tally" VALUES(0,'substitutes',1);
INSERT INTO "tally" VALUES(0,'way early',1);
INSERT INTO "tally" VALUES(0,'way ranges',1);
INSERT INTO "tally" VALUES(1,'done',0);
INSERT INTO "tally" VALUES(1,'failed',0);
INSERT INTO "tally" VALUES(1,'located',0);
INSERT INTO "tally" VALUES(1,'no_coverage',2);
INSERT INTO "tally" VALUES(1,'pending',4);
INSERT INTO "tally" VALUES(1,'stamps',0);
INSERT INTO "tally" VALUES(1,'substitutes',0);
CREATE TABLE target (
    number INTEGER PRIMARY KEY,          -- place in the catalogue, from 0
    id TEXT NOT NULL,                    -- as the catalogue spells it
    ra REAL NOT NULL CHECK (ra >= 0 AND ra < 360),
    dec REAL NOT NULL CHECK (dec BETWEEN -90 AND 90),
    stem TEXT NOT NULL,                  -- of its file names; no two are the same
    line INTEGER NOT NULL                -- of the catalogue file, from 1
) STRICT;
INSERT INTO "target" VALUES(0,'id0',0.0,0.0,'id0',0);
INSERT INTO "target" VALUES(1,'id1',0.01,0.0,'id1',1);
INSERT INTO "target" VALUES(2,'id2',0.02,0.0,'id2',2);
INSERT INTO "target" VALUES(3,'id3',0.03,0.0,'id3',3);
INSERT INTO "target" VALUES(4,'id4',0.04,0.0,'id4',4);
INSERT INTO "target" VALUES(5,'id5',0.05,0.0,'id5',5);
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
CREATE UNIQUE INDEX target_stem ON target (stem);
CREATE INDEX job_pending ON job (survey, due, sky) WHERE state = 'pending';
CREATE INDEX job_located ON job (survey, due, sky) WHERE state = 'located';
CREATE INDEX job_failed ON job (survey, target) WHERE state = 'failed';
CREATE INDEX cutout_wanted ON cutout (survey, product) WHERE state = 'wanted';
CREATE INDEX product_fetched ON product (survey) WHERE fetched = 1;
COMMIT;
