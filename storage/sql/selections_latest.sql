-- One row per run, problem, strategy and K: the latest computation.
CREATE OR REPLACE VIEW selections_latest AS
SELECT *
FROM selections
QUALIFY row_number() OVER (
    PARTITION BY run_id, suite, level, problem_id, strategy, k
    ORDER BY computed_at DESC
) = 1;
