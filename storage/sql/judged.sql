-- Draws with a verdict: what every estimator counts. A harness error is no verdict on a candidate, and
-- draws of trained arms are no draws of the base model.
CREATE OR REPLACE VIEW judged AS
SELECT *
FROM results
WHERE status IS NOT NULL AND status <> 'harness_error' AND coalesce(arm, 'base') = 'base';
