-- One row per run, draw and scoring policy: the latest scores.
CREATE OR REPLACE VIEW rescores_latest AS
SELECT *
FROM rescores
QUALIFY row_number() OVER (
    PARTITION BY run_id, suite, level, problem_id, sample_index, policy_id
    ORDER BY sequence DESC NULLS LAST, scored_at DESC
) = 1;
