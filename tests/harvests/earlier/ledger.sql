PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE run (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO run VALUES('bill hst','{"frames": {"hst:WFC3/IR:F160W": 0}, "requests": {"mast.stsci.edu": 2, "s3.amazonaws.com": 0}, "bytes": {"mast.stsci.edu": 5723, "s3.amazonaws.com": 0}}');
INSERT INTO run VALUES('bill sdss','{"frames": {"sdss:r": 12}, "requests": {"skyserver.sdss.org": 0, "data.sdss.org": 12}, "bytes": {"skyserver.sdss.org": 0, "data.sdss.org": 43200000}}');
INSERT INTO run VALUES('catalogue','galaxies.csv');
INSERT INTO run VALUES('catalogue sha256','2a5b5e9af34e9be5a26adbe33cc2fc341457efb288bc413c7b8676835779fa72');
INSERT INTO run VALUES('made by','harvester 0.1.0');
INSERT INTO run VALUES('settings','{"columns": "", "hst observations": "best", "mode": "partial", "sdss release": "17", "size": "hst=15.84arcsec sdss=15.84arcsec", "surveys": "hst:WFC3/IR:F160W sdss:r"}');
INSERT INTO run VALUES('settings sha256','e7b72897fb01d19e5900e9eb4b79f5642b4785fdbd21de8ca06cb304d2811923');
CREATE TABLE target (
    number INTEGER PRIMARY KEY,          -- place in the catalogue, from 0
    id TEXT NOT NULL,                    -- as the catalogue spells it
    ra REAL NOT NULL CHECK (ra >= 0 AND ra < 360),
    dec REAL NOT NULL CHECK (dec BETWEEN -90 AND 90),
    stem TEXT NOT NULL UNIQUE,           -- of its file names
    line INTEGER NOT NULL                -- of the catalogue file, from 1
) STRICT;
INSERT INTO target VALUES(0,'588023007753142292',0.36382494999999998031,8.826010009999999184,'588023007753142292',1);
INSERT INTO target VALUES(1,'588018734255308820',189.86893993999998997,56.602023219999999525,'588018734255308820',2);
INSERT INTO target VALUES(2,'588023007753011220',0.0036367999999999999286,8.8731175899999996659,'588023007753011220',3);
INSERT INTO target VALUES(3,'588018734255439892',190.57640956000000187,56.634348989999999447,'588018734255439892',4);
INSERT INTO target VALUES(4,'588025521377640468',14.469182540000000258,21.433004549999999711,'588025521377640468',5);
INSERT INTO target VALUES(5,'587744046932623380',1.8444297899999999579,22.090909929999998696,'587744046932623380',6);
INSERT INTO target VALUES(6,'588025521377706004',14.651009509999999736,21.320077820000001623,'588025521377706004',7);
INSERT INTO target VALUES(7,'588018734258156848',190.59780000000000654,56.59752285999999799,'588018734258156848',8);
INSERT INTO target VALUES(8,'587731348861812756',173.1255840899999896,22.912780550000000801,'587731348861812756',9);
INSERT INTO target VALUES(9,'588023007753076756',0.084837780000000001523,8.7091656700000008584,'588023007753076756',10);
INSERT INTO target VALUES(10,'587731348861747220',172.99381811000000652,22.850948309999999708,'587731348861747220',11);
INSERT INTO target VALUES(11,'588018734255374356',190.04563934999998764,56.606063829999996527,'588018734255374356',12);
CREATE TABLE reject (
    line INTEGER NOT NULL,
    id TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;
CREATE TABLE survey (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE            -- sdss:g,r or hst:WFC3/IR:F160W
) STRICT;
INSERT INTO survey VALUES(0,'sdss:r');
INSERT INTO survey VALUES(1,'hst:WFC3/IR:F160W');
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
    PRIMARY KEY (survey, target)
) STRICT, WITHOUT ROWID;
INSERT INTO job VALUES(0,0,1,'done',0,0.0,0,'');
INSERT INTO job VALUES(0,1,8,'located',0,0.0,0,'');
INSERT INTO job VALUES(0,2,2,'done',0,0.0,0,'');
INSERT INTO job VALUES(0,3,10,'located',0,0.0,0,'');
INSERT INTO job VALUES(0,4,3,'done',0,0.0,0,'');
INSERT INTO job VALUES(0,5,5,'located',0,0.0,0,'');
INSERT INTO job VALUES(0,6,4,'done',0,0.0,0,'');
INSERT INTO job VALUES(0,7,11,'located',0,0.0,0,'');
INSERT INTO job VALUES(0,8,7,'located',0,0.0,0,'');
INSERT INTO job VALUES(0,9,0,'done',0,0.0,0,'');
INSERT INTO job VALUES(0,10,6,'located',0,0.0,0,'');
INSERT INTO job VALUES(0,11,9,'located',0,0.0,0,'');
INSERT INTO job VALUES(1,0,1,'no_coverage',0,0.0,0,'');
INSERT INTO job VALUES(1,1,8,'no_coverage',0,0.0,0,'');
INSERT INTO job VALUES(1,2,2,'no_coverage',0,0.0,0,'');
INSERT INTO job VALUES(1,3,10,'no_coverage',0,0.0,0,'');
INSERT INTO job VALUES(1,4,3,'no_coverage',0,0.0,0,'');
INSERT INTO job VALUES(1,5,5,'no_coverage',0,0.0,0,'');
INSERT INTO job VALUES(1,6,4,'no_coverage',0,0.0,0,'');
INSERT INTO job VALUES(1,7,11,'no_coverage',0,0.0,0,'');
INSERT INTO job VALUES(1,8,7,'no_coverage',0,0.0,0,'');
INSERT INTO job VALUES(1,9,0,'no_coverage',0,0.0,0,'');
INSERT INTO job VALUES(1,10,6,'no_coverage',0,0.0,0,'');
INSERT INTO job VALUES(1,11,9,'no_coverage',0,0.0,0,'');
CREATE TABLE product (
    number INTEGER PRIMARY KEY,
    survey INTEGER NOT NULL REFERENCES survey,
    name TEXT NOT NULL,                  -- the archive's file name
    band TEXT NOT NULL,
    url TEXT NOT NULL,
    mirrors TEXT NOT NULL,               -- JSON list, asked first
    size INTEGER,                        -- bytes, as the archive says: a hint
    fetched INTEGER NOT NULL DEFAULT 0   -- it was here, and stamps were cut of it
        CHECK (fetched IN (0, 1)),
    UNIQUE (survey, name, band)
) STRICT;
INSERT INTO product VALUES(1,0,'frame-r-005071-3-0225.fits.bz2','r','https://data.sdss.org/sas/dr17/eboss/photoObj/frames/301/5071/3/frame-r-005071-3-0225.fits.bz2','[]',NULL,1);
INSERT INTO product VALUES(2,0,'frame-r-005071-3-0226.fits.bz2','r','https://data.sdss.org/sas/dr17/eboss/photoObj/frames/301/5071/3/frame-r-005071-3-0226.fits.bz2','[]',NULL,1);
INSERT INTO product VALUES(3,0,'frame-r-005071-3-0224.fits.bz2','r','https://data.sdss.org/sas/dr17/eboss/photoObj/frames/301/5071/3/frame-r-005071-3-0224.fits.bz2','[]',NULL,1);
INSERT INTO product VALUES(4,0,'frame-r-005656-5-0148.fits.bz2','r','https://data.sdss.org/sas/dr17/eboss/photoObj/frames/301/5656/5/frame-r-005656-5-0148.fits.bz2','[]',NULL,1);
INSERT INTO product VALUES(5,0,'frame-r-005656-5-0149.fits.bz2','r','https://data.sdss.org/sas/dr17/eboss/photoObj/frames/301/5656/5/frame-r-005656-5-0149.fits.bz2','[]',NULL,1);
INSERT INTO product VALUES(6,0,'frame-r-005656-6-0069.fits.bz2','r','https://data.sdss.org/sas/dr17/eboss/photoObj/frames/301/5656/6/frame-r-005656-6-0069.fits.bz2','[]',NULL,0);
INSERT INTO product VALUES(7,0,'frame-r-002700-2-0068.fits.bz2','r','https://data.sdss.org/sas/dr17/eboss/photoObj/frames/301/2700/2/frame-r-002700-2-0068.fits.bz2','[]',NULL,0);
INSERT INTO product VALUES(8,0,'frame-r-002700-2-0069.fits.bz2','r','https://data.sdss.org/sas/dr17/eboss/photoObj/frames/301/2700/2/frame-r-002700-2-0069.fits.bz2','[]',NULL,0);
INSERT INTO product VALUES(9,0,'frame-r-004076-3-0144.fits.bz2','r','https://data.sdss.org/sas/dr17/eboss/photoObj/frames/301/4076/3/frame-r-004076-3-0144.fits.bz2','[]',NULL,0);
INSERT INTO product VALUES(10,0,'frame-r-004076-3-0145.fits.bz2','r','https://data.sdss.org/sas/dr17/eboss/photoObj/frames/301/4076/3/frame-r-004076-3-0145.fits.bz2','[]',NULL,0);
INSERT INTO product VALUES(11,0,'frame-r-004076-3-0146.fits.bz2','r','https://data.sdss.org/sas/dr17/eboss/photoObj/frames/301/4076/3/frame-r-004076-3-0146.fits.bz2','[]',NULL,0);
INSERT INTO product VALUES(12,0,'frame-r-004076-3-0187.fits.bz2','r','https://data.sdss.org/sas/dr17/eboss/photoObj/frames/301/4076/3/frame-r-004076-3-0187.fits.bz2','[]',NULL,0);
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
INSERT INTO listing VALUES(1,1795436257.7018222809,0);
CREATE TABLE cutout (
    survey INTEGER NOT NULL,
    target INTEGER NOT NULL,
    band TEXT NOT NULL,
    product INTEGER NOT NULL REFERENCES product,
    rank INTEGER NOT NULL,               -- 0 is the best product for it
    -- spare: taken when a better one turns out empty; empty: no stamp came of it,
    -- because the frame does not show the target or for what `note` says
    state TEXT NOT NULL CHECK (state IN ('wanted', 'spare', 'done', 'empty')),
    note TEXT NOT NULL DEFAULT '',       -- why it is empty: `Receipt.problem`
    file_loc TEXT NOT NULL,
    sha256 TEXT NOT NULL DEFAULT '',
    size INTEGER NOT NULL DEFAULT 0,
    coverage REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (survey, target, band, product),
    FOREIGN KEY (survey, target) REFERENCES job (survey, target)
) STRICT, WITHOUT ROWID;
INSERT INTO cutout VALUES(0,0,'r',2,0,'done','','cutouts/sdss/r/0000/588023007753142292.fits','76c8d9e1db97a29231cfc42f56cd55995a395be7066a13800228e6deb60b7276',14400,1.0);
INSERT INTO cutout VALUES(0,1,'r',9,0,'wanted','','cutouts/sdss/r/0000/588018734255308820.fits','',0,0.0);
INSERT INTO cutout VALUES(0,2,'r',3,0,'done','','cutouts/sdss/r/0000/588023007753011220.fits','79fea34f36093b1f889f79eba413abec70b349335cb90bd560f311e9ba0de8c3',14400,0.8000000000000000444);
INSERT INTO cutout VALUES(0,3,'r',11,0,'wanted','','cutouts/sdss/r/0000/588018734255439892.fits','',0,0.0);
INSERT INTO cutout VALUES(0,4,'r',4,0,'done','','cutouts/sdss/r/0000/588025521377640468.fits','c9be406f168b15cb972e8ba3cf3d18e80b7f9d4a4a67a2e3f2883a703d2fc91c',14400,1.0);
INSERT INTO cutout VALUES(0,5,'r',6,0,'wanted','','cutouts/sdss/r/0000/587744046932623380.fits','',0,0.0);
INSERT INTO cutout VALUES(0,6,'r',5,0,'done','','cutouts/sdss/r/0000/588025521377706004.fits','30b80f71ac9403739480f6dd30e59727b3792d9056391e25f7d6291e64a05b08',14400,1.0);
INSERT INTO cutout VALUES(0,7,'r',12,0,'wanted','','cutouts/sdss/r/0000/588018734258156848.fits','',0,0.0);
INSERT INTO cutout VALUES(0,8,'r',8,0,'wanted','','cutouts/sdss/r/0000/587731348861812756.fits','',0,0.0);
INSERT INTO cutout VALUES(0,9,'r',1,0,'done','','cutouts/sdss/r/0000/588023007753076756.fits','f1a3c280ce8e309528ddf2cc37fae79d0bd8e201dbe73ab493fe199941b59b76',14400,1.0);
INSERT INTO cutout VALUES(0,10,'r',7,0,'wanted','','cutouts/sdss/r/0000/587731348861747220.fits','',0,0.0);
INSERT INTO cutout VALUES(0,11,'r',10,0,'wanted','','cutouts/sdss/r/0000/588018734255374356.fits','',0,0.0);
CREATE TABLE tally (
    survey INTEGER NOT NULL REFERENCES survey,
    what TEXT NOT NULL,                  -- a state of jobs, or 'stamps' on disk
    count INTEGER NOT NULL CHECK (count >= 0),
    PRIMARY KEY (survey, what)
) STRICT, WITHOUT ROWID;
INSERT INTO tally VALUES(0,'done',5);
INSERT INTO tally VALUES(0,'failed',0);
INSERT INTO tally VALUES(0,'located',7);
INSERT INTO tally VALUES(0,'no_coverage',0);
INSERT INTO tally VALUES(0,'pending',0);
INSERT INTO tally VALUES(0,'stamps',5);
INSERT INTO tally VALUES(1,'done',0);
INSERT INTO tally VALUES(1,'failed',0);
INSERT INTO tally VALUES(1,'located',0);
INSERT INTO tally VALUES(1,'no_coverage',12);
INSERT INTO tally VALUES(1,'pending',0);
INSERT INTO tally VALUES(1,'stamps',0);
CREATE TABLE host (
    name TEXT PRIMARY KEY,
    requests INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    cooled_until REAL NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
INSERT INTO host VALUES('data.sdss.org',12,24035539,0.0);
INSERT INTO host VALUES('mast.stsci.edu',2,5723,0.0);
CREATE INDEX job_pending ON job (survey, sky) WHERE state = 'pending';
CREATE INDEX job_failed ON job (survey, target) WHERE state = 'failed';
CREATE INDEX job_waiting ON job (due) WHERE state IN ('pending', 'located');
CREATE INDEX cutout_wanted ON cutout (survey, product) WHERE state = 'wanted';
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
COMMIT;
