-- Made once the catalogue is in: sorting it once takes half the time of keeping it sorted.

CREATE UNIQUE INDEX target_stem ON target (stem);

-- Jobs that are never postponed are due at 0, so these give them in sky order, and
-- after them the postponed ones, the soonest first.
CREATE INDEX job_pending ON job (survey, due, sky) WHERE state = 'pending';
CREATE INDEX job_located ON job (survey, due, sky) WHERE state = 'located';
CREATE INDEX job_failed ON job (survey, target) WHERE state = 'failed';
CREATE INDEX cutout_wanted ON cutout (survey, product) WHERE state = 'wanted';
CREATE INDEX product_fetched ON product (survey) WHERE fetched = 1;
